"""Orders without people: what stays, what goes, and that nothing of it gets past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client.api import IdRange, StoreClient
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.client.redaction import MARK, is_blanked
from bigcommerce_integration.client.redaction import blanked as blanked_record
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.person_data import emails_of, keep_line, keep_order
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from ..examples import at_most
from ..people import PERSONAL, SECRET, line_paths, plant
from ..refresh.conftest import payload, record
from ..sandbox.openapi import answer_schema
from .canned import CannedTransport, client_of

MAPPER = REGISTRY.mappers["orders"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def orders() -> list[dict[str, Any]]:
    """An order of every kind, and one as BigCommerce sends it."""
    store = SandboxStore(products=20, orders=60)
    return [payload("orders"), *(json.loads(text) for _, text in store.order_records())]


def blanked(value: Any) -> Any:
    return json.loads(blanked_record(record(value), keep_order).text)


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where the value has members, by their names alone: ``consignments.shipping.email``."""
    for name, member in value.items() if isinstance(value, dict) else ():
        yield f"{path}{name}"
        yield from paths(member, f"{path}{name}.")
    for member in value if isinstance(value, list) else ():
        yield from paths(member, path)


def removed(value: Any) -> set[str]:
    """The highest paths that blanking takes away."""
    missing = set(paths(value)) - set(paths(blanked(value)))
    return {path for path in missing if path.rpartition(".")[0] not in missing}


def test_only_personal_data_is_dropped():
    value = payload("orders")
    assert removed(value) == PERSONAL
    left = blanked(value)
    assert left.pop(MARK) == "removed"
    consignments = left.pop("consignments")
    assert left == {name: value[name] for name in left}
    sent = value["consignments"]["shipping"][0]["line_items"][0]
    line = consignments["shipping"][0]["line_items"][0]
    assert line == {name: member for name, member in sent.items() if name in line}


def test_documented_field_is_kept_or_listed_as_personal():
    value = sample(answer_schema("orders.v2.oas2.yml", "/orders/{order_id}"))
    typed_in = {f"{line}.product_options.{name}" for line in line_paths() for name in ("value", "display_value")}
    typed_in |= {
        f"{each}_{whose}" for each in typed_in if each.endswith("display_value") for whose in ("customer", "merchant")
    }
    assert removed(value) == PERSONAL | typed_in


