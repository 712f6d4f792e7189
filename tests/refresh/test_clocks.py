"""One clock that is wrong for a while, the store's, a worker's or the database's: nothing is lost, and all heals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from sqlalchemy import Table, insert, update
from sqlalchemy.orm import Session

from bigcommerce_integration.client import clock
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.lease import claim, sharers
from bigcommerce_integration.refresh.lifecycle import claim as claiming
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.refresh.removal.pruning import prune
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.messages.outbox import take_ready

from ..host_app import bearer
from .conftest import Connect, Mirror

RESOURCES = ("products", "orders")
MIRRORED = ("products", "variants", "orders", "order_lines")
MONTH_S = 30 * 86400.0


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def http(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC), usegmt=True)


def dated(mirror: Mirror, date_: str, *, path: str = "", after: int = 0, times: int | None = None) -> None:
    """Have answers carry this ``Date``: all from now on, or so many."""
    mirror.store.faults.add("delay", path, delay_s=0.0, headers={"Date": date_}, after=after, times=times)


def edit(mirror: Mirror, name: str) -> tuple[int, int]:
    """Edit the first product and order of the store, just now by its clock."""
    store = mirror.store
    product, order = store.product_ids[0], store.order_ids[0]
    store.edit_product(product, name=name)
    store.edit_order(order, staff_notes=name)
    return product, order


def assert_shows(mirror: Mirror, name: str) -> None:
    store = mirror.store
    assert mirror.row("products", store.product_ids[0])["name"] == name
    assert f'"staff_notes":"{name}"' in mirror.row("orders", store.order_ids[0])["payload"]


def assert_dated_well(mirror: Mirror) -> None:
    """Nothing that is stored is from the future."""
    latest = now() + timedelta(seconds=60)
    for name in MIRRORED:
        for row in mirror.rows(name):
            assert row["observed_at"] <= latest, (name, row["bigcommerce_id"])
    for lease in mirror.rows("leases"):
        assert lease["watermark"] is None or lease["watermark"] <= latest


@pytest.fixture
def mirror(connect: Connect) -> Mirror:
    return connect(SandboxStore(12, 12, awkward=False), settings={"overlap_s": 5}).completed()


# -- the store's clock ---------------------------------------------------------------------------------------------

AHEAD = {"20 minutes": timedelta(minutes=20), "years": timedelta(days=4000)}


@pytest.mark.ci
@pytest.mark.parametrize("by", AHEAD.values(), ids=list(AHEAD))
@pytest.mark.parametrize("after", [0, 1, 2], ids=["the first", "the second", "the third"])
@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_one_answer_dated_ahead_moves_nothing(mirror: Mirror, by: timedelta, after: int, mode: Any) -> None:
    for number, resource in enumerate(RESOURCES):
        edit(mirror, f"Before {number}")
        mirror.store.faults.clear()
        dated(mirror, http(now() + by), after=after, times=1)
        mirror.again(resource, mode=mode)
    assert_dated_well(mirror)
    edit(mirror, "After")
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "After")


@pytest.mark.parametrize("offset_s", [7200.0, -7200.0], ids=["ahead", "behind"])
def test_a_store_whose_clock_is_wrong_for_good_is_mirrored(connect: Connect, offset_s: float) -> None:
    store = SandboxStore(12, 12, awkward=False)
    store.clock_offset_s = offset_s
    mirror = connect(store, settings={"overlap_s": 5}).completed()
    for number in range(3):
        edit(mirror, f"Edit {number}")
        gone = store.product_ids[-1]
        store.delete_product(gone)
        mirror.again(*RESOURCES, mode="incremental")
        assert_shows(mirror, f"Edit {number}")
        mirror.again("products", mode="full")
        assert mirror.row("products", gone)["deleted_at"] is not None
    assert_dated_well(mirror)


def test_a_store_behind_that_is_ahead_once_loses_no_edit(connect: Connect) -> None:
    """Its answers go by a clock two hours behind; the one that tells our time must not be the next watermark."""
    store = SandboxStore(12, 12, awkward=False)
    store.clock_offset_s = -7200
    mirror = connect(store, settings={"overlap_s": 5}).completed()
    for resource in RESOURCES:
        store.faults.clear()
        dated(mirror, http(now()), times=1)
        mirror.again(resource, mode="incremental")
    edit(mirror, "Edited")
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "Edited")


@pytest.mark.parametrize("date_", ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "", "soon"])
def test_a_date_that_is_nonsense_is_not_used(connect: Connect, date_: str) -> None:
    mirror = connect(SandboxStore(12, 12, awkward=False), settings={"overlap_s": 5})
    dated(mirror, date_)
    mirror.completed()
    edit(mirror, "Edited")
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "Edited")
    assert all(abs(row["observed_at"] - now()) < timedelta(minutes=10) for row in mirror.rows("products"))


# -- rows and watermarks from the future ---------------------------------------------------------------------------


def misdate(mirror: Mirror, at: datetime) -> None:
    """As a wrong clock of an earlier version has left the rows and the watermarks."""
    for name in MIRRORED:
        mirror.execute(update(mirror.table(name)).values(observed_at=at))
    mirror.execute(update(mirror.table("leases")).values(watermark=at))


FUTURES = [timedelta(minutes=20), timedelta(days=4000)]


@pytest.mark.ci
@pytest.mark.parametrize("by", FUTURES, ids=["minutes", "years"])
@pytest.mark.parametrize("mode", ["incremental", "full", "ids"])
def test_what_is_from_the_future_heals(connect_any: Connect, by: timedelta, mode: Any) -> None:
    mirror = connect_any(SandboxStore(12, 12, awkward=False), settings={"overlap_s": 5}).completed()
    product, order = edit(mirror, "Edited")
    variant = mirror.store.products[product].variants[0].id
    mirror.store.edit_variant(variant, sku="NEW")
    line_id, _ = mirror.store.order_line_records(order)[0]
    mirror.store.edit_line(order, line_id, quantity=7)
    misdate(mirror, now() + by)
    if mode == "ids":
        mirror.again("products", mode="ids", ids=(product,)).again("orders", mode="ids", ids=(order,))
    else:
        mirror.again(*RESOURCES, mode=mode)
    assert_shows(mirror, "Edited")
    assert mirror.row("variants", variant)["sku"] == "NEW"
    assert mirror.row("order_lines", line_id)["quantity"] == 7
    latest = now() + timedelta(seconds=60)
    assert mirror.row("products", product)["observed_at"] <= latest
    if mode != "ids":
        assert all(lease["watermark"] <= latest for lease in mirror.rows("leases"))
        assert all(row["observed_at"] <= latest for row in mirror.rows("products")), "the unchanged ones too"
    edit(mirror, "Once more")
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "Once more")


def test_rows_from_the_future_are_marked_when_deleted(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(12, 12, awkward=False)).completed()
    product, order = mirror.store.product_ids[3], mirror.store.order_ids[3]
    mirror.store.delete_product(product)
    mirror.store.delete_order(order)
    misdate(mirror, now() + timedelta(days=4000))
    mirror.again(*RESOURCES, mode="full")
    assert mirror.row("products", product)["deleted_at"] is not None
    assert mirror.row("orders", order)["deleted_at"] is not None
    assert all(row["deleted_at"] for row in mirror.rows("variants", bigcommerce_product_id=product))


def test_later_claim_wins_whatever_the_clocks_say(mirror: Mirror) -> None:
    """Rows of a worker whose clock was 50 seconds ahead: within what is allowed, and still no reason to skip."""
    edit(mirror, "Edited")
    for name in MIRRORED:
        mirror.execute(update(mirror.table(name)).values(observed_at=now() + timedelta(seconds=50)))
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "Edited")


# -- the worker's clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-30, 30])
def test_a_worker_whose_clock_is_wrong_changes_nothing(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    edit(mirror, "By the wrong one")
    with monkeypatch.context() as patch:
        wrong = clock.StoreClock
        shifted = timedelta(days=days)
        patch.setattr(
            claiming, "StoreClock", lambda name, **values: wrong(name, local=lambda: now() + shifted, **values)
        )
        mirror.again(*RESOURCES, mode="incremental")
        assert_shows(mirror, "By the wrong one")
    assert_dated_well(mirror)
    assert all(lease["watermark"] >= now() - timedelta(hours=1) for lease in mirror.rows("leases"))
    edit(mirror, "By the right one")
    mirror.again(*RESOURCES, mode="incremental")
    assert_shows(mirror, "By the right one")


# -- the database's clock ------------------------------------------------------------------------------------------


def set_all(mirror: Mirror, name: str, **values: Any) -> None:
    mirror.execute(update(mirror.table(name)).values(**values))


def test_a_due_time_from_the_future_is_due_at_once(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(2, 2, awkward=False), is_automatic_sync_enabled=True).completed()
    set_all(mirror, "leases", next_sync_at=db_now(250), next_sweep_at=db_now(80000))
    with mirror.app.app_context():
        assert begin_due(mirror.engine) == []
        set_all(mirror, "leases", next_sync_at=db_now(MONTH_S), next_sweep_at=db_now(MONTH_S))
        assert len(begin_due(mirror.engine)) == 2
        assert begin_due(mirror.engine) == []
    modes = {row["mode"] for row in mirror.rows("refreshes", status="pending")}
    assert modes == {"full", "date_range"}, "the sweep, as its time too was from the future"


def test_a_lease_from_the_future_is_free(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(2, 2, awkward=False))
    set_all(mirror, "leases", owner="dead", expires_at=db_now(mirror.engine.config.lease_s))
    assert mirror.advance("products") is Outcome.BUSY
    set_all(mirror, "hints", next_hint_at=db_now(MONTH_S))
    set_all(mirror, "leases", owner="dead", expires_at=db_now(MONTH_S))
    with mirror.app.app_context():
        assert len(take_ready(mirror.engine, most=10, delay_s=0.0)) == 2
    count = mirror.transaction(lambda session: sharers(session, mirror.engine.tables, mirror.server.store_hash, 60.0))
    assert count == 1, "nobody shares the quota"
    mirror.completed()


def test_a_pause_and_a_hint_from_the_future_have_ended(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(2, 2, awkward=False))
    set_all(mirror, "refreshes", resume_at=db_now(1800))
    assert mirror.advance("products") is Outcome.WAITING
    set_all(mirror, "refreshes", resume_at=db_now(MONTH_S))
    set_all(mirror, "hints", next_hint_at=db_now(MONTH_S))
    with mirror.app.app_context():
        assert len(take_ready(mirror.engine, most=10, delay_s=0.0)) == 2
    mirror.completed()


def test_a_live_lease_that_is_taken_fences_its_holder_off(connect_any: Connect) -> None:
    """The database's clock goes back by a month while a worker has the lease: at worst one slice is done again."""
    mirror = connect_any(SandboxStore(2, 2, awkward=False))

    def take(session: Session, owner: str) -> Any:
        which = {"instance_id": mirror.instance_id, "resource": "products", "length_s": 60.0}
        return claim(session, mirror.engine.tables, owner=owner, **which)  # type: ignore[arg-type]

    first = mirror.transaction(lambda session: take(session, "first"))
    assert mirror.transaction(lambda session: take(session, "second")) is None
    set_all(mirror, "leases", expires_at=db_now(MONTH_S))
    second = mirror.transaction(lambda session: take(session, "second"))
    assert second.epoch == first.epoch + 1


