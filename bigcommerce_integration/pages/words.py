"""What the pages call things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import RefreshCode
from ..operations.accounting import reasons
from ..operations.explain import facts
from ..operations.findings.finding import Finding, FindingCode
from ..operations.findings.remedy import wait_text
from ..resources.orders import STATUS_NAMES

STATUSES: Mapping[str, tuple[str, str]] = {
    "active": ("Active", "good"),
    "needs_attention": ("Needs attention", "bad"),
    "deleting": ("Being removed", "quiet"),
    "pending": ("Waiting", "wait"),
    "processing": ("Running", "busy"),
    "completed": ("Completed", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", "quiet"),
    "off": ("Off", "quiet"),
    "current": ("Up to date", "good"),
    "old": ("Not up to date", "wait"),
    "well": ("All is well", "good"),
    "person": ("Needs you", "bad"),
    "person_later": ("Needs you", "wait"),
    "wait": ("Mends itself", "wait"),
    "linked": ("Linked", "good"),
    "unlinked": ("Not linked", "wait"),
    "conflict": ("Unclear", "wait"),
    "left": ("Left alone", "quiet"),
    "gone": ("Gone from the store", "quiet"),
    "archived": ("Archived", "quiet"),
    "declined": ("Declined", "wait"),
    "sale": ("Sale", "good"),
    "no_sale": ("No sale", "quiet"),
    "import_checking": ("Being checked", "busy"),
    "import_ready": ("To be applied", "wait"),
    "import_applying": ("Being applied", "busy"),
    "import_applied": ("Applied", "good"),
    "import_undoing": ("Being undone", "busy"),
    "import_undone": ("Undone", "quiet"),
    "document_pending": ("To be handed over", "busy"),
    "document_waiting": ("Waiting", "wait"),
    "document_held": ("Held", "bad"),
    "document_disabled": ("Kept back", "quiet"),
    "document_posted": ("In your books", "good"),
    "document_failed": ("Not taken", "bad"),
    "document_open": ("Open", "wait"),
}
"""A status as a word, and the kind of its colour."""

MODES = facts.MODES
DONE: Mapping[str, str] = {
    "connected": "The store is connected. Its first import has begun.",
    "saved": "The settings are saved.",
    "saved_token": "The settings are saved. The token works.",
    "saved_reconnected": "The settings are saved. The token works. What was missed is being fetched.",
    "saved_earlier": "The settings are saved. All orders placed from the new first day on are being fetched.",
    "unchanged": "Nothing was changed: the settings are as they were.",
    "disconnected": "The store is disconnected. Its records are being removed; your own products stay.",
    "started": "The refresh has begun.",
    "cancelled": "The refresh is cancelled. What was stored stays.",
    "retried": "The refresh goes on where it stopped.",
    "repairing": "The records that differ are being read again.",
    "linked": "The variant is linked.",
    "left": "The variant has no link now, and no refresh links it.",
    "fetched": "The order was read from the store just now.",
    "acknowledged": "It is noted that you know of the change.",
    "creating": "The products are being created.",
    "released": "It is released. A worker hands it over to your books.",
    "posting_retried": "A worker hands it over again.",
    "decided": "It is done. What is still to be decided is below.",
    "decided_in_part": "It is done, but for variants that were changed meanwhile: those are left as they are.",
}
"""What a page says at its top after a form, by the word ``done`` in its address."""
OF_REFRESH = ("connected", "started", "retried", "repairing")
"""Those that are said while the refresh goes on, and no longer once it has ended."""
NEEDS_TOKEN = (RefreshCode.TOKEN_REJECTED, RefreshCode.SCOPE_MISSING)
"""Why a refresh failed that fails again until there is another access token."""

TABS = (
    ("get_store", "Overview", "read"),
    ("get_variants", "Variants", "read"),
    ("get_products", "Products", "read"),
    ("get_orders", "Orders", "read_orders"),
    ("get_refunds", "Refunds", "read_orders"),
    ("get_accounting", "Accounting", "read_accounting"),
    ("get_rejected", "Rejected", "read"),
    ("get_links", "Mapping by spreadsheet", "link"),
    ("get_refreshes", "Refreshes", "read"),
    ("get_history", "History", "read_history"),
    ("get_settings", "Settings", "change"),
)
"""The pages of a store: the view, its name, and what a person must be allowed to."""

RESULTS: Mapping[str, str] = {
    "fetched": "Read",
    "created": "New",
    "updated": "Changed",
    "unchanged": "As before",
    "skipped": "Left out, as older than the first day",
    "deleted": "Gone from the store",
    "linked": "Variants linked",
    "products_created": "Your products created",
    "referenced": "Read since an order refers to them",
    "rejected": "Rejected",
    "conflicts": "Variants whose link is unclear",
    "refused": "Products that your system refused",
    "notes": "Rows with something unreadable in them",
    "requests": "Requests to the store",
}
"""What a refresh counts."""

COMPARED: Mapping[str, str] = {
    **RESULTS,
    "created": "Missing here",
    "updated": "Different here",
    "unchanged": "As in the store",
    "skipped": "Left out, as they changed lately or are not wanted",
    "deleted": "Here, and no longer in the store",
    "linked": "Variants whose link is wrong",
    "rejected": "Could not be read",
}
"""What a comparison counts, which changes nothing."""
KINDS: Mapping[str, str] = {
    "missing": "Missing here",
    "different": "Different here",
    "extra": "No longer in the store",
}
"""How a record differs."""

ACTIONS: Mapping[str, str] = {
    "fetch": "Fetch it",
    "refresh": "Start a refresh",
    "retry": "Look at it and try again",
    "link": "Look at the variants",
    "create_products": "Look at the variants",
    "repair": "Look at what differs",
    "acknowledge": "See what has changed",
    "open_settings": "Open the settings",
    "new_token": "Enter a new token",
    "allow_deletion": "Look at it",
    "open_documents": "Look at the documents",
}
"""What the button of a finding says; it leads to the page that helps."""
_AMBER = (
    FindingCode.LINK_CONFLICTS,
    FindingCode.PRODUCTS_REFUSED,
    FindingCode.BROKER_DOWN,
    FindingCode.TIMEZONE_CHANGED,
    FindingCode.CURRENCY_CHANGED,
)
"""What needs a person, and yet makes nothing out of date."""
_OF_THE_API = " The list of variants with conflict=true has all."


def plain(message: str | None) -> str:
    """The message of a refresh without advice that is for users of the API."""
    return (message or "").replace(_OF_THE_API, "").removeprefix("Completed.").strip()


DEEDS: Mapping[str, str] = {
    "create": "Connected the store",
    "change": "Changed the settings",
    "delete": "Disconnected the store",
    "link": "Decided on links",
    "export": "Exported a list",
    "create_products": "Had products created",
    "import_upload": "Sent a file of links",
    "import_apply": "Applied a file of links",
    "import_undo": "Undid a file of links",
    "acknowledge": "Confirmed a change in the store",
    "release": "Released an accounting document",
    "retry_posting": "Had an accounting document handed over again",
    "return": "Reported goods that came back",
}
SUBJECTS: Mapping[str, str] = {
    FindingCode.TIMEZONE_CHANGED: "Time zone",
    FindingCode.CURRENCY_CHANGED: "Default currency",
}
"""What has changed in a store."""

LABELS: Mapping[str, str] = {
    "name": "Name",
    "access_token": "Access token",
    "store_hash": "API path",
    "start_date": "First day",
    "store_id": "Your store",
    "linking": "Products",
    "is_automatic_sync_enabled": "Keep up to date",
    "date_from": "From",
    "date_to": "Until",
    "ids": "Numbers of the records",
    "confirmation": "The store's name",
    "accounting_from": "First day of what is switched on",
}

LINK_STATES: Mapping[str, str] = {
    "all": "All",
    "unlinked": "Not linked",
    "conflicts": "Unclear",
    "linked": "Linked",
    "left": "Left alone",
}
"""How it may stand with the link of a variant."""

LINK_REASONS: Mapping[str, str] = {
    "similar_sku_in_host": "One of your products has nearly this SKU",
    "same_sku_in_host": "Several of your products have this SKU",
    "same_sku_in_store": "Several variants of the store have this SKU",
    "blank_sku": "It has no SKU",
    "unreadable_sku": "Its SKU cannot be read, or is too long",
    "sku_not_askable": "Your system cannot hold this SKU",
    "refused_by_host": "Your system did not make a product for it",
    "host_product_gone": "Your product that it was linked to is gone",
}
"""What stands in the way of a link, for somebody who knows their own products."""

LINK_SOURCES: Mapping[str, str] = {"auto": "by its SKU", "created": "made for it", "manual": "by hand or by file"}

IMPORT_SENTENCES: Mapping[str, str] = {
    "checking": "Each row is looked at. Nothing is linked yet.",
    "ready": "Nothing is linked yet. Look at the counts, then apply the good rows.",
    "applying": "The variants of the good rows are being linked.",
    "applied": "The good rows are applied.",
    "undoing": "The variants get the links back that they had.",
    "undone": "The variants have the links that they had before.",
}
"""What a person should know of a file of links, by its status."""

VERDICTS: Mapping[str, str] = {
    "good": "Good",
    "bad": "Bad",
    "applied": "Applied",
    "skipped": "Skipped, as the variant was changed meanwhile",
    "undone": "Undone",
    "not_undone": "Not undone, as the variant was changed meanwhile",
}
"""What became of a row."""

CREATION: Mapping[str, str] = {
    "create": "A product of yours is created, and linked",
    "link": "You have a product with the SKU: it is linked",
    "exists": "You have a product with the SKU, and the settings do not link by themselves: link it by hand",
    "conflict": "Nothing: which of your products is meant is not sure, or there is no SKU",
    "only_referenced": "Nothing: the store's product is here only since an order refers to it",
    "linked": "Nothing: it is linked already",
    "gone": "Nothing: the store no longer has it",
    "not_found": "Nothing: there is no such variant here",
}
"""What would come of the wish for a product."""

DECISIONS: Mapping[str, str] = {
    "leave": "Leave variants unlinked",
    "link_alike": "Link variants whose SKU differs by case only",
    "use_suggested": "Link variants to the suggested products",
}
"""What a person may decide about many variants at once."""

DECISIONS_ABOUT: Mapping[str, str] = {
    "leave": "They go out of the list of what is to be done. No refresh links them; by hand each can be linked later.",
    "link_alike": "Each of them has just one counterpart, whose SKU differs by upper and lower case alone.",
    "use_suggested": "Each of them has just one counterpart, whose SKU differs by case, accents or blanks alone.",
}

ORDER_STATUSES: Sequence[tuple[str, str]] = [(str(number), name) for number, name in enumerate(STATUS_NAMES)]
"""The statuses of orders by their numbers."""


DOCUMENT_KINDS = reasons.KIND_NAMES
ROLES: Mapping[str, str] = {
    "sales": "Sales",
    "cogs": "Cost of goods sold",
    "shipping_revenue": "Shipping and handling",
    "shipping_refund": "Shipping refunded",
    "sales_returns_allowances": "Returns and allowances",
    "receivable": "Receivable",
    "tax": "Tax",
    "inventory": "Inventory",
    "rounding": "Rounding",
    "gift_certificates": "Gift certificates",
    "store_credit": "Store credit",
}
"""What a line of a document is for."""
MEMOS: Mapping[str, str] = {"marketplace_cost": "Marketplace", "payment_cost": "Payment"}


def document_status(status: str) -> str:
    """The word of ``STATUSES`` for that of a document or a batch."""
    return f"document_{status}"


def order_status(number: int | None) -> str:
    """The name of an order's status."""
    names = dict(ORDER_STATUSES)
    return "Status not known" if number is None else names.get(str(number), f"Status {number}")


