"""A record whose text is not clean JSON keeps no other out: it is read as far as can be, or rejected with its bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bigcommerce_integration.client import damage, records
from bigcommerce_integration.client.damage import NOT_JSON, TOO_DEEP, TOO_LARGE
from bigcommerce_integration.client.http import transport as transport_module
from bigcommerce_integration.refresh.job.parameters import Mode
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

HEAD = '"status_id":11,"date_created":"Wed, 15 Jan 2025 10:30:00 +0000","items_total":0,"consignments":{}'
BROKEN_LINE = '{"id":%d,' + HEAD + ',"customer_message":"two\nlines"}'
PLAIN = '{"id":%d,' + HEAD + "}"
RESOURCES = ("products", "orders")

Spoil = Callable[[str], str]
# What goes in place of the opening brace and the id, or in place of the last brace.
READ: dict[str, Spoil] = {
    "a line break": lambda text: f'{text[:-1]},"customer_message":"two\nlines"}}',
    "NUL": lambda text: f'{text[:-1]},"customer_message":"a\0b"}}',
    "bytes that are not UTF-8": lambda text: f'{text[:-1]},"customer_message":"caf\udce9"}}',
    "a field that is NaN": lambda text: f'{text[:-1]},"unknown":NaN}}',
}
REJECTED: dict[str, tuple[Spoil, str]] = {
    "a quote too many": (lambda text: f'{text[:-1]},"customer_message":"5" nail"}}', NOT_JSON),
    "deep nesting": (lambda text: f'{text[:-1]},"deep":{"[" * 50_000}{"]" * 50_000}}}', TOO_DEEP),
    "no id": (lambda text: text.replace('"id":', '"i\udcff":', 1)[:-1] + ',"customer_message":"5" nail"}', NOT_JSON),
}


def spoilt(store: SandboxStore, resource: str) -> dict[int, str]:
    return store.spoilt_products if resource == "products" else store.spoilt_orders


def texts_of(store: SandboxStore, resource: str) -> dict[int, str]:
    return dict(store.product_records() if resource == "products" else store.order_records())


def as_sent(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def refreshed(mirror: Mirror, resource: str, mode: Mode, ids: tuple[int, ...]) -> None:
    if mode == "initial":
        mirror.completed()
    else:
        mirror.again(resource, mode=mode, **({"ids": ids} if mode == "ids" else {}))


def test_an_order_with_a_line_break_is_stored(connect: Connect):
    store = SandboxStore(0, 2, awkward=False)
    first, second = store.order_ids
    store.spoilt_orders.update({first: BROKEN_LINE % first, second: PLAIN % second})
    mirror = connect(store).completed()
    assert mirror.ids("orders") == [first, second]
    assert mirror.row("orders", first)["payload"] == BROKEN_LINE % first
    assert not mirror.rows("rejected_records")


@pytest.mark.ci
@pytest.mark.parametrize("mode", ["initial", "incremental", "full", "ids"])
@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("what", READ)
def test_what_can_be_read_leniently_is_stored(connect: Connect, what: str, resource: str, mode: Mode):
    store = SandboxStore(12, 12, awkward=False)
    mirror = connect(store)
    if mode != "initial":
        mirror.completed()
    of = texts_of(store, resource)
    chosen = sorted(of)[4]
    text = READ[what](of[chosen])
    spoilt(store, resource)[chosen] = text
    refreshed(mirror, resource, mode, (chosen,))
    assert mirror.ids(resource) == sorted(of)
    if mode != "incremental":
        payload = as_sent(text).decode("utf-8", "replace").replace("\0", "\\u0000")
        assert mirror.row(resource, chosen)["payload"] == payload
    assert not mirror.rows("rejected_records")
    assert not [row for row in mirror.rows(resource) if row["deleted_at"]]
    # Once it is well again, it is as if nothing had been.
    spoilt(store, resource).clear()
    mirror.again(*RESOURCES)
    mirror.assert_mirrors_the_store()


@pytest.mark.ci
@pytest.mark.parametrize("mode", ["initial", "full", "ids"])
@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("what", REJECTED)
def test_what_cannot_be_read_is_rejected_alone(connect: Connect, what: str, resource: str, mode: Mode):
    store = SandboxStore(12, 12, awkward=False)
    mirror = connect(store)
    if mode != "initial":
        mirror.completed()
    of = texts_of(store, resource)
    chosen = sorted(of)[4]
    spoil, reason = REJECTED[what]
    text = spoil(of[chosen])
    spoilt(store, resource)[chosen] = text
    refreshed(mirror, resource, mode, (chosen,))
    # Where an order refers to the product, the refresh of orders asks for it too.
    found = mirror.rows("rejected_records", refresh_id=mirror.refreshes[resource])
    assert {(row["reason"], row["payload"], row["is_payload_cut"]) for row in found} == {(reason, as_sent(text), False)}
    assert {row["bigcommerce_id"] for row in found} <= {chosen, None}
    if what != "no id":
        assert len(found) == mirror.refresh(resource)["rejected"] == 1
        assert found[0]["bigcommerce_id"] == chosen
    # It is not gone because it cannot be read.
    assert mirror.ids(resource) == [each for each in sorted(of) if mode != "initial" or each != chosen]
    assert not [row for row in mirror.rows(resource) if row["deleted_at"]]
    assert mirror.refresh(resource)["deleted"] == 0
    spoilt(store, resource).clear()
    mirror.again(*RESOURCES)
    mirror.assert_mirrors_the_store()


@pytest.mark.parametrize("resource", RESOURCES)
def test_deletion_beside_a_damaged_record_waits(connect: Connect, resource: str):
    """Which of the two cannot be read is not known as long as the other has no id."""
    store = SandboxStore(12, 12, awkward=False)
    mirror = connect(store).completed()
    of = texts_of(store, resource)
    gone, damaged, other = sorted(of)[4], sorted(of)[5], sorted(of)[9]
    for each in (gone, other):
        store.delete_product(each) if resource == "products" else store.delete_order(each)
    spoilt(store, resource)[damaged] = REJECTED["no id"][0](of[damaged])
    mirror.again(resource)
    assert [row["bigcommerce_id"] for row in mirror.rows(resource) if row["deleted_at"]] == [other]
    spoilt(store, resource).clear()
    mirror.again(resource)
    assert [row["bigcommerce_id"] for row in mirror.rows(resource) if row["deleted_at"]] == [gone, other]


def test_answers_with_a_byte_order_mark_are_read(connect: Connect):
    store = SandboxStore(12, 12)
    store.switches.byte_order_mark = True
    mirror = connect(store).completed()
    mirror.again(*RESOURCES)
    mirror.assert_mirrors_the_store()


def test_nothing_of_a_damaged_order_is_kept_without_persons(connect: Connect):
    store = SandboxStore(0, 6, awkward=False)
    of = texts_of(store, "orders")
    read, unread = sorted(of)[1], sorted(of)[3]
    store.spoilt_orders[read] = of[read][:-1] + ',"customer_message":"Ada\nAbend"}'
    store.spoilt_orders[unread] = of[unread][:-1] + ',"customer_message":"Ada" Abend"}'
    mirror = connect(store, settings={"person_data": "drop"}).completed("orders")
    assert mirror.ids("orders") == [each for each in sorted(of) if each != unread]
    assert "Abend" not in mirror.row("orders", read)["payload"]
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["bigcommerce_id"], rejected["reason"], rejected["payload"]) == (unread, NOT_JSON, None)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_too_large_is_rejected_alone(connect: Connect, monkeypatch: pytest.MonkeyPatch, resource: str):
    """Whether it comes whole, or the answer is cut since it does not."""
    store = SandboxStore(12, 12, awkward=False)
    of = texts_of(store, resource)
    chosen = sorted(of)[4]
    spoilt(store, resource)[chosen] = f'{of[chosen][:-1]},"padding":"{"x" * 1_500_000}"}}'
    monkeypatch.setattr(damage, "RECORD_CAP", 1_200_000)
    monkeypatch.setattr(records, "_WINDOW", 1_000_000)
    mirror = connect(store).completed(resource)
    monkeypatch.setattr(transport_module, "BODY_CAP", 1_300_000)
    mirror.again(resource)
    for row in mirror.rows("rejected_records"):
        assert (row["bigcommerce_id"], row["reason"], row["is_payload_cut"]) == (chosen, TOO_LARGE, True)
        assert row["payload"] == spoilt(store, resource)[chosen][: 1024 * 1024].encode()
    assert mirror.ids(resource) == [each for each in sorted(of) if each != chosen]
    assert len(mirror.rows("rejected_records")) == 2
    assert not [row for row in mirror.rows(resource) if row["deleted_at"]]


@pytest.mark.ci
def test_pages_larger_than_an_answer_may_be_come_in_parts(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    store = SandboxStore(60, 60)
    largest = max(len(text) for resource in RESOURCES for text in texts_of(store, resource).values())
    monkeypatch.setattr(transport_module, "BODY_CAP", 2 * largest)
    monkeypatch.setattr(damage, "RECORD_CAP", 2 * largest - 1000)
    mirror = connect(store).completed()
    mirror.again(*RESOURCES)
    mirror.assert_mirrors_the_store()
    assert not mirror.rows("rejected_records")
    assert mirror.refresh("orders")["deleted"] == mirror.refresh("products")["deleted"] == 0
