"""The quick way to read a page and the careful one make the same of it, whatever it holds."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client import records
from bigcommerce_integration.client.records import Pagination, Record, read_whole, split_v2, split_v3
from bigcommerce_integration.errors import StoreUnavailable
from bigcommerce_integration.refresh.write.page import mapping
from bigcommerce_integration.resources.registry import REGISTRY

from ..examples import at_most
from ..resources.odd_records import LINE_FIELDS, ODD, ORDER_FIELDS, PRODUCT_FIELDS, VARIANT_FIELDS, sent

MARK = "\u2603mark"
"""What stands in a record's text for what no JSON writer writes."""
DEEP = b"[" * 1000 + b"]" * 1000
OF_ONE_RECORD = {
    "bad utf-8": b'"\xff"',
    "overlong utf-8": b'"\xc0\x80"',
    "1e999": b"1e999",
    "5000 digits": b"9" * 5000,
    "text for a number": b'"seven"',
    "no text": b'""',
    "NaN as text": b'"NaN"',
    "beyond 64 bits": b"18446744073709551616",
    "list": b"[]",
    "object": b"{}",
    "NUL": b'"a\\u0000b"',
    "long text": b'"%s"' % (b"x" * 20_000),
    "a float": b"19.99",
    "a whole float": b"2.0",
    "true": b"true",
    "minus nothing": b"-0",
    "a surrogate pair": b'"\\ud83d\\ude00"',
    "Arabic digits": '"\u0663"'.encode(),
}
OF_THE_PAGE = {
    "lone surrogate": b'"\\ud800"',
    "control character": b'"a\x01b"',
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "nesting": DEEP,
    "no JSON": b"'a'",
}
AWKWARD = [*OF_ONE_RECORD.values(), *OF_THE_PAGE.values(), *(json.dumps(odd).encode() for odd in ODD)]
CONSIGNMENTS: list[Any] = [
    [],
    None,
    {},
    {"url": "https://x", "resource": "/orders/1/consignments"},
    [{"shipping": [{"line_items": [{"id": 1, "quantity": 1}]}]}],
    {"shipping": [{"line_items": {"url": "x"}}]},
    {"shipping": [{"id": 3}], "pickups": None},
    {"shipping": None, "email": {"gift_certificates": [{"line_items": [{"id": 5, "quantity": 2}, 7]}]}},
    {
        "email": {"gift_certificates": [{"line_items": [{"id": 5, "quantity": 2}]}]},
        "other": {"one": [{"line_items": []}]},
    },
    {"other": {"deeper": {"line_items": [{"id": 9, "quantity": 7}]}}},
    {"line_items": [{"id": 8}]},
    {"line_items": []},
    {"shipping": [{"line_items": [{"quantity": 2}]}]},
    {"shipping": [{"line_items": [{"id": "12", "quantity": "2"}, {"id": 12}]}]},
    {"shipping": [{"line_items": [{"id": 4, "__warning__": "cut"}]}]},
]


def both(body: bytes, resource: str) -> tuple[Any, Any]:
    """What the careful way makes of the answer, and what the quick one does if it takes it."""
    on_record, is_v3 = mapping(REGISTRY.mappers[resource].map_record), resource == "products"
    quick = read_whole(body, REGISTRY[resource], on_record, is_v3=is_v3)
    try:
        found = split_v3(body, "x", on_record) if is_v3 else (split_v2(body, "x", on_record), None)
    except StoreUnavailable:
        return None, quick
    return plain(found), quick and plain(quick)


def plain(found: tuple[list[Record], Pagination | None]) -> Any:
    """What becomes rows of it."""
    return [(each.id, each.text, repr(each.mapped), each.damage) for each in found[0]], found[1]


def answer(resource: str, texts: list[bytes]) -> bytes:
    body = b"[%s]" % b", ".join(texts)
    if resource == "orders":
        return body
    return b'{"data": %s, "meta": {"pagination": {"total": %d, "count": %d}}}' % (body, len(texts), len(texts))


def text_of(value: Any, awkward: bytes = b"0") -> bytes:
    """The value as JSON, with ``awkward`` in place of the mark."""
    return json.dumps(value).encode().replace(json.dumps(MARK).encode(), awkward)


