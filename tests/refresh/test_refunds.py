"""Refunds: read at the end of a list that grows, after the orders, and again while a payment may be declined."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import Tables, db_now
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.operations.privacy.erasure import Erased, erase
from bigcommerce_integration.refresh.drift import load_drift
from bigcommerce_integration.refresh.lifecycle import completion
from bigcommerce_integration.refresh.lifecycle.arrivals import begin_new
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.sandbox.server.routes import refunds as routes

from ..host_app import bearer
from ..oracle.truth import truth_of
from ..oracle.verify import refund_differences
from ..shop import LONG_AGO
from .conftest import PRODUCTS_AND_ORDERS, Connect, Mirror

LIST = "payment_actions/refunds"


def begun(mirror: Mirror) -> Mirror:
    """The refunds begun by the tick."""
    with mirror.app.app_context():
        begin_new(mirror.engine)
    return noted(mirror)


def noted(mirror: Mirror) -> Mirror:
    """With the refresh of the refunds that was begun last, if there is one."""
    rows = mirror.rows("refreshes", resource="refunds")
    if rows:
        mirror.refreshes["refunds"] = rows[-1]["id"]
    return mirror


def followed(mirror: Mirror, mode: Any = "incremental") -> Mirror:
    """The orders refreshed, and the refunds after them."""
    before = len(mirror.rows("refreshes", resource="refunds"))
    mirror.again("orders", mode=mode)
    assert len(mirror.rows("refreshes", resource="refunds")) == before + 1
    return noted(mirror).completed("refunds")


def differences(mirror: Mirror) -> list[str]:
    """What the oracle finds wrong with the refunds."""
    start_date = datetime.fromisoformat(LONG_AGO).date()
    with mirror.app.app_context(), mirror.host_app.db.engine.connect() as connection:
        truth = truth_of(mirror.store)
        found = refund_differences(connection, truth, instance_id=mirror.instance_id, start_date=start_date)
    return [str(each) for each in found]


def erased(mirror: Mirror, *people: str) -> Erased:
    with mirror.app.app_context():
        instances = mirror.engine.tables.instances
        row = mirror.engine.transaction(lambda session: session.execute(select(instances)).one())
        return erase(mirror.engine, IntegrationInstance.from_row(row), people)


@pytest.fixture
def connect(connect: Connect) -> Connect:
    """Connects a store of whose collections all are mirrored."""
    return partial(connect, registry=REGISTRY)


@pytest.fixture
def connect_anywhere(connect_any: Connect) -> Connect:
    """The same on each database."""
    return partial(connect_any, registry=REGISTRY)


@pytest.fixture
def store() -> SandboxStore:
    return SandboxStore(20, 60, seed=4)


@pytest.fixture
def mirror(connect: Connect, store: SandboxStore) -> Mirror:
    """A store whose orders are here, ten records a page, and whose refunds have begun."""
    return begun(connect(store, settings={"page_size": 10}).completed())


@pytest.fixture
def any_mirror(connect_anywhere: Connect, store: SandboxStore) -> Mirror:
    """The same on each database."""
    return begun(connect_anywhere(store, settings={"page_size": 10}).completed())


# -- begun ---------------------------------------------------------------------------------------------------------


def test_refunds_that_a_tick_begins_meanwhile_are_left_to_it(
    connect_server: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = noted(connect_server(SandboxStore(2, 2, awkward=False), registry=REGISTRY).completed())
    mirror.completed("refunds")
    real, begun = completion.start, list[int]()
    full: Any = {"instance_id": mirror.instance_id, "resource": "refunds", "mode": "full"}

    def start(session: Session, tables: Tables, **which: Any) -> int:
        if not begun:
            begun.append(mirror.transaction(lambda other: real(other, tables, **full)))
        return real(session, tables, **which)

    monkeypatch.setattr(completion, "start", start)
    mirror.again("orders", mode="incremental")
    assert [row["id"] for row in mirror.rows("refreshes", resource="refunds", status="pending")] == begun


def test_they_begin_once_the_orders_are_here(connect: Connect, store: SandboxStore):
    mirror = connect(store)
    assert begun(mirror).rows("leases", resource="refunds") == []
    mirror.completed()
    assert [row["mode"] for row in begun(mirror).rows("refreshes", resource="refunds")] == ["initial"]


def test_a_store_connected_before_gets_them_by_a_tick(connect_anywhere: Connect, store: SandboxStore) -> None:
    before = connect_anywhere(store, registry=PRODUCTS_AND_ORDERS)
    url = before.app.config["SQLALCHEMY_DATABASE_URI"]
    settings = {"BIGCOMMERCE_API_URL": before.server.api_url}
    app = before.host_app.create_app(url, broker=StubBroker(), settings=settings, registry=REGISTRY)
    with app.app_context():
        before.host_app.db.create_all()
        engine = engine_of(state_of(app), threading.Event())
    after = replace(before, app=app, engine=engine)
    assert begun(after).rows("leases", resource="refunds") == [], "its orders are not here yet"
    before.completed()
    begun(after).completed("refunds")
    assert differences(after) == []
    after.host_app.dispose(app)


def test_they_wait_for_workers_that_do_not_know_them(connect: Connect, store: SandboxStore):
    mirror = connect(store)
    workers = mirror.engine.tables.workers
    mirror.execute(insert(workers).values(id="w", started_at=db_now(), last_tick_at=db_now(-30), version="0.2.0"))
    begun(mirror.completed())
    assert mirror.rows("leases", resource="refunds") == []
    mirror.execute(update(workers).values(last_tick_at=db_now(-61)))
    followed(mirror)
    assert differences(mirror) == []


def test_every_kind_of_refund_is_stored_exactly(any_mirror: Mirror, store: SandboxStore):
    any_mirror.completed("refunds")
    assert differences(any_mirror) == []
    assert any_mirror.ids("refunds") == store.refund_ids
    kinds = {row["item_type"] for row in any_mirror.rows("refund_items")}
    assert kinds == {"PRODUCT", "SHIPPING", "HANDLING", "ORDER"}
    assert None in {row["requested_amount"] for row in any_mirror.rows("refund_items")}
    payments = any_mirror.rows("refund_payments")
    assert {(row["offline"], row["is_declined"]) for row in payments} == {(False, False), (True, False), (False, True)}
    of_orders = [row["bigcommerce_order_id"] for row in any_mirror.rows("refunds")]
    assert len(set(of_orders)) < len(of_orders), "some orders have two"
    without_items = set(any_mirror.ids("refunds")) - {
        row["bigcommerce_refund_id"] for row in any_mirror.rows("refund_items")
    }
    taxes = {
        row["total_tax"] == row["total_amount"]
        for row in any_mirror.rows("refunds")
        if row["bigcommerce_id"] in without_items
    }
    assert taxes == {True}, "a refund of tax has no items"
    refresh = any_mirror.refresh("refunds")
    pages = -(-len(store.refund_ids) // 10)
    assert (refresh["created"], refresh["total"], refresh["requests"]) == (len(store.refund_ids),) * 2 + (pages,)


def test_a_refund_of_an_order_that_is_not_here_is_stored(connect: Connect, store: SandboxStore):
    mirror = connect(store).completed()
    order_id = store.order_ids[0]
    refund_id = store.create_refund(order_id)
    store.delete_order(order_id)
    mirror.again("orders", mode="ids", ids=(order_id,))
    mirror = begun(mirror).completed("refunds")
    assert mirror.row("refunds", refund_id)["bigcommerce_order_id"] == order_id


def test_none_from_before_the_start_date_comes_in(connect: Connect, store: SandboxStore):
    day = (datetime.now(UTC) - timedelta(days=30)).date()
    mirror = begun(connect(store, integration_settings__start_date=day.isoformat()).completed()).completed("refunds")
    kept = mirror.ids("refunds")
    assert 0 < len(kept) < len(store.refund_ids)
    old = store.refund_ids[0]
    mirror.again("refunds", mode="ids", ids=(old, kept[0]))
    assert mirror.ids("refunds") == kept
    assert mirror.refresh("refunds")["skipped"] == 1


# -- after each refresh of the orders ------------------------------------------------------------------------------


def test_nothing_new_costs_one_request(mirror: Mirror):
    mirror.completed("refunds")
    mirror.server.requests.clear()
    followed(mirror)
    assert len(mirror.asked(LIST)) == 1
    assert mirror.refresh("refunds")["requests"] == 1
    assert mirror.refresh("refunds")["unchanged"] <= 1


def test_what_is_new_comes_after_the_orders(any_mirror: Mirror, store: SandboxStore):
    any_mirror.completed("refunds")
    new = [store.create_refund(store.order_ids[3], kind=kind) for kind in ("handling", "tax_only", "declined")]
    followed(any_mirror)
    assert differences(any_mirror) == []
    assert any_mirror.refresh("refunds")["created"] == len(new)
    assert len(any_mirror.asked(rf"{LIST}.*page=1&")) == 2
    assert any_mirror.rows("leases", resource="refunds")[0]["watermark"] is not None


def test_watermark_is_the_begin_of_the_orders_refresh(mirror: Mirror):
    mirror.completed("refunds")
    followed(mirror)
    orders, refunds = (mirror.rows("leases", resource=name)[0]["watermark"] for name in ("orders", "refunds"))
    assert orders == refunds


def test_an_open_refresh_is_not_begun_twice(mirror: Mirror):
    mirror.again("orders", mode="incremental")
    assert len(mirror.rows("refreshes", resource="refunds")) == 1


@pytest.mark.ci
def test_orders_of_one_id_or_of_some_days_begin_none(mirror: Mirror, store: SandboxStore):
    mirror.completed("refunds")
    mirror.again("orders", mode="ids", ids=(store.order_ids[0],))
    mirror.again("orders", mode="date_range")
    assert len(mirror.rows("refreshes", resource="refunds")) == 1


def test_ticks_begin_sweeps_of_them_and_nothing_else(mirror: Mirror):
    mirror.completed("refunds")
    instances, leases = mirror.engine.tables.instances, mirror.engine.tables.leases
    mirror.execute(update(instances).values(is_automatic_sync_enabled=True))
    mirror.execute(update(leases).values(next_sync_at=None))
    with mirror.app.app_context():
        assert {name for name, _ in begin_due(mirror.engine)} == {"products", "orders"}
        mirror.execute(update(leases).values(next_sync_at=None, next_sweep_at=None))
        assert [name for name, _ in begin_due(mirror.engine)] == ["refunds"]


def test_a_declined_payment_is_found_by_the_sweep(any_mirror: Mirror, store: SandboxStore):
    any_mirror.completed("refunds")
    recent = next(
        row["bigcommerce_refund_id"] for row in reversed(any_mirror.rows("refund_payments")) if not row["is_declined"]
    )
    store.decline_payments(recent)
    followed(any_mirror)
    assert any_mirror.rows("refund_payments", bigcommerce_refund_id=recent)[0]["is_declined"] is False, "it is not new"
    leases = any_mirror.engine.tables.leases
    any_mirror.execute(update(any_mirror.engine.tables.instances).values(is_automatic_sync_enabled=True))
    any_mirror.execute(
        update(leases).where(leases.c.resource == "refunds").values(next_sync_at=None, next_sweep_at=None)
    )
    with any_mirror.app.app_context():
        begin_due(any_mirror.engine)
    noted(any_mirror).completed("refunds")
    assert any_mirror.refresh("refunds")["is_sweep"] is True
    assert any_mirror.rows("refund_payments", bigcommerce_refund_id=recent)[0]["is_declined"] is True
    assert differences(any_mirror) == []
    counted = any_mirror.refresh("refunds")
    assert (counted["created"], counted["updated"]) == (0, 1)


# -- the walk ------------------------------------------------------------------------------------------------------


def before_each_page(monkeypatch: pytest.MonkeyPatch, edit: Callable[[], Any]) -> None:
    """Have this done before each answer of the list is made."""
    wanted = routes._wanted

    def edited(store: SandboxStore, query: dict[str, str]) -> list[int]:
        edit()
        return wanted(store, query)

    monkeypatch.setattr(routes, "_wanted", edited)


@pytest.mark.parametrize("tells_total", [True, False])
def test_a_list_that_grows_while_it_is_read_is_read_once(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tells_total: bool
):
    store = SandboxStore(5, 60, seed=4)
    store.switches.refunds_pagination = tells_total
    mirror = begun(connect(store, settings={"page_size": 5}).completed())
    known, left = list(store.refund_ids), iter(range(7))
    before_each_page(monkeypatch, lambda: next(left, None) and store.create_refund(store.order_ids[-1]))
    mirror.server.requests.clear()
    mirror.completed("refunds")
    assert set(known) <= set(mirror.ids("refunds"))
    assert mirror.refresh("refunds")["message"] == "Completed."
    numbers = [request.split("page=")[1].split("&")[0] for request in mirror.asked(LIST)]
    assert len(numbers) == len(set(numbers)), "no page is read twice"
    followed(mirror)
    assert differences(mirror) == []


def test_a_list_that_lost_a_refund_is_read_again(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    store = SandboxStore(5, 60, seed=4)
    mirror = begun(connect(store, settings={"page_size": 5}).completed())
    gone = iter([None, store.refund_ids[0]])
    before_each_page(monkeypatch, lambda: (one := next(gone, None)) and store.delete_refund(one))
    mirror.completed("refunds")
    assert set(store.refund_ids) <= set(mirror.ids("refunds"))
    assert len([each for each in mirror.asked(LIST) if "page=1&" in each]) == 2


def test_without_a_total_only_an_empty_page_is_the_end(connect: Connect):
    store = SandboxStore(5, 60, seed=4)
    store.switches.refunds_pagination = False
    mirror = begun(connect(store, settings={"page_size": 5}).completed()).completed("refunds")
    assert differences(mirror) == []
    assert mirror.refresh("refunds")["requests"] == -(-len(store.refund_ids) // 5) + 1


def test_all_of_them_are_read_again_if_asked_for(mirror: Mirror, store: SandboxStore):
    mirror.completed("refunds")
    store.decline_payments(store.refund_ids[0])
    mirror.again("refunds", mode="full")
    refresh = mirror.refresh("refunds")
    assert (refresh["updated"], refresh["unchanged"]) == (1, len(store.refund_ids) - 1)
    assert differences(mirror) == []


def test_named_refunds_are_read_and_marked_when_they_are_gone(mirror: Mirror, store: SandboxStore):
    mirror.completed("refunds")
    first, second = store.refund_ids[:2]
    store.delete_refund(first)
    store.decline_payments(second)
    mirror.again("refunds", mode="ids", ids=(first, second))
    assert mirror.row("refunds", first)["deleted_at"] is not None
    assert {row["deleted_at"] is None for row in mirror.rows("refund_payments", bigcommerce_refund_id=first)} == {False}
    assert {row["is_declined"] for row in mirror.rows("refund_payments", bigcommerce_refund_id=second)} == {True}


# -- what is within them -------------------------------------------------------------------------------------------


def test_items_and_payments_are_known_by_their_position(any_mirror: Mirror, store: SandboxStore):
    any_mirror.completed("refunds")
    refund_id = store.create_refund(store.order_ids[0], kind="two_providers")
    followed(any_mirror)
    before = any_mirror.rows("refund_payments", bigcommerce_refund_id=refund_id)
    assert [row["position"] for row in before] == [1, 2]
    (kept, changed) = (json.loads(store.refunds[refund_id].text)["payments"][at] for at in (0, 1))
    more = {**changed, "id": 999, "amount": 3}
    store.edit_refund(refund_id, payments=[kept, {**changed, "is_declined": True}, more], items=[])
    any_mirror.again("refunds", mode="ids", ids=(refund_id,))
    after = any_mirror.rows("refund_payments", bigcommerce_refund_id=refund_id)
    assert [row["position"] for row in after] == [1, 2, 3]
    assert [row["change_number"] > before[-1]["change_number"] for row in after] == [False, True, True]
    assert any_mirror.rows("refund_items", bigcommerce_refund_id=refund_id) == []
    store.edit_refund(refund_id, payments=[more])
    any_mirror.again("refunds", mode="ids", ids=(refund_id,))
    (left,) = any_mirror.rows("refund_payments", bigcommerce_refund_id=refund_id)
    assert (left["position"], left["amount"], left["id"]) == (1, Decimal(3), after[0]["id"])
    assert differences(any_mirror) == []


def test_a_comparison_names_what_differs_by_its_position(any_mirror: Mirror, store: SandboxStore):
    any_mirror.completed("refunds")
    first, second = store.refund_ids[:2]
    items, payments = any_mirror.engine.tables.refund_items, any_mirror.engine.tables.refund_payments
    any_mirror.execute(
        update(payments).where(payments.c.bigcommerce_refund_id == first, payments.c.position == 1).values(amount=7)
    )
    lacks = any_mirror.rows("refund_items")[0]["bigcommerce_refund_id"]
    any_mirror.execute(delete(items).where(items.c.bigcommerce_refund_id == lacks))
    any_mirror.execute(
        insert(payments).values(
            instance_id=1, bigcommerce_refund_id=second, position=9, content_hash="x",
            observed_at=datetime(2024, 1, 1), change_number=1,
        )
    )  # fmt: skip
    any_mirror.again("refunds", mode="reconcile")
    found = {each.id: set(each.columns) for each in load_drift(any_mirror.refresh("refunds")["drift"]).records.values()}
    assert "payments.1.amount" in found[first]
    assert "items.1" in found[lacks]
    assert "payments.9" in found[second]
    any_mirror.again("refunds", mode="ids", ids=tuple(found), is_repair=True)
    assert differences(any_mirror) == []


# -- what cannot be read, what is not kept -------------------------------------------------------------------------

BAD = {
    "total_amount": "a lot",
    "total_tax": {},
    "created": "some day",
    "order_id": None,
    "items": None,
    "payments": [{"provider_id": "braintree", "amount": "many", "offline": False, "is_declined": False}],
}


@pytest.mark.ci
@pytest.mark.parametrize("field", BAD)
def test_a_refund_without_its_money_is_rejected_and_shown(connect: Connect, store: SandboxStore, field: str):
    mirror = begun(connect(store).completed())
    refund_id = store.refund_ids[5]
    refund = store.refunds[refund_id]
    refund.text = json.dumps({**json.loads(refund.text), field: BAD[field]})
    mirror.completed("refunds")
    assert refund_id not in mirror.ids("refunds")
    (rejected,) = mirror.rows("rejected_records")
    assert (rejected["resource"], rejected["bigcommerce_id"]) == ("refunds", refund_id)
    assert mirror.refresh("refunds")["rejected"] == 1
    refund.text = json.dumps(
        {**json.loads(refund.text), field: json.loads(store.refunds[store.refund_ids[6]].text)[field]}
    )
    mirror.again("refunds", mode="ids", ids=(refund_id,))
    assert refund_id in mirror.ids("refunds")


def test_tokens_of_payment_providers_are_never_stored(connect: Connect, store: SandboxStore):
    mirror = begun(connect(store).completed())
    refund_id, broken_id = store.refund_ids[:2]
    (payment, *_) = json.loads(store.refunds[refund_id].text)["payments"]
    store.edit_refund(refund_id, payments=[{**payment, "provider_instrument_token": "tok_secret"}])
    broken = store.refunds[broken_id]
    broken.text = broken.text.replace('"offline":false', '"offline":fal"provider_customer_id":"cus_secret"')
    mirror.completed("refunds")
    texts = [row["payload"] for row in mirror.rows("refunds")]
    texts += [bytes(row["payload"] or b"").decode() for row in mirror.rows("rejected_records")]
    assert not any("secret" in text for text in texts)
    stored = json.loads(mirror.row("refunds", refund_id)["payload"])
    assert stored["payments"] == [payment], "and all else is"


def test_personal_texts_are_dropped_where_none_are_stored(connect: Connect, store: SandboxStore):
    mirror = begun(connect(store, settings={"person_data": "drop"}).completed()).completed("refunds")
    rows = mirror.rows("refunds")
    assert len(rows) == len(store.refund_ids)
    assert not any("Ostrova" in row["payload"] or "reason" in row["payload"] for row in rows)
    assert len(mirror.rows("refund_payments")) >= len(rows)


def test_erasing_a_person_takes_the_texts_and_leaves_amounts(connect_anywhere: Connect, store: SandboxStore):
    mirror = begun(connect_anywhere(store).completed()).completed("refunds")
    before = {name: mirror.rows(name) for name in ("refunds", "refund_items", "refund_payments")}
    found = erased(mirror, "customer_id:1")
    assert found.records["refunds"] > 0
    assert not any("Ostrova" in row["payload"] for row in mirror.rows("refunds"))
    assert [row["total_amount"] for row in mirror.rows("refunds")] == [row["total_amount"] for row in before["refunds"]]
    assert mirror.rows("refund_items") == before["refund_items"]
    assert mirror.rows("refund_payments") == before["refund_payments"]
    # What comes later has none either, and what is stored counts as unchanged.
    new = store.create_refund(store.order_ids[0], reason="For Ms Ostrova")
    mirror.again("refunds", mode="full")
    assert "Ostrova" not in mirror.row("refunds", new)["payload"]
    assert mirror.refresh("refunds")["updated"] == 0


def test_the_store_is_asked_why_a_refund_is_not_here(connect: Connect, store: SandboxStore):
    mirror = connect(store)
    client, headers = mirror.app.test_client(), bearer(mirror.app)
    for refund_id, expected in ((store.refund_ids[0], "in_store"), (999_999, "not_in_store")):
        path = f"/api/big-commerce/{mirror.instance_id}/explain?refund={refund_id}&ask_store=true"
        reasons = client.get(path, headers=headers).json["data"]["reasons"]
        assert reasons[0]["code"] == expected


def test_the_host_is_told_of_changed_refunds(connect: Connect, store: SandboxStore, monkeypatch: pytest.MonkeyPatch):
    mirror = begun(connect(store).completed())
    told: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(
        mirror.host,
        "refunds_changed",
        lambda session, instance, ids: told.append((instance.id, list(ids))),
        raising=False,
    )
    mirror.completed("refunds")
    assert told == [(1, store.refund_ids)]
    refund_id = store.create_refund(store.order_ids[0])
    followed(mirror)
    assert told[1:] == [(1, [refund_id])]


def test_a_token_without_the_scope_turns_them_off(connect: Connect, store: SandboxStore):
    mirror = begun(connect(store).completed())
    store.scopes.discard("store_v2_orders_read_only")
    assert mirror.advance("refunds") is Outcome.CANCELLED
    assert mirror.refresh("refunds")["error_code"] == "scope_missing"
    (lease,) = mirror.rows("leases", resource="refunds")
    assert lease["off_reason"] is not None
    store.scopes.add("store_v2_orders_read_only")
    mirror.again("orders", mode="incremental")
    assert len(mirror.rows("refreshes", resource="refunds")) == 1, "a sweep tries, or another token"
    mirror.again("refunds", mode="full")
    assert mirror.rows("leases", resource="refunds")[0]["off_reason"] is None


def test_a_killed_refresh_goes_on_where_it_stopped(mirror: Mirror, store: SandboxStore):
    mirror.with_settings(slice_s=0.0)
    mirror.run("refunds")
    assert differences(mirror) == []
    assert mirror.refresh("refunds")["fetched"] == len(store.refund_ids)
