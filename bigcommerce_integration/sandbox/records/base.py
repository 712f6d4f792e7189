"""The records of a store: small objects around the JSON texts that are sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from .jsontext import dumps, with_members

T = TypeVar("T")
EMBEDDED_LINES_MAX = 50  # items a consignment (I:bigcommerce/docs#960)

_WARNING = '"__warning__":' + dumps(
    {
        "message": "Not all line items of this consignment are returned."
        " Use /v2/orders/{order_id}/products to read them all."
    }
)


class Dice(Random):
    """Chance, several times faster than by `randrange` and `choice`."""

    def roll(self, sides: int) -> int:
        """An integer below `sides`."""
        return int(self.random() * sides)

    def pick(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[int(self.random() * len(choices))]


@dataclass(slots=True)
class Variant:
    """The exact thing with a SKU."""

    id: int
    product_id: int
    text: str


@dataclass(slots=True)
class Product:
    """What is sold. `base` is its text without sub-resources; `parts` are the texts of those but variants."""

    id: int
    created: int
    modified: int
    base: str
    variants: list[Variant] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)

    def with_variants(self) -> str:
        """The text that `GET products?include=variants` sends."""
        return with_members(self.base, f'"variants":{self.variants_text()}')

    def variants_text(self) -> str:
        """All variants as a JSON array."""
        return f"[{','.join([variant.text for variant in self.variants])}]"


@dataclass(slots=True)
class Line:
    """One position of an order; V2 calls it an order product."""

    id: int
    text: str


@dataclass(slots=True)
class Consignment:
    """The lines that reach the buyer in one way; `head` is its text without them.

    `kind` is shipping, pickups, downloads or gift_certificates.
    """

    kind: str
    head: str
    lines: list[Line] = field(default_factory=list)

    def embedded(self) -> str:
        """With full line items, cut off after fifty."""
        items = ",".join([line.text for line in self.lines[:EMBEDDED_LINES_MAX]])
        warning = f"{_WARNING}," if len(self.lines) > EMBEDDED_LINES_MAX else ""
        return with_members(self.head, f'{warning}"line_items":[{items}]')

    def linked(self, link: str) -> str:
        """With one link an item instead of the item."""
        return with_members(self.head, f'"line_items":[{",".join([link] * len(self.lines))}]')


@dataclass(slots=True)
class Order:
    """A sale. `base` is its text without consignments and fees; `lines` all its lines by id.

    A line that is in no consignment is one that the API does not embed although `/products` sends it
    (I:bigcommerce/dev-docs#2052).
    """

    id: int
    created: int
    modified: int
    status_id: int
    archived: bool
    base: str
    lines: list[Line] = field(default_factory=list)
    consignments: list[Consignment] = field(default_factory=list)
    fees: str = "[]"

    def render(self, api_root: str, *, consignments: str = "link", fees: bool = False, as_array: bool = False) -> str:
        """The order's text; `consignments` is link, plain or line_items, `api_root` the store's V2 address."""
        if consignments == "link":
            parts = self._link(api_root, "consignments")
        else:
            parts = self.consignments_text(api_root, embed=consignments == "line_items")
            parts = f"[{parts}]" if as_array else parts
        fees_text = self.fees if fees else self._link(api_root, "fees")
        return f'{self.base[:-1]},"consignments":{parts},"fees":{fees_text}}}'

    def consignments_text(self, api_root: str, *, embed: bool) -> str:
        """The consignments as one object, keyed by the way the goods take."""
        groups: dict[str, list[str]] = {"pickups": [], "shipping": [], "downloads": [], "gift_certificates": []}
        link = "" if embed else self._link(api_root, "products")
        for consignment in self.consignments:
            groups[consignment.kind].append(consignment.embedded() if embed else consignment.linked(link))
        pickups, shipping, downloads, gifts = (",".join(texts) for texts in groups.values())
        return (
            f'{{"pickups":[{pickups}],"shipping":[{shipping}],"downloads":[{downloads}],'
            f'"email":{{"gift_certificates":[{gifts}]}}}}'
        )

    def _link(self, api_root: str, resource: str) -> str:
        return f'{{"url":"{api_root}/orders/{self.id}/{resource}","resource":"/orders/{self.id}/{resource}"}}'


@dataclass(slots=True)
class Refund:
    """What was given back of an order; `text` is what every answer sends of it."""

    id: int
    order_id: int
    created: int
    text: str
