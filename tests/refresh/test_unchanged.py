"""Walks over what is stored as it is: little is done, and nothing is missed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from bigcommerce_integration.client.records import Record
from bigcommerce_integration.errors import BadRecord, RejectionCode
from bigcommerce_integration.refresh.read import walker
from bigcommerce_integration.refresh.write.page import Rejected, mapping
from bigcommerce_integration.resources.mapping import Mapped
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import PRODUCTS_AND_ORDERS, Connect, record


def test_a_walk_over_what_is_stored_makes_no_columns(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect(SandboxStore(30, 30, awkward=False)).completed()
    mapped: list[int] = []
    for resource in PRODUCTS_AND_ORDERS.mappers.values():
        original = resource.map_record
        monkeypatch.setattr(
            resource, "map_record", lambda each, original=original: mapped.append(each.id) or original(each)
        )
    edited = mirror.store.product_ids[7]
    mirror.store.edit_product(edited, name="Renamed")
    before = {name: mirror.rows(name) for name in ("variants", "orders", "order_lines")}
    # The highest ids are known before the pages come: were they to come late, V2 would be asked beyond its last order
    # too, which brings that one along as a neighbour.
    mirror.store.faults.add("slow", "id%3Amin|sort=id%3Aasc", times=2, delay_s=0.5)
    mirror.again("products", "orders")
    assert mapped == [edited]
    assert {name: mirror.rows(name) for name in before} == before
    mirror.assert_mirrors_the_store()


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_row_deleted_after_its_page_was_requested_is_written(
    connect_any: Connect, monkeypatch: pytest.MonkeyPatch, resource: str
):
    mirror = connect_any(SandboxStore(12, 12, awkward=False)).completed()
    original, table = walker.stored_hashes, mirror.table(resource)
    first, second, *_ = mirror.ids(resource)
    lost: list[int] = []

    def lost_meanwhile(session: Session, *args: Any) -> dict[int, str]:
        found = original(session, *args)
        if lost or not {first, second} <= found.keys():
            return found
        lost.append(first)
        session.execute(delete(table).where(table.c.bigcommerce_id == first))
        session.execute(update(table).where(table.c.bigcommerce_id == second).values(content_hash="", payload="{}"))
        return found

    monkeypatch.setattr(walker, "stored_hashes", lost_meanwhile)
    mirror.again(resource)
    assert (mirror.refresh(resource)["created"], mirror.refresh(resource)["updated"]) == (1, 1)
    mirror.assert_mirrors_the_store()


def test_record_mapped_while_parsed_keeps_dates_and_problems():
    def fails(each: Record) -> Mapped:
        raise {1: BadRecord("bad"), 2: ValueError("what broken JSON raises")}[each.id or 0]

    value = {"id": 1, "name": "Bowl", "date_created": "then", "date_modified": "now"}
    bad, odd, nameless = (mapping(fails)(record(value | {"id": number})) for number in (1, 2, None))
    assert bad.value == {"date_created": "then", "date_modified": "now"}
    assert bad.mapped == Rejected(1, "bad", bad.text, code=RejectionCode.UNREADABLE_FIELD)
    assert odd.mapped == Rejected(2, "It cannot be read: ValueError.", odd.text, code=RejectionCode.UNREADABLE)
    assert nameless.mapped == Rejected(None, "The record has no readable id.", nameless.text, code=RejectionCode.NO_ID)
