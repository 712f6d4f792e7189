"""What begins by itself: when, in which order, and never twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh import automatic
from bigcommerce_integration.refresh.automatic import Due, begin_due, due
from bigcommerce_integration.refresh.parameters import Parameters
from bigcommerce_integration.refresh.prune import prune
from bigcommerce_integration.sandbox import SandboxStore

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
    return due(resource, **(given | changes))


def test_what_is_due() -> None:
    for resource in ("products", "orders"):
        assert decided(resource) == Due("incremental")
        assert decided(resource, is_automatic=False) is None
        assert decided(resource, is_automatic=False, is_sweep_due=True) is None
        assert decided(resource, is_automatic=False, is_link_wanted=True) == Due("incremental")
        # What a changed setting left out comes first.
        left_out = Parameters(date_from=date(2026, 1, 1), date_to=date(2026, 2, 1))
        backfill = {"backfill_to": date(2026, 2, 1), "is_sweep_due": True}
        assert decided(resource, **backfill) == Due("date_range", left_out)
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


@pytest.mark.parametrize(("end", "share"), [(0, 0.9), (1, 1.1)])
def test_intervals_are_spread_by_chance(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, end: int, share: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *ends: ends[end])
    mirror = connect(SandboxStore(1, 1, awkward=False), **AUTOMATIC).completed()
    let_intervals_pass(mirror, "next_sync_at", "next_sweep_at")
    assert len(begun(mirror)) == 2
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
    begin: Callable[..., bool] = automatic._begin

    def later(session: Any, engine: Any, row: Any) -> bool:
        if row.resource == "orders":
            mirror_start(mirror)
        return begin(session, engine, row)

    def mirror_start(mirror: Mirror) -> None:
        mirror.start("orders", "full")

    monkeypatch.setattr(automatic, "_begin", later)
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


def test_a_span_that_was_left_out_is_fetched_once_no_walk_is_open(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    old = store.create_order(lines=1, date_created="Thu, 05 Mar 2026 12:00:00 +0000")
    mirror = connect(store, integration_settings__start_date="2026-04-01")
    leases, instances = mirror.table("leases"), mirror.table("instances")
    mirror.execute(update(instances).values(start_date=date(2026, 3, 1)))
    mirror.execute(update(leases).values(backfill_to=date(2026, 4, 1)))
    assert begun(mirror) == []
    mirror.run()
    assert begun(mirror) == [("orders", "date_range"), ("products", "date_range")]
    mirror.completed()
    assert mirror.ids("orders") == [old]
    assert begun(mirror) == [], "not again, and nothing else without automatic sync"


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
