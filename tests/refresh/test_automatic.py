"""What begins by itself: when, in which order, and never twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.parameters import Parameters
from bigcommerce_integration.refresh.lifecycle import schedule
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import Due, begin_due, due
from bigcommerce_integration.refresh.lifecycle.transitions import cancel, reopen
from bigcommerce_integration.refresh.linking import passes
from bigcommerce_integration.refresh.removal.pruning import prune
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from .conftest import Connect, Mirror

TODAY = date(2026, 5, 1)


def decided(resource: str, **changes: Any) -> Due | None:
    given: dict[str, Any] = {
        "start_date": date(2026, 1, 1),
        "backfill_to": None,
        "is_link_wanted": False,
        "is_automatic": True,
        "is_sweep_due": False,
        "today": TODAY,
    }
    return due(REGISTRY[resource], **(given | changes))


def test_what_is_due() -> None:
    for resource in ("products", "orders"):
        assert decided(resource) == Due("incremental")
        assert decided(resource, is_automatic=False) is None
        assert decided(resource, is_automatic=False, is_sweep_due=True) is None
        assert decided(resource, is_automatic=False, is_link_wanted=True) == Due("incremental")
        # What a changed setting left out comes first.
        left_out = Parameters(date_from=date(2026, 1, 1), date_to=date(2026, 2, 1))
        backfill = {"backfill_to": date(2026, 2, 1), "is_sweep_due": True}
        assert decided(resource, **backfill) == Due("date_range", left_out, is_backfill=True)
    assert decided("products", is_sweep_due=True) == Due("full", is_sweep=True)
    recent = Parameters(date_from=TODAY - timedelta(days=60), date_to=TODAY + timedelta(days=1))
    assert decided("orders", is_sweep_due=True) == Due("date_range", recent, is_sweep=True)


def begun(mirror: Mirror) -> list[tuple[str, str]]:
    """What a tick begins now, as (resource, mode); the newest of each resource becomes the one to be run."""
    known = {row["id"] for row in mirror.rows("refreshes")}
    with mirror.app.app_context():
        begin_due(mirror.engine)
    new = [row for row in mirror.rows("refreshes") if row["id"] not in known]
    mirror.refreshes.update({row["resource"]: row["id"] for row in new})
    assert all(mirror.rows("hints", refresh_id=row["id"]) for row in new)
    return sorted((row["resource"], row["mode"]) for row in new)


def let_intervals_pass(mirror: Mirror, *columns: str) -> None:
    mirror.execute(mirror.table("leases").update().values({column: db_now(-1) for column in columns}))


AUTOMATIC = {"is_automatic_sync_enabled": True}
BOTH = [("orders", "incremental"), ("products", "incremental")]


def test_after_the_first_refresh_it_goes_on_by_itself(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(5, 5, awkward=False), **AUTOMATIC)
    assert begun(mirror) == [], "the first walks are open"
    mirror.completed()
    assert begun(mirror) == BOTH
    assert begun(mirror) == []
    mirror.completed()
    assert begun(mirror) == [], "not before the interval is over"
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == BOTH
    mirror.completed()
    let_intervals_pass(mirror, "next_sync_at", "next_sweep_at")
    assert begun(mirror) == [("orders", "date_range"), ("products", "full")]
    mirror.completed()
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == BOTH
    mirror.completed()
    assert mirror.refresh("orders")["requested_by"] is None
    now = mirror.transaction(lambda session: session.scalar(select(db_now())))
    for lease in mirror.rows("leases"):
        # Defaults of 300 s and a day, a tenth more or less.
        assert 200 < (lease["next_sync_at"] - now).total_seconds() < 335
        assert 77000 < (lease["next_sweep_at"] - now).total_seconds() < 96000


def test_the_next_due_time_counts_from_the_last_one(connect_any: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 1.0)
    mirror = connect_any(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    for late_s, expected_s in ((100, 200), (3600, 300)):
        now = mirror.transaction(lambda session: session.scalar(select(db_now())))
        due_at = now - timedelta(seconds=late_s)
        mirror.execute(mirror.table("leases").update().values(next_sync_at=due_at))
        assert begun(mirror) == BOTH
        mirror.completed()
        for lease in mirror.rows("leases"):
            # Not an interval after it was begun; of what an outage has left out nothing is caught up with.
            assert (lease["next_sync_at"] - now).total_seconds() == pytest.approx(expected_s, abs=20)


def test_a_lease_that_is_locked_holds_up_no_other_store(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    leases = mirror.table("leases")
    with mirror.app.app_context(), mirror.engine.sessions() as session:
        session.execute(update(leases).where(leases.c.resource == "orders").values(epoch=leases.c.epoch))
        assert begun(mirror) == [("products", "incremental")]
        session.rollback()
    assert begun(mirror) == [("orders", "incremental")]


def test_automatic_refreshes_that_found_nothing_go_after_an_hour(connect: Connect) -> None:
    store = SandboxStore(5, 5, awkward=False)
    mirror = connect(store, **AUTOMATIC).completed()
    refreshes = mirror.table("refreshes")
    for number in range(4):
        let_intervals_pass(mirror, "next_sync_at")
        assert begun(mirror) == BOTH
        if number == 1:
            store.edit_order(store.order_ids[0], staff_notes="edited")
        mirror.completed()
    person = mirror.start("orders", "incremental").refreshes["orders"]
    mirror.execute(update(refreshes).where(refreshes.c.id == person).values(requested_by="ada"))
    mirror.completed("orders")

    def pruned() -> int:
        with mirror.app.app_context():
            return prune(mirror.engine)

    assert pruned() == 0, "not at once"
    mirror.execute(update(refreshes).values(finished_at=db_now(-3700)))
    before = {row["id"] for row in mirror.rows("refreshes")}
    assert pruned() > 0
    left = mirror.rows("refreshes")
    assert sorted(row["mode"] for row in left if row["resource"] == "products") == ["incremental", "initial"]
    kept = [row for row in left if row["resource"] == "orders" and row["mode"] == "incremental"]
    assert [row["updated"] for row in kept] == [1, 0], "what found something, and the newest, which a person asked for"
    assert person in {row["id"] for row in kept}
    assert max(before) in {row["id"] for row in left}
    assert pruned() == 0


@pytest.mark.parametrize(("end", "share"), [(0, 0.9), (1, 1.1)])
def test_intervals_are_spread_by_chance(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, end: int, share: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *ends: ends[end])
    mirror = connect(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    let_intervals_pass(mirror, "next_sync_at", "next_sweep_at")
    assert len(begun(mirror)) == 2
    mirror.completed()
    now = mirror.transaction(lambda session: session.scalar(select(db_now())))
    for lease in mirror.rows("leases"):
        # Far less than the tenth that chance adds or takes.
        assert (lease["next_sync_at"] - now).total_seconds() == pytest.approx(300 * share, abs=20)
        assert (lease["next_sweep_at"] - now).total_seconds() == pytest.approx(86400 * share, abs=20)


def test_without_the_setting_nothing_begins(connect: Connect) -> None:
    mirror = connect(SandboxStore(1, 1, awkward=False)).completed()
    assert begun(mirror) == []


@pytest.mark.parametrize("status", ["needs_attention", "deleting"])
def test_an_instance_that_needs_attention_pauses_and_catches_up(connect: Connect, status: str) -> None:
    mirror = connect(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    instances = mirror.table("instances")
    mirror.execute(update(instances).values(status=status))
    assert begun(mirror) == []
    mirror.execute(update(instances).values(status="active"))
    assert begun(mirror) == BOTH


def test_an_outage_of_any_length_is_caught_up(connect: Connect) -> None:
    store = SandboxStore(5, 5, awkward=False)
    mirror = connect(store, **AUTOMATIC).completed()
    mirror.execute(mirror.table("leases").update().values(watermark=datetime(2020, 1, 1)))
    mirror.server.requests.clear()
    assert begun(mirror) == BOTH
    mirror.completed()
    assert mirror.asked("date_modified%3Amin=2019-12-31T23%3A55%3A00Z")


def test_two_ticks_at_once_begin_one_refresh(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    start = threading.Barrier(4)

    def tick() -> None:
        start.wait(10)
        with mirror.app.app_context():
            begin_due(mirror.engine)

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    modes = [(row["resource"], row["mode"]) for row in mirror.rows("refreshes")]
    assert sorted(modes) == [
        ("orders", "incremental"),
        ("orders", "initial"),
        ("products", "incremental"),
        ("products", "initial"),
    ]


def test_a_walk_begun_in_the_same_moment_is_no_error(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = connect(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    begin: Callable[..., bool] = schedule._begin

    def later(session: Any, engine: Any, row: Any, **options: Any) -> bool:
        if row.resource == "orders":
            mirror_start(mirror)
        return begin(session, engine, row, **options)

    def together(*args: Any) -> None:
        # As the database says when the walk is begun between the look and the insert.
        raise IntegrityError("INSERT", {}, Exception("open_key"))

    def mirror_start(mirror: Mirror) -> None:
        mirror.start("orders", "full")

    monkeypatch.setattr(schedule, "_begin", later)
    monkeypatch.setattr(schedule, "_begin_together", together)
    assert begun(mirror) == [("orders", "full"), ("products", "incremental")]


def test_a_lease_whose_row_is_locked_waits_for_the_next_tick(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    leases = mirror.table("leases")
    with mirror.app.app_context(), mirror.engine.sessions() as session:
        mine = (leases.c.instance_id == mirror.instance_id, leases.c.resource == "products")
        session.execute(select(leases.c.epoch).where(*mine).with_for_update())
        assert begun(mirror) == [("orders", "incremental")]
        session.rollback()
    assert begun(mirror) == [("products", "incremental")]


def test_skipped_span_is_fetched_once_no_refresh_is_open(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    old = store.create_order(lines=1, date_created="Thu, 05 Mar 2026 12:00:00 +0000")
    mirror = connect(store, integration_settings__start_date="2026-04-01")
    for resource in ("products", "orders"):
        prepare_only(mirror, resource)
    move_start(mirror, "2026-03-01")
    assert begun(mirror) == []
    mirror.completed()
    assert mirror.ids("orders") == []
    assert begun(mirror) == BACKFILLS
    mirror.completed()
    assert mirror.ids("orders") == [old]
    assert begun(mirror) == [], "not again, and nothing else without automatic sync"


# -- what is wanted until it is done ------------------------------------------------------------------------------

BACKFILLS = [("orders", "date_range"), ("products", "date_range")]


def with_an_old_order(connect: Connect, **settings: Any) -> tuple[Mirror, int]:
    """A store that is mirrored from April on; an order of March."""
    store = SandboxStore(0, 0, awkward=False)
    old = store.create_order(lines=1, date_created="Thu, 05 Mar 2026 12:00:00 +0000")
    mirror = connect(store, integration_settings__start_date="2026-04-01", **settings).completed()
    assert mirror.ids("orders") == []
    return mirror, old


def move_start(mirror: Mirror, day: str) -> None:
    answer = mirror.app.test_client().patch(
        f"/api/big-commerce/{mirror.instance_id}",
        json={"integration_settings": {"start_date": day}},
        headers=bearer(mirror.app),
    )
    assert answer.status_code == 200, answer.json


def let_backoff_pass(mirror: Mirror, *columns: str) -> None:
    """As if what has ended had ended long ago."""
    refreshes = mirror.table("refreshes")
    mirror.execute(update(refreshes).where(refreshes.c.finished_at.is_not(None)).values(finished_at=db_now(-7200)))
    let_intervals_pass(mirror, "next_sync_at", *columns)


def prepare_only(mirror: Mirror, resource: str) -> None:
    """One slice that knows the start date and reads nothing: the store makes it wait."""
    mirror.store.faults.add("429", f"/{resource}", headers={"X-Retry-After": "60"}, times=None)
    assert mirror.advance(resource) is Outcome.WAITING
    assert mirror.refresh(resource)["phase"] == "walk"
    mirror.store.faults.clear()


def left_out(mirror: Mirror, resource: str = "orders") -> date | None:
    (lease,) = mirror.rows("leases", resource=resource)
    found: date | None = lease["backfill_to"]
    return found


def cancel_by_hand(mirror: Mirror, resource: str) -> None:
    assert mirror.transaction(lambda session: cancel(session, mirror.engine.tables, mirror.refreshes[resource]))


def fail_for_a_scope(mirror: Mirror, resource: str) -> None:
    mirror.store.faults.add("403", f"/{resource}", times=None)
    assert mirror.run(resource).refresh(resource)["status"] == "failed"
    mirror.store.faults.clear()


@pytest.mark.parametrize("end", [fail_for_a_scope, cancel_by_hand])
def test_a_backfill_that_does_not_complete_begins_again(
    connect_any: Connect, end: Callable[[Mirror, str], None]
) -> None:
    mirror, old = with_an_old_order(connect_any)
    move_start(mirror, "2026-03-01")
    assert begun(mirror) == BACKFILLS
    mirror.completed("products")
    end(mirror, "orders")
    assert (left_out(mirror), left_out(mirror, "products")) == (date(2026, 4, 1), None)
    assert begun(mirror) == [], "not at once"
    let_intervals_pass(mirror, "next_sync_at", "next_backfill_at")
    assert begun(mirror) == begun(mirror) == [], "nor an interval after it began: it went on for long"
    let_backoff_pass(mirror, "next_backfill_at")
    assert begun(mirror) == [("orders", "date_range")]
    mirror.completed("orders")
    assert (mirror.ids("orders"), left_out(mirror)) == ([old], None)
    let_backoff_pass(mirror, "next_backfill_at")
    assert begun(mirror) == []


def test_a_failed_backfill_that_is_retried_by_hand_is_done(connect: Connect) -> None:
    mirror, old = with_an_old_order(connect)
    move_start(mirror, "2026-03-01")
    begun(mirror)
    fail_for_a_scope(mirror, "orders")
    mirror.transaction(lambda session: reopen(session, mirror.engine.tables, mirror.refreshes["orders"]))
    mirror.completed("orders")
    assert (mirror.ids("orders"), left_out(mirror)) == ([old], None)


def test_a_backfill_that_fails_does_not_stop_the_sync(connect: Connect) -> None:
    mirror, old = with_an_old_order(connect, **AUTOMATIC)
    move_start(mirror, "2026-03-01")
    for _ in range(2):
        assert ("orders", "date_range") in begun(mirror)
        fail_for_a_scope(mirror, "orders")
        mirror.completed("products")
        let_intervals_pass(mirror, "next_sync_at")
        assert ("orders", "incremental") in begun(mirror)
        mirror.completed("products", "orders")
        let_backoff_pass(mirror, "next_backfill_at")
    assert ("orders", "date_range") in begun(mirror)
    mirror.completed("products", "orders")
    assert mirror.ids("orders") == [old]


def test_a_start_date_moved_during_its_backfill_is_not_forgotten(connect: Connect) -> None:
    mirror, old = with_an_old_order(connect)
    older = mirror.store.create_order(lines=1, date_created="Thu, 05 Feb 2026 12:00:00 +0000")
    move_start(mirror, "2026-03-01")
    assert begun(mirror) == BACKFILLS
    move_start(mirror, "2026-02-01")
    mirror.completed()
    assert (mirror.ids("orders"), left_out(mirror)) == ([old], date(2026, 4, 1))
    let_intervals_pass(mirror, "next_sync_at", "next_backfill_at")
    assert begun(mirror) == BACKFILLS
    mirror.completed()
    assert (mirror.ids("orders"), left_out(mirror)) == ([old, older], None)


def test_a_start_date_moved_there_and_back_is_not_forgotten(connect: Connect) -> None:
    mirror, old = with_an_old_order(connect)
    move_start(mirror, "2026-03-01")
    assert begun(mirror) == BACKFILLS
    move_start(mirror, "2026-03-20")
    prepare_only(mirror, "orders")
    move_start(mirror, "2026-03-01")
    mirror.completed()
    assert (mirror.ids("orders"), left_out(mirror)) == ([], date(2026, 4, 1))
    let_intervals_pass(mirror, "next_sync_at", "next_backfill_at")
    assert begun(mirror) == [("orders", "date_range")]
    mirror.completed("orders")
    assert (mirror.ids("orders"), left_out(mirror)) == ([old], None)


def test_a_walk_from_the_new_start_date_needs_no_backfill(connect: Connect) -> None:
    mirror, old = with_an_old_order(connect)
    move_start(mirror, "2026-03-01")
    mirror.again("orders", mode="full")
    assert (mirror.ids("orders"), left_out(mirror)) == ([old], None)


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_sweep_that_fails_is_begun_again_the_same_day(connect_any: Connect, resource: str) -> None:
    mirror = connect_any(SandboxStore(3, 3, awkward=False), **AUTOMATIC).completed()
    let_intervals_pass(mirror, "next_sync_at", "next_sweep_at")
    sweep = {"products": ("products", "full"), "orders": ("orders", "date_range")}[resource]
    assert sweep in begun(mirror)
    fail_for_a_scope(mirror, resource)
    let_intervals_pass(mirror, "next_sync_at")
    assert (resource, "incremental") in begun(mirror), "not at once"
    mirror.completed()
    let_backoff_pass(mirror)
    (lease,) = mirror.rows("leases", resource=resource)
    now = mirror.transaction(lambda session: session.scalar(select(db_now())))
    assert (lease["next_sweep_at"] - now).total_seconds() < 86400 / 24 * 1.1
    let_intervals_pass(mirror, "next_sync_at", "next_sweep_at")
    assert sweep in begun(mirror)
    mirror.completed()
    let_intervals_pass(mirror, "next_sync_at")
    assert (resource, "incremental") in begun(mirror), "the next one is due tomorrow"


def test_a_linking_pass_whose_refresh_fails_stays_wanted(connect: Connect) -> None:
    store = SandboxStore(1, 0, awkward=False)
    mirror = connect(store, integration_settings__auto_link_products=False).completed()
    switch(mirror, auto_link_products=True)
    assert begun(mirror) == [("products", "incremental")]
    fail_for_a_scope(mirror, "products")
    assert begun(mirror) == []
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == [("products", "incremental")]
    mirror.completed("products")
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == []


def test_a_switch_turned_on_during_the_pass_is_not_forgotten(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SandboxStore(3, 0, awkward=False)
    mirror = connect(
        store, integration_settings__auto_link_products=False, integration_settings__auto_create_products=False
    ).completed()
    switch(mirror, auto_link_products=True)
    begun(mirror)
    link_pass = passes.link_pass
    switched: list[bool] = []

    def then(tx: Any, after: int) -> Any:
        if not switched:
            switched.append(True)
            # As committed just before this transaction began.
            instances, leases = mirror.table("instances"), mirror.table("leases")
            tx.session.execute(update(instances).values(auto_create_products=True))
            tx.session.execute(update(leases).where(leases.c.resource == "products").values(is_link_wanted=True))
        return link_pass(tx, after)

    monkeypatch.setattr(passes, "link_pass", then)
    mirror.completed("products")
    assert switched
    assert not any(row["host_product_id"] for row in mirror.rows("variants"))
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == [("products", "incremental")]
    mirror.completed("products")
    assert all(row["host_product_id"] for row in mirror.rows("variants"))


def test_a_switch_turned_between_two_slices_begins_the_pass_anew(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bigcommerce_integration.refresh.linking.linker.PASS_SIZE", 2)
    store = SandboxStore(0, 0, awkward=False)
    for number in range(6):
        store.create_product(variants=1, sku=f"S{number}")
    mirror = connect(store, integration_settings__auto_create_products=False).completed()
    mirror.let_link_interval_pass().start("products", "incremental").with_settings(slice_s=0.0)
    while (
        mirror.refresh("products")["phase"] != "link" or '"link_after": 0' in mirror.refresh("products")["checkpoint"]
    ):
        assert mirror.advance("products") is Outcome.CONTINUE
    switch(mirror, auto_create_products=True)
    mirror.completed("products")
    assert all(row["host_product_id"] for row in mirror.rows("variants"))
    (lease,) = mirror.rows("leases", resource="products")
    assert not lease["is_link_wanted"]


def switch(mirror: Mirror, **switches: bool) -> None:
    answer = mirror.app.test_client().patch(
        f"/api/big-commerce/{mirror.instance_id}",
        json={"integration_settings": switches},
        headers=bearer(mirror.app),
    )
    assert answer.status_code == 200, answer.json


def test_a_linking_pass_that_is_wanted_is_made_once(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    product = store.create_product(variants=1)
    mirror = connect(store, integration_settings__auto_link_products=False).completed()
    sku = mirror.rows("variants")[0]["sku"]
    host_product = mirror.add_host_product(sku)
    mirror.execute(update(mirror.table("instances")).values(auto_link_products=True))
    leases = mirror.table("leases")
    mirror.execute(update(leases).where(leases.c.resource == "products").values(is_link_wanted=True))
    assert begun(mirror) == [("products", "incremental")]
    mirror.completed("products")
    assert [row["host_product_id"] for row in mirror.rows("variants", bigcommerce_product_id=product)] == [host_product]
    let_intervals_pass(mirror, "next_sync_at")
    assert begun(mirror) == []


# -- pruning ------------------------------------------------------------------------------------------------------


def test_old_refreshes_go_and_the_last_of_each_mode_stays(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(2, 2, awkward=False)).completed()
    for mode in ("full", "full", "incremental", "full"):
        mirror.again("products", mode=mode)
    mirror.start("products", "incremental")
    refreshes, rejected = mirror.table("refreshes"), mirror.table("rejected_records")
    ids = [row["id"] for row in mirror.rows("refreshes")]
    mirror.execute(
        rejected.insert().values(
            [
                {
                    "instance_id": mirror.instance_id,
                    "refresh_id": each,
                    "resource": "products",
                    "reason": "x",
                    "is_payload_cut": False,
                    "created_at": datetime(2026, 1, 1),
                }
                for each in ids
            ]
        )
    )

    def pruned() -> int:
        with mirror.app.app_context():
            return prune(mirror.engine)

    assert pruned() == 0
    old = refreshes.c.finished_at.is_not(None)
    mirror.execute(update(refreshes).where(old).values(finished_at=db_now(-31 * 86400)))
    assert pruned() == 2, "two of three full ones"
    left = [(row["resource"], row["mode"], row["status"]) for row in mirror.rows("refreshes")]
    assert left == [
        ("products", "initial", "completed"),
        ("orders", "initial", "completed"),
        ("products", "incremental", "completed"),
        ("products", "full", "completed"),
        ("products", "incremental", "pending"),
    ]
    assert {row["refresh_id"] for row in mirror.rows("rejected_records")} == {
        row["id"] for row in mirror.rows("refreshes")
    }
    assert pruned() == 0
