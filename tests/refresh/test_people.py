"""``PERSON_DATA=drop``: after a refresh nobody stands in any column of any table."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, String, select

from bigcommerce_integration.client.redaction import blanked, is_blanked
from bigcommerce_integration.resources.person_data import keep_order
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.sandbox.records.base import Order

from ..examples import at_most
from ..people import SECRET, Draw, plant
from .conftest import Connect, Mirror, record
from .test_advance import run_with_deaths
from .test_quarantine import deadly

DROP = {"person_data": "drop"}


@dataclass(slots=True)
class Unreadable(Order):
    """An order that the store sends as something else."""

    def render(self, api_root: str, *, consignments: str = "link", fees: bool = False, as_array: bool = False) -> str:
        return json.dumps(f"order {self.id} of {SECRET}")


def store_of_every_kind() -> SandboxStore:
    return SandboxStore(products=10, orders=60)


def fill_with_people(store: SandboxStore, *order_ids: int, draw: Draw | None = None) -> None:
    """A marker wherever a person can stand, in these orders or in all; their ``date_modified`` does not move."""

    def filled(text: str, path: str) -> str:
        return json.dumps(plant(json.loads(text), draw, path))

    with store.lock:
        for order_id in order_ids or store.order_ids:
            order = store.orders[order_id]
            order.base = filled(order.base, "")
            for consignment in order.consignments:
                kind = consignment.kind.replace("gift_certificates", "email.gift_certificates")
                consignment.head = filled(consignment.head, f"consignments.{kind}.")
            for line in order.lines[:3]:
                line.text = filled(line.text, "consignments.shipping.line_items.")


def found(mirror: Mirror, secret: str = SECRET) -> list[str]:
    """Where the secret stands in the whole database, the host's tables included."""
    places = []
    db = mirror.host_app.db
    with mirror.app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            names = [column for column in table.columns if isinstance(column.type, String | LargeBinary)]
            if not names:
                continue
            for row in connection.execute(select(*names)):
                places += [
                    f"{table.name}.{name}: {value!r:.200}"
                    for name, value in row._mapping.items()
                    if value is not None and secret.encode() in (value if isinstance(value, bytes) else value.encode())
                ]
    return places


def test_search_for_personal_data_would_find_it(connect: Connect):
    store = store_of_every_kind()
    fill_with_people(store)
    store.edit_order(store.order_ids[5], items_total="many")
    places = found(connect(store).completed("orders"))
    assert {place.split(":")[0] for place in places} == {
        "bigcommerce_orders.payload",
        "bigcommerce_order_lines.payload",
        "bigcommerce_rejected_records.payload",
    }


def test_nobody_is_in_any_column_and_all_else_is_as_ever(connect_any: Connect):
    store = store_of_every_kind()
    fill_with_people(store)
    bad, odd = store.order_ids[5], store.order_ids[7]
    store.edit_order(bad, items_total="many")
    gone = store.orders[odd]
    store.orders[odd] = Unreadable(odd, gone.created, gone.modified, 1, False, gone.base)
    mirror = connect_any(store, settings=DROP).completed()
    assert found(mirror) == []
    expected = {
        each: blanked(record(json.loads(text)), keep_order).text for each, text in store.order_records() if each != odd
    }
    assert {row["bigcommerce_id"]: row["payload"] for row in mirror.rows("orders")} == {
        each: text for each, text in expected.items() if each != bad
    }
    rejected = {row["bigcommerce_id"]: row for row in mirror.rows("rejected_records")}
    assert {each: row["reason"] for each, row in rejected.items()} == {
        bad: "items_total is not a whole number",
        None: "The record has no readable id.",
    }
    assert rejected[bad]["payload"].decode() == expected[bad]
    assert rejected[None]["payload"] is None
    apart = [row for row in mirror.rows("order_lines") if row["payload"]]
    assert {is_blanked(row["payload"]) for row in apart} == {True}


@pytest.mark.ci
def test_order_with_only_personal_changes_counts_as_unchanged(connect: Connect):
    store = store_of_every_kind()
    mirror = connect(store, settings=DROP).completed()
    before = mirror.rows("orders"), mirror.rows("order_lines")
    requests = len(mirror.asked("/products"))
    fill_with_people(store)
    mirror.again("orders")
    assert mirror.refresh("orders")["unchanged"] == 60
    assert (mirror.rows("orders"), mirror.rows("order_lines")) == before
    assert len(mirror.asked("/products")) == requests, "nor are lines fetched again"
    changed = store.order_ids[3]
    store.edit_order(changed, status_id=10, staff_notes=SECRET)
    mirror.again("orders")
    assert (mirror.refresh("orders")["unchanged"], mirror.refresh("orders")["updated"]) == (59, 1)
    assert mirror.row("orders", changed)["status_id"] == 10


@pytest.mark.ci
def test_switch_to_drop_blanks_stored_rows_in_next_full_refresh(connect: Connect):
    store = store_of_every_kind()
    fill_with_people(store)
    mirror = connect(store).completed()
    assert found(mirror)
    mirror.with_settings(person_data="drop").again("orders")
    assert found(mirror) == []
    assert mirror.refresh("orders")["updated"] == 60


def test_quarantined_record_holds_no_personal_data(connect: Connect):
    store = SandboxStore(products=2, orders=2)
    fill_with_people(store)
    mirror = connect(store, settings=DROP)
    deadly(mirror, "orders", store.order_ids[:1])
    run_with_deaths(mirror, "orders")
    assert [row["bigcommerce_id"] for row in mirror.rows("rejected_records")] == store.order_ids[:1]
    assert found(mirror) == []


@pytest.mark.ci
@given(st.data())
@at_most(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_marker_survives_wherever_it_is_planted(shared: Mirror, data: st.DataObject):
    store = shared.store
    clean = copy.deepcopy(store.orders)
    try:
        fill_with_people(store, data.draw(st.sampled_from(store.order_ids)), draw=data.draw)
        shared.again("orders")
        assert found(shared) == []
        assert shared.refresh("orders")["rejected"] == 0
    finally:
        store.orders = clean


@pytest.fixture
def shared(connect: Connect) -> Mirror:
    return connect(SandboxStore(products=5, orders=45), settings=DROP).completed("orders")
