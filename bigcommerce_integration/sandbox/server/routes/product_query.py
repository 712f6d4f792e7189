"""Which products a V3 query asks for, and in which order (reference/catalog/products_catalog.v3.yml)."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any, Final

from ...records.base import Product
from ...records.jsontext import loads
from ...records.moments import parse, parse_v3_filter
from ...records.state import StoreState

_RANGE: Final = ("", ":in", ":not_in", ":min", ":max", ":greater", ":less")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError(f"{text!r} is not a boolean")
    return _BOOLEANS[text]


# Name: how its text is read, and the operators it takes.
_FIELDS: Final[dict[str, tuple[Callable[[str], Any], tuple[str, ...]]]] = {
    "name": (str, ("",)),
    "sku": (str, ("", ":in")),
    "mpn": (str, ("",)),
    "upc": (str, ("",)),
    "price": (float, ("",)),
    "weight": (float, ("",)),
    "condition": (str.capitalize, ("",)),
    "brand_id": (int, ("",)),
    "is_visible": (_boolean, ("",)),
    "is_featured": (_boolean, ("",)),
    "is_free_shipping": (_boolean, ("",)),
    "inventory_level": (int, _RANGE),
    "total_sold": (int, ("",)),
    "type": (str, ("",)),
    "availability": (str, ("",)),
}
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "": lambda have, want: bool(have == want),
    ":in": lambda have, want: have in want,
    ":not_in": lambda have, want: have not in want,
    ":min": lambda have, want: bool(have >= want),
    ":max": lambda have, want: bool(have <= want),
    ":greater": lambda have, want: bool(have > want),
    ":less": lambda have, want: bool(have < want),
}
_SORTS: Final = (
    "id", "name", "sku", "price", "date_modified", "date_last_imported",
    "inventory_level", "is_visible", "total_sold", "calculated_price",
)  # fmt: skip
_DATES: Final = tuple(f"date_modified{op}" for op in ("", ":min", ":max"))
_IMPORTED: Final = tuple(f"date_last_imported{op}" for op in ("", ":not", ":min", ":max"))
_OTHERS: Final = (
    "categories", "categories:in", "channel_id:in", "keyword", "keyword_context", "inventory_low", "out_of_stock",
)  # fmt: skip
KNOWN: Final = frozenset(
    (
        *(f"id{op}" for op in _RANGE),
        *(name + op for name, (_, ops) in _FIELDS.items() for op in ops),
        *_DATES,
        *_IMPORTED,
        *_OTHERS,
        *("page", "limit", "sort", "direction", "include", "include_fields", "exclude_fields"),
    )
)

Test = Callable[[Product], bool]
FieldTest = Callable[[dict[str, Any]], bool]


def select(state: StoreState, query: dict[str, str]) -> list[int]:
    """The ids of all products that the query asks for, in its order; raises ValueError for a bad value."""
    ids = within(state.product_ids, query)
    for test in _tests(query, state.now):
        ids = [product_id for product_id in ids if test(state.products[product_id])]
    return _sorted(state, ids, query)


def within(ids: list[int], query: dict[str, str]) -> list[int]:
    """Those of the sorted ids that the id filters leave."""
    low, high = 0, len(ids)
    for name, bound in (("id:min", bisect_left), ("id:greater", bisect_right), ("id", bisect_left)):
        if name in query:
            low = max(low, bound(ids, int(query[name])))
    for name, bound in (("id:max", bisect_right), ("id:less", bisect_left), ("id", bisect_right)):
        if name in query:
            high = min(high, bound(ids, int(query[name])))
    found = ids[low:high]
    for name, is_chosen in (("id:in", True), ("id:not_in", False)):
        if name in query:
            named = integers(query[name])
            found = [one for one in found if (one in named) is is_chosen]
    return found


def integers(text: str) -> set[int]:
    """The numbers of a comma-separated list; raises ValueError."""
    return {int(part) for part in text.split(",")}


def _tests(query: dict[str, str], now: float) -> Iterator[Test]:
    for name, text in query.items():
        base, colon, operator = name.partition(":")
        operator = colon + operator
        if name in _DATES:
            yield _date_test(operator, parse_v3_filter(text, now))
        elif base in _FIELDS and operator in _FIELDS[base][1]:
            read = _FIELDS[base][0]
            want = {read(part) for part in text.split(",")} if operator in (":in", ":not_in") else read(text)
            yield _of_fields(_field_test(base, operator, want))
        elif name in _IMPORTED:
            yield _of_fields(_imported_test(operator, parse_v3_filter(text, now)))
        elif name in _OTHERS:
            yield _of_fields(_other_test(name, text))


def _of_fields(test: FieldTest) -> Test:
    return lambda product: test(loads(product.base))


def _date_test(operator: str, want: float) -> Test:
    compare = _COMPARE[operator]
    return lambda product: compare(product.modified, want)


def _field_test(name: str, operator: str, want: Any) -> FieldTest:
    compare = _COMPARE[operator]
    return lambda fields: compare(fields[name], want)


def _imported_test(operator: str, want: float) -> FieldTest:
    def test(fields: dict[str, Any]) -> bool:
        have = fields["date_last_imported"]
        if have is None:
            return operator == ":not"
        return parse(have) != want if operator == ":not" else _COMPARE[operator](parse(have), want)

    return test


def _other_test(name: str, text: str) -> FieldTest:
    if name == "categories":
        wanted = int(text)
        # Misses products in several categories (spec).
        return lambda fields: fields["categories"] == [wanted]
    if name == "categories:in":
        categories = integers(text)
        return lambda fields: categories <= set(fields["categories"])
    if name == "channel_id:in":
        # Every product is in channel 1 and no other.
        on_sale = 1 in integers(text)
        return lambda _: on_sale
    if name == "keyword":
        return lambda fields: text.lower() in f"{fields['name']} {fields['sku']}".lower()
    if name in ("inventory_low", "out_of_stock"):
        wish, edge = _boolean(text), "inventory_warning_level" if name == "inventory_low" else ""
        return lambda fields: (fields["inventory_level"] <= fields.get(edge, 0)) == wish
    return lambda _: True


def _sorted(state: StoreState, ids: list[int], query: dict[str, str]) -> list[int]:
    sort, direction = query.get("sort", "id"), query.get("direction", "asc")
    if sort not in _SORTS or direction not in ("asc", "desc"):
        raise ValueError(f"cannot sort by {sort} {direction}")
    if sort == "date_modified":
        ids = sorted(ids, key=lambda product_id: state.products[product_id].modified)
    elif sort != "id":
        fields = {product_id: loads(state.products[product_id].base)[sort] for product_id in ids}
        ids = sorted(ids, key=lambda product_id: (fields[product_id] is not None, fields[product_id]))
    return ids[::-1] if direction == "desc" else ids
