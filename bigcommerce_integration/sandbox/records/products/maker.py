"""Made-up products: mostly ordinary ones, and on purpose a share of awkward ones."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any, Final

from .. import words
from ..base import Dice, Product, Variant
from ..jsontext import dumps, number
from ..moments import iso
from .shapes import CUSTOM_FIELD, IMAGE, OPTION_VALUE, PRODUCT, VARIANT

# How many variants the kinds with many have; 600 is BigCommerce's limit.
MANY_VARIANTS: Final = {"variants_51": 51, "variants_60": 60, "variants_120": 120, "variants_300": 300}
KINDS: Final = (
    "odd_name", "no_options", "blank_sku", "blank_variant_skus", "lookalike_sku", "duplicate_sku", "twice_within",
    "odd_sku", "null_prices", "zero_price", "hidden", "digital", "preorder", "ancient", "null_stock", "bare",
)  # fmt: skip
_SOME_VARIANTS = (1, 1, 1, 1, 2, 3, 3, 4, 5, 8)


def kinds(count: int) -> Iterator[str]:
    """The kind of each product of a store: each occurs in a store of forty, one in ten is awkward in a big one."""
    many_period = max(12, min(400, count // 3))
    period = max(2, min(10, (count - count // many_period) // len(KINDS)))
    many, awkward = cycle(("variants_51", "variants_60", "variants_120")), cycle(KINDS)
    others = 0
    for index in range(count):
        if count >= 200 and index % 2000 == 11:
            yield "variants_300"
        elif index % many_period == many_period - 1:
            yield next(many)
        else:
            others += 1
            yield next(awkward) if others % period == 0 else "plain"


class ProductMaker:
    """Makes one product after another; keeps the counters that ids come from."""

    def __init__(self, dice: Dice, cdn_url: str) -> None:
        self._dice = dice
        self._cdn_url = cdn_url
        self._next_id = {"variant": 300, "image": 900, "field": 40, "option": 100, "value": 200}
        self._awkward_names = cycle(words.AWKWARD_NAMES)
        self._awkward_skus = {"lookalike_sku": cycle(words.LOOKALIKE_SKUS), "odd_sku": cycle(words.ODD_SKUS)}
        self._descriptions = [dumps(_description(dice)) for _ in range(24)]

    def make(
        self, product_id: int, created: int, modified: int, kind: str = "plain", count: int | None = None
    ) -> Product:
        """A product with its variants; `count` of them, or as the kind has it."""
        roll, pick = self._dice.roll, self._dice.pick
        count = self._count(kind) if count is None else count
        if kind in ("twice_within", "blank_variant_skus", "null_prices", "null_stock"):
            count = max(count, 3)
        name, sku = self._name_and_sku(product_id, kind)
        price = 0 if kind == "zero_price" else 500 + roll(20000)
        sale = price * 4 // 5 if roll(10) == 0 else 0
        tracking = "none" if roll(4) == 0 else ("product" if count == 1 else "variant")
        product = Product(product_id, created, modified, "")
        weight = 1 + roll(40)
        stock = self._add_variants(product, kind, self._variant_skus(kind, count, sku), sale or price, weight)
        slug = f"/{pick(words.ADJECTIVES)}-{pick(words.NOUNS)}-{product_id}/".lower()
        product.base = PRODUCT.fill(
            {
                "id": product_id,
                "name": dumps(name),
                "type": '"digital"' if kind == "digital" else '"physical"',
                "sku": dumps(sku),
                "description": '""' if kind == "bare" else pick(self._descriptions),
                "weight": weight,
                **{name: roll(30) for name in ("width", "depth", "height")},
                **self._prices(price, sale),
                "categories": "[]" if kind == "bare" else f"[{20 + roll(5)},{30 + roll(9)}]",
                "brand_id": 0 if kind == "bare" else 1 + roll(len(words.BRANDS)),
                "inventory_level": stock,
                "inventory_tracking": f'"{tracking}"',
                **self._display(product_id, kind),
                "date_created": f'"{iso(created)}"',
                "date_modified": f'"{iso(modified)}"',
                "preorder_release_date": f'"{iso(modified)}"' if kind == "preorder" else "null",
                "url": f'"{slug}"',
                "base_variant_id": product.variants[0].id if count == 1 else "null",
            }
        )
        if kind != "bare":
            product.parts = {"images": self._images(product), "custom_fields": self._custom_fields()}
        return product

    def _count(self, kind: str) -> int:
        """How many variants a product of this kind has."""
        if kind in ("no_options", "blank_sku", "digital", "bare"):
            return 1
        return MANY_VARIANTS.get(kind) or self._dice.pick(_SOME_VARIANTS)

    def _prices(self, price: int, sale: int) -> dict[str, object]:
        return {
            "price": number(price),
            "cost_price": number(price // 2),
            "retail_price": number(price * 6 // 5 if self._dice.roll(3) == 0 else 0),
            "sale_price": number(sale),
            "calculated_price": number(sale or price),
        }

    def _display(self, product_id: int, kind: str) -> dict[str, object]:
        """How the shop shows it and what became of that."""
        return {
            "total_sold": self._dice.roll(400),
            "is_visible": "false" if kind == "hidden" else "true",
            "upc": f'"{10**11 + product_id}"' if self._dice.roll(2) else '""',
            "search_keywords": dumps(f"{self._dice.pick(words.ADJECTIVES)},{self._dice.pick(words.NOUNS)}"),
            "availability": {"hidden": '"disabled"', "preorder": '"preorder"'}.get(kind, '"available"'),
            "sort_order": self._dice.roll(10) - 2,
            "view_count": self._dice.roll(5000),
        }

    def add_variant(self, product: Product, sku: str, fields: dict[str, Any]) -> Variant:
        """One more variant at the product's end, with an option value of its own."""
        label = f"Edition {len(product.variants) + 1}"
        option = self._option_values([("Edition", self._next("option"))], [(label, self._next("value"))])
        variant = self._variant(product.id, sku, option, {"calculated_price": "0", **fields})
        product.variants.append(variant)
        return variant

    def _add_variants(self, product: Product, kind: str, skus: Sequence[str], price: int, weight: int) -> int:
        """Fill in a variant for each SKU; returns the sum of their stock."""
        count = len(skus)
        values = self._value_grid(count)
        total = 0
        for index in range(count):
            own_price = None if kind == "null_prices" or self._dice.roll(3) else price + 100 * self._dice.roll(20)
            level: int | None = self._dice.roll(120)
            if kind == "null_stock" and index != 1:
                level = None
            if kind == "zero_price":
                own_price = 0
            total += level or 0
            fields = {
                "price": "null" if own_price is None else number(own_price),
                "calculated_price": number(price if own_price is None else own_price),
                "cost_price": "null" if self._dice.roll(2) else number(price // 2),
                "weight": "null" if self._dice.roll(4) else weight,
                "calculated_weight": weight,
                "inventory_level": "null" if level is None else level,
                "purchasing_disabled": "true" if kind == "hidden" else "false",
                "sku_id": "null" if count == 1 else None,
            }
            product.variants.append(self._variant(product.id, skus[index], values(index), fields))
        return total

    def _variant(self, product_id: int, sku: str, option_values: str, fields: dict[str, Any]) -> Variant:
        variant_id = self._next("variant", 1 + (self._dice.roll(15) == 0) * self._dice.roll(40))
        if fields.get("sku_id") is None:
            fields["sku_id"] = variant_id + 1000
        return Variant(
            variant_id,
            product_id,
            VARIANT.fill(
                {
                    "price": "null",
                    "cost_price": "null",
                    "weight": "null",
                    "calculated_weight": 1,
                    "inventory_level": 0,
                    "purchasing_disabled": "false",
                    "upc": '""',
                    "image_url": '""' if variant_id % 3 else f'"{self._cdn_url}/v/{variant_id}.png"',
                    **fields,
                    "id": variant_id,
                    "product_id": product_id,
                    "sku": dumps(sku),
                    "option_values": option_values,
                }
            ),
        )

    def _name_and_sku(self, product_id: int, kind: str) -> tuple[str, str]:
        name = f"{self._dice.pick(words.ADJECTIVES)} {self._dice.pick(words.NOUNS)} {product_id}"
        sku = f"{name[:2].upper()}{self._dice.roll(9)}-{product_id}"
        if kind == "odd_name":
            name = f"{next(self._awkward_names)} {product_id}"
        elif kind in self._awkward_skus:
            sku = next(self._awkward_skus[kind])
        elif kind in ("blank_sku", "bare"):
            sku = ""
        elif kind == "duplicate_sku":
            sku = words.DUPLICATE_SKU
        return name, sku

    def _variant_skus(self, kind: str, count: int, sku: str) -> Sequence[str]:
        if count == 1 or kind == "twice_within":
            return [sku] * count
        if kind == "blank_variant_skus":
            return [""] * count
        first = [sku] if kind in ("duplicate_sku", "lookalike_sku", "odd_sku") else []
        return first + [f"{sku[:250]}-{index}" for index in range(1, count + 1)]

    def _value_grid(self, count: int) -> Callable[[int], str]:
        """The option values of the variant at each place: size, and colour where sizes do not suffice."""
        if count == 1:
            return lambda _: "[]"
        sizes = [(size, self._next("value")) for size in words.SIZES[: max(2, min(count, len(words.SIZES)))]]
        colours = [(colour, self._next("value")) for colour in words.COLOURS] if count > len(sizes) else []
        axes = [("Size", self._next("option"))] + ([("Colour", self._next("option"))] if colours else [])

        def at(index: int) -> str:
            chosen = [sizes[index % len(sizes)]] + ([colours[index // len(sizes) % len(colours)]] if colours else [])
            return self._option_values(axes, chosen)

        return at

    def _option_values(self, axes: Sequence[tuple[str, int]], chosen: Sequence[tuple[str, int]]) -> str:
        texts = [
            OPTION_VALUE.fill(
                {"id": value_id, "label": f'"{label}"', "option_id": axis_id, "option_display_name": f'"{axis}"'}
            )
            for (axis, axis_id), (label, value_id) in zip(axes, chosen, strict=True)
        ]
        return f"[{','.join(texts)}]"

    def _images(self, product: Product) -> str:
        texts = []
        for index in range(self._dice.roll(3)):
            image_id = self._next("image")
            texts.append(
                IMAGE.fill(
                    {
                        "id": image_id,
                        "product_id": product.id,
                        "is_thumbnail": "true" if index == 0 else "false",
                        "sort_order": index,
                        "file": f'"p/{image_id}.jpg"',
                        "url": f'"{self._cdn_url}/p/{image_id}.jpg"',
                        "date_modified": f'"{iso(product.created)[:19]}Z"',
                    }
                )
            )
        return f"[{','.join(texts)}]"

    def _custom_fields(self) -> str:
        if self._dice.roll(3):
            return "[]"
        value = dumps(self._dice.pick(words.COLOURS))
        text = CUSTOM_FIELD.fill({"id": self._next("field"), "name": '"Glaze"', "value": value})
        return f"[{text}]"

    def _next(self, counter: str, step: int = 1) -> int:
        self._next_id[counter] += step
        return self._next_id[counter]


def _description(dice: Dice) -> str:
    sentences = [
        f"A {dice.choice(words.ADJECTIVES).lower()} {dice.choice(words.NOUNS).lower()}"
        f" in {dice.choice(words.COLOURS).lower()}, made by hand &amp; signed."
        for _ in range(dice.randint(1, 7))
    ]
    return f"<p>{sentences[0]}</p>\r\n<ul>{''.join(f'<li>{sentence}</li>' for sentence in sentences[1:])}</ul>"