def sample(schema: Any) -> Any:
    """A value with every member of every form."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            forms = [sample(each) for each in schema["anyOf"] if each.get("type") != "null"]
            objects = [each for each in forms if isinstance(each, dict)]
            return {name: member for each in objects for name, member in each.items()} if objects else forms[-1]
    if "properties" in schema:
        # Required are all that are documented (see ``openapi``).
        return {name: sample(schema["properties"][name]) for name in schema["required"]}
    if schema.get("type") == "array":
        return [sample(schema["items"])]
    return "Text field"


def test_typed_option_is_dropped_and_chosen_option_is_kept():
    chosen = {"id": 1, "type": "Multiple choice", "name": "Size", "value": "7", "display_value": "Large"}
    typed_in = [
        {**chosen, "type": kind, "display_value": SECRET} for kind in ("Text field", "Date field", None, 7, "New")
    ]
    line = {"id": 5, "product_options": [chosen, *typed_in], "configurable_fields": [{"name": "For", "value": SECRET}]}
    left = json.loads(blanked_record(record(line), keep_line).text)
    assert left["product_options"][0] == chosen
    assert left["product_options"][1] == {"id": 1, "type": "Text field", "name": "Size"}
    assert SECRET not in json.dumps(left)


@given(st.data())
@at_most(150)
def test_personal_data_is_dropped_from_every_field(data: st.DataObject):
    value = plant(payload("orders"), data.draw)
    text = json.dumps(value)
    assert text.count(SECRET) >= len(PERSONAL)
    left = blanked_record(Record(text, value, 118), keep_order).text
    assert SECRET not in left
    assert left == blanked_record(record(payload("orders")), keep_order).text, (
        "nor does it leave a trace that there was something"
    )


@given(st.data(), json_values)
@at_most(300)
def test_field_of_wrong_type_does_not_break_the_redaction(data: st.DataObject, odd: Any):
    value = payload("orders")
    place = data.draw(st.sampled_from([value, value["consignments"], value["consignments"]["shipping"][0]]))
    place[data.draw(st.sampled_from(sorted(place)))] = odd
    once = blanked_record(record(value), keep_order)
    assert json.loads(once.text)
    assert blanked_record(once, keep_order).text == once.text
    assert outcome(record(value)) == outcome(once)


def outcome(order: Record) -> Any:
    """What the mapping makes of it, but for the text and what follows from it."""
    try:
        mapped = MAPPER.map_record(order)
    except Exception as error:  # noqa: BLE001 - that, too, is to be the same
        return str(error)
    # Lines are asked for in more cases than need be; never in fewer.
    return mapped.columns


def test_order_without_personal_data_is_mapped_the_same(orders: list[dict[str, Any]]):
    for value in orders:
        before, after = (
            MAPPER.map_record(record(value)),
            MAPPER.map_record(blanked_record(record(value), keep_order)),
        )
        assert after.columns == before.columns
        assert (after.children, after.is_partial) == (before.children, before.is_partial)
        assert is_blanked(after.text)
        assert not is_blanked(before.text)
    assert {MAPPER.map_record(record(value)).is_partial for value in orders} == {True, False}


def test_truncated_lines_are_requested_after_redaction_too():
    value = payload("orders")
    for place in (value, value["consignments"], value["consignments"]["shipping"][0]):
        place["__warning__"] = {"message": SECRET}
        left = blanked_record(record(value), keep_order)
        assert MAPPER.map_record(left).is_partial
        assert SECRET not in left.text
        del place["__warning__"]


@pytest.mark.parametrize("value", [None, 5, SECRET, [SECRET], [{"email": SECRET}]])
def test_nothing_is_left_of_what_is_no_object(value: Any):
    assert blanked_record(record(value), keep_order) == Record("", None, None)


def test_lone_surrogate_and_infinite_number_are_accepted():
    value = {"id": 1, "status": "\ud83d \x00", "items_total": float("inf"), "total_tax": 1e999}
    left = blanked_record(record(value), keep_order)
    assert left.text.isascii()
    assert json.loads(left.text) == {
        MARK: "removed",
        "id": 1,
        "status": "\ud83d \x00",
        "items_total": {},
        "total_tax": {},
    }


def test_the_e_mail_addresses_of_an_order():
    value = payload("orders")
    value["billing_address"]["email"] = "Payer@example.com"
    value["consignments"]["shipping"][0]["email"] = "sent-to@example.com"
    value["consignments"]["downloads"][0]["recipient_email"] = "reader@example.com"
    value["consignments"]["email"]["gift_certificates"][0]["recipient_email"] = "friend@example.com"
    value["consignments"]["pickups"][0]["location"]["email"] = "the-shop@example.com"
    expected = {"Payer@example.com", "sent-to@example.com", "reader@example.com", "friend@example.com"}
    assert emails_of(value) == expected
    assert emails_of({**value, "consignments": [value["consignments"]]}) == expected
    assert emails_of([]) == emails_of({}) == set()


# -- the client ----------------------------------------------------------------------------------------------------


def test_the_client_hands_on_no_person_of_an_unwanted_order():
    theirs, another = plant(payload("orders")), payload("orders", id=119, customer_id=12)
    transport = CannedTransport([theirs, another], theirs, theirs, another)
    client = StoreClient(transport, is_unwanted=lambda _, order: order["customer_id"] == 11)  # type: ignore[index]
    page = client.page(ORDERS, IdRange(118, None), limit=250).value
    assert [is_blanked(each.text) for each in page.records] == [True, False]
    assert page.records[1].text == json.dumps(another)
    alone = client.page(ORDERS, IdRange(118, 118), limit=250).value.records
    texts = [page.records[0].text, *(each.text for each in alone), client.order(118).value.text]
    assert texts == [blanked_record(record(theirs), keep_order).text] * 3
    assert not is_blanked(client.order(119).value.text)


def test_page_is_not_copied_when_personal_data_is_kept():
    value = payload("orders")
    client, _ = client_of([value], value)
    assert client.page(ORDERS, IdRange(118, None), limit=250).value.records[0].text == json.dumps(value)
    assert client.order(118).value.text == json.dumps(value)