def test_a_database_ahead_for_a_moment_prunes_nothing(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.again("products", mode="full").again("products", mode="full")
    set_all(mirror, "refreshes", finished_at=db_now(-86400 * 10))
    before = len(mirror.rows("refreshes"))
    # As it looks to a database that is a month ahead.
    monkeypatch.setattr(
        "bigcommerce_integration.refresh.removal.pruning.db_now", lambda plus_s: db_now(plus_s + MONTH_S)
    )
    with mirror.app.app_context():
        assert prune(mirror.engine) == 0
    assert len(mirror.rows("refreshes")) == before


def test_health_passes_over_what_is_from_the_future(mirror: Mirror) -> None:
    workers: Table = mirror.table("workers")
    set_all(mirror, "instances", is_automatic_sync_enabled=True)
    set_all(mirror, "leases", next_sync_at=db_now(MONTH_S))
    mirror.execute(insert(workers).values(id="dead", started_at=db_now(MONTH_S), last_tick_at=db_now(MONTH_S)))
    mirror.start("products", "incremental")
    url = f"/api/big-commerce/{mirror.instance_id}"
    client, headers = mirror.app.test_client(), bearer(mirror.app)
    health = client.get(url, headers=headers).json["data"]["health"]
    assert health["last_worker_tick_at"] is None
    assert health["orders"]["next_refresh_at"] < f"{now() + timedelta(hours=1):%Y-%m-%d}Z"
    shown = client.get(f"{url}/refreshes/{mirror.refreshes['products']}", headers=headers).json["data"]
    assert "worker" in shown["message"], "the note of a dead worker does not count as one that runs"


# -- the ends of the calendar --------------------------------------------------------------------------------------


@pytest.mark.parametrize("timezone", ["Asia/Tokyo", "America/Chicago", "UTC"])
def test_days_at_the_ends_of_the_calendar_are_no_error(connect: Connect, timezone: str) -> None:
    store = SandboxStore(2, 2, awkward=False)
    store.timezone = timezone
    mirror = connect(store, integration_settings__start_date="1900-01-01").completed()
    mirror.assert_mirrors_the_store()
    mirror.execute(update(mirror.table("leases")).values(watermark=datetime.min))
    mirror.again(*RESOURCES, mode="incremental")
    mirror.again(*RESOURCES, mode="date_range", date_from=date(1900, 1, 1), date_to=date(2999, 12, 31))