def place(resource: str, value: dict[str, Any], rnd: random.Random) -> tuple[dict[str, Any], str]:
    """One of the objects in the record, and the name of a field of it, perhaps one that nobody reads."""
    if resource == "products":
        inner, names = rnd.choice(value["variants"]), (PRODUCT_FIELDS, VARIANT_FIELDS)
    else:
        inner, names = value["consignments"]["shipping"][0]["line_items"][0], (ORDER_FIELDS, LINE_FIELDS)
    is_inner = rnd.random() < 0.5
    name = rnd.choice(["id", "nobody_reads_this", *names[is_inner]])
    return (inner if is_inner else value), name


@at_most(300)
@given(
    st.sampled_from(["products", "orders"]), st.integers(0, 2**32), st.sampled_from(["", "", "", "bom", "cut", "more"])
)
def test_awkward_pages_become_the_same_rows(resource: str, seed: int, how: str) -> None:
    rnd = random.Random(seed)
    texts = []
    for number in range(rnd.randrange(5)):
        value = copy.deepcopy(rnd.choice(sent(resource))) | {"id": number + 1}
        owner, name = place(resource, value, rnd)
        awkward = b"0"
        if rnd.random() < 0.6:
            owner[name], awkward = MARK, rnd.choice(AWKWARD)
        elif resource == "orders" and rnd.random() < 0.5:
            value["consignments"] = rnd.choice(CONSIGNMENTS)
        elif rnd.random() < 0.3:
            owner.pop(name, None)
        texts.append(text_of(value, awkward) if rnd.random() < 0.95 else rnd.choice([b"null", b"7", b'"\xff"', b"[]"]))
    body = answer(resource, texts)
    if how == "bom":
        body = b"\xef\xbb\xbf" + body
    elif how == "cut":
        body = body[: rnd.randrange(len(body))]
    elif how == "more":
        body += rnd.choice([b" ", b"\n", b"x", b"]", b"[]"])
    careful, quick = both(body, resource)
    assert quick is None or quick == careful


@pytest.mark.parametrize("awkward", OF_ONE_RECORD.values(), ids=OF_ONE_RECORD)
@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("field", ["id", "price", "total_tax", "items_total", "nobody_reads_this"])
def test_an_awkward_record_spoils_no_page(resource: str, field: str, awkward: bytes) -> None:
    first, second = ({**sent(resource)[0], "id": number} for number in (1, 2))
    careful, quick = both(answer(resource, [text_of(first), text_of({**second, field: MARK}, awkward)]), resource)
    assert quick is not None
    assert quick == careful


@pytest.mark.parametrize("awkward", OF_THE_PAGE.values(), ids=OF_THE_PAGE)
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_what_is_no_clean_json_is_read_with_care(resource: str, awkward: bytes) -> None:
    value = sent(resource)[0]
    assert both(answer(resource, [text_of({**value, "nobody_reads_this": MARK}, awkward)]), resource)[1] is None


@pytest.mark.parametrize("consignments", CONSIGNMENTS, ids=range(len(CONSIGNMENTS)))
def test_consignments_of_any_shape_bring_the_same_lines(consignments: Any) -> None:
    value = {**sent("orders")[0], "consignments": consignments}
    careful, quick = both(answer("orders", [text_of(value)]), "orders")
    assert quick is not None
    assert quick == careful


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_ordinary_pages_need_no_care(resource: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text_of(each) for each in sent(resource)]
    careful, quick = both(answer(resource, texts), resource)
    assert quick == careful
    assert len(careful[0]) == len(texts)
    monkeypatch.delattr(records, "_v2")
    on_record = mapping(REGISTRY.mappers[resource].map_record)
    body = answer(resource, texts)
    assert read_whole(body, REGISTRY[resource], on_record, is_v3=resource == "products") is not None


def test_an_empty_answer_is_left_to_the_careful_way() -> None:
    on_record = mapping(REGISTRY.mappers["orders"].map_record)
    for body, is_v3 in ((b"", False), (b"  ", True), (b"{}", True), (b"{}", False), (b'{"data": null}', True)):
        assert read_whole(body, REGISTRY["orders"], on_record, is_v3=is_v3) is None
