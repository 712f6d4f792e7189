"""The made-up words, people and awkward texts that a store's records are made of."""

ADJECTIVES = (
    "Amber", "Brisk", "Calm", "Dusky", "Earthen", "Fern", "Gentle", "Harbour", "Ivory", "Juniper", "Kindred",
    "Linden", "Mellow", "Northern", "Oaken", "Pebble", "Quiet", "Russet", "Slate", "Tidal", "Umber", "Velvet",
)  # fmt: skip
NOUNS = (
    "Apron", "Basket", "Candle", "Dish", "Easel", "Flask", "Garland", "Hammock", "Inkwell", "Jug", "Kettle",
    "Lantern", "Mug", "Notebook", "Ottoman", "Planter", "Quilt", "Rug", "Scarf", "Teapot", "Umbrella", "Vase",
)  # fmt: skip
BRANDS = ("Alder & Vane", "Brackwater", "Copperleaf", "Dunmore Works", "Elmsworth")
COLOURS = (
    "Black", "Blue", "Bone", "Clay", "Green", "Grey", "Indigo", "Moss",
    "Ochre", "Plum", "Red", "Rose", "Sand", "Teal", "White",
)  # fmt: skip
SIZES = (
    "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL", "5XL", "6XL",
    "28", "30", "32", "34", "36", "38", "40", "42", "44", "46",
)  # fmt: skip

FIRST_NAMES = ("Ada", "Bruno", "Celia", "Dario", "Edda", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla")
LAST_NAMES = ("Abend", "Brook", "Castell", "Dorn", "Ekman", "Falk", "Grove", "Holt", "Iversen", "Jarvis", "Klee")
STREETS = ("Aspen Way", "Birch Lane", "Canal Street", "Dyer Road", "East Quay", "Foundry Row", "Glen Avenue")
PLACES = (
    ("Fernhill", "Texas", "75999", "United States", "US"),
    ("Port Alma", "Oregon", "97999", "United States", "US"),
    ("Grauburg", "Hessen", "35999", "Germany", "DE"),
    ("Llanfawr", "Gwynedd", "LL99 9ZZ", "United Kingdom", "GB"),
    ("Saint-Orme", "", "59999", "France", "FR"),
)
AWKWARD_PEOPLE = (
    ("Zoë", "O'Neill-Ñandú"),
    ("美咲", "山田"),
    ("<b>Rob</b>", '"); DROP TABLE orders;--'),
    ("Nul\0", "Surro\ud800gate"),
    ("", ""),
)

# Each gets the product's number behind it, since names are unique in a catalog.
AWKWARD_NAMES = (
    "Kaffeetasse „Blüte“ – 茶碗 🍵 كوب",
    "<b>Bold</b> &amp; <script>alert('mug')</script>",
    "Nul\0byte bowl",
    "Lone \ud800 surrogate lamp",
    "  Tab\there, line\u2028separator, trailing blank ",
    "Zalgo e\u0301\u0323 and \u200bzero width \u202eright to left",
    "100%s of %(name)s, 50% off",
    "A name as long as a name may be: " + "many words " * 18,
)

# Equal to a database that ignores case, accents, trailing blanks or composition; different to the store.
LOOKALIKE_SKUS = ("abc-1", "ABC-1 ", "äbc-1", "a\u0308bc-1", "Abc-1", "abc-1 ", "ABC-1", "\u00e0bc-1")
ODD_SKUS = ("00042", "42", "null", "-", "a/b?c=d&e", "100%", "O'SKU\"", "sku\0nul", "sku \ud800", "L" * 255, " lead")
DUPLICATE_SKU = "TWICE-1"

STATUSES = (
    (0, "Incomplete", "The shopper reached the payment page and did not finish."),
    (1, "Pending", "The order was begun and nothing is paid yet."),
    (2, "Shipped", "Everything has left."),
    (3, "Partially Shipped", "Some of the items have left."),
    (4, "Refunded", "All of the money was given back."),
    (5, "Cancelled", "The order was called off."),
    (6, "Declined", "The seller refused the order."),
    (7, "Awaiting Payment", "Waits for the shopper's money."),
    (8, "Awaiting Pickup", "Packed, waits to be collected."),
    (9, "Awaiting Shipment", "Packed, waits for the carrier."),
    (10, "Completed", "Shipped or collected, and received."),
    (11, "Awaiting Fulfillment", "Paid, waits to be packed."),
    (12, "Manual Verification Required", "A person has to look at the payment."),
    (13, "Disputed", "The shopper contests the payment."),
    (14, "Partially Refunded", "Some of the money was given back."),
)
STATUS_NAMES = {number: name for number, name, _ in STATUSES}