_REFUNDED: Mapping[str, str] = {
    "PRODUCT": "Goods",
    "GIFT_WRAPPING": "Gift wrapping",
    "SHIPPING": "Shipping",
    "HANDLING": "Handling",
    "ORDER": "An amount of the order",
    "FEE": "A fee",
    "TAX": "Tax",
}


def refund_item(item_type: str | None, quantity: int | None, name: str | None) -> str:
    """What was given back, such as "2 × Red mug"; ``name`` is that of the line."""
    what = name or _REFUNDED.get(item_type or "", item_type or "Not known")
    return what if quantity is None else f"{quantity} × {what}"


def import_status(status: str) -> str:
    """The word of ``STATUSES`` for that of a file of links: "failed" is what it is of a refresh."""
    return status if status == "failed" else f"import_{status}"


def finding_status(finding: Finding) -> str:
    """The word of ``STATUSES`` for a finding."""
    return "person_later" if finding.severity == "person" and finding.code in _AMBER else finding.severity


def shared(finding: Finding) -> str:
    """What a store that has nothing else is told of a finding that concerns all stores and stands at the top."""
    return "No worker runs: see above." if finding.code == FindingCode.NO_WORKER else "See above."


def waits(finding: Finding) -> str:
    """Whether it can wait."""
    return wait_text(can_wait=finding.can_wait)


def label(path: str) -> str | None:
    """What an input is called, by its dotted path; None for one that nobody has to see."""
    return LABELS.get(path.rpartition(".")[2])
