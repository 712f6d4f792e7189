"""What each mode of a refresh brings, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bigcommerce_integration.refresh.job import modes
from bigcommerce_integration.refresh.job.parameters import Mode, Parameters, load_parameters
from bigcommerce_integration.refresh.lifecycle.claim import Outcome, sibling
from bigcommerce_integration.resources.base import DateFilter
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

SINCE = datetime(2024, 1, 31, 6)
WATERMARK = datetime(2026, 5, 1, 12)


def asked(resource: str, mode: Mode, watermark: datetime | None = WATERMARK, **parameters: Any) -> DateFilter:
    return modes.dates(
        REGISTRY[resource],
        mode,
        Parameters(**parameters),
        since=SINCE,
        timezone="America/Chicago",
        watermark=watermark,
        overlap_s=300,
    )


def test_no_mode_requests_orders_before_the_start_date() -> None:
    before = WATERMARK - timedelta(seconds=300)
    assert asked("orders", "initial") == DateFilter(created_since=SINCE)
    assert asked("orders", "full") == DateFilter(created_since=SINCE)
    assert asked("orders", "incremental") == DateFilter(created_since=SINCE, modified_since=before)
    assert asked("orders", "incremental", None) == DateFilter(created_since=SINCE)
    assert asked("orders", "date_range", date_from=date(2020, 1, 1), date_to=date(2024, 2, 1)) == DateFilter(
        created_since=SINCE, created_until=datetime(2024, 2, 2, 6)
    )


def test_products_are_asked_for_by_when_they_were_modified() -> None:
    assert asked("products", "initial") == DateFilter(modified_since=SINCE)
    assert asked("products", "full") == DateFilter()
    assert asked("products", "incremental").modified_since == WATERMARK - timedelta(seconds=300)
    assert asked("products", "incremental", datetime(2020, 1, 1)) == DateFilter(modified_since=SINCE)
    # Whole days of the store's zone, across the change to summer time.
    assert asked("products", "date_range", date_from=date(2026, 3, 8), date_to=date(2026, 3, 8)) == DateFilter(
        modified_since=datetime(2026, 3, 8, 6), modified_until=datetime(2026, 3, 9, 5)
    )


def test_what_is_asked_for_by_name_has_no_dates() -> None:
    assert asked("orders", "ids", ids=(1,)) == asked("products", "ids", ids=(1,)) == DateFilter()


def test_parameters_come_back_as_they_were_stored() -> None:
    for each in (
        Parameters(),
        Parameters(ids=(3, 1)),
        Parameters(allow_mass_delete=True),
        Parameters(date_from=date(2026, 1, 1), date_to=date(2026, 1, 2)),
    ):
        assert load_parameters(each.dump()) == each


# -- incremental --------------------------------------------------------------------------------------------------


def moved(mirror: Mirror, resource: str) -> datetime:
    """The watermark of the resource."""
    (lease,) = mirror.rows("leases", resource=resource)
    found: datetime = lease["watermark"]
    return found


def test_incremental_brings_modified_records_and_little_else(connect_any: Connect) -> None:
    store = SandboxStore(60, 60, awkward=False)
    mirror = connect_any(store, settings={"overlap_s": 0}).completed()
    before = {resource: moved(mirror, resource) for resource in ("products", "orders")}
    assert all(before.values())
    later = datetime.now(UTC) + timedelta(seconds=2)
    product, order = store.product_ids[7], store.order_ids[9]
    store.edit_product(product, name="Edited", date_modified=later.isoformat(timespec="seconds"))
    store.edit_order(order, staff_notes="Edited", date_modified=later.strftime("%a, %d %b %Y %H:%M:%S +0000"))
    new_order = store.create_order(lines=2)
    mirror.server.requests.clear()
    mirror.again("products", "orders", mode="incremental")
    assert mirror.row("products", product)["name"] == "Edited"
    assert "Edited" in mirror.row("orders", order)["payload"]
    assert mirror.row("orders", new_order)["date_created"] is not None
    assert mirror.refresh("products")["updated"] == 1
    assert (mirror.refresh("orders")["updated"], mirror.refresh("orders")["created"]) == (1, 1)
    assert len(mirror.asked("/catalog/products")) <= 3
    for resource in ("products", "orders"):
        assert moved(mirror, resource) >= before[resource]


def test_overlap_reads_again_what_the_store_showed_late(connect: Connect) -> None:
    store = SandboxStore(5, 0, awkward=False)
    mirror = connect(store, settings={"overlap_s": 300}).completed("products")
    late = moved(mirror, "products") - timedelta(seconds=200)
    early = moved(mirror, "products") - timedelta(seconds=400)
    for product_id, name, moment in ((store.product_ids[0], "Late", late), (store.product_ids[1], "Early", early)):
        store.edit_product(product_id, name=name, date_modified=moment.isoformat(timespec="seconds") + "+00:00")
    mirror.again("products", mode="incremental")
    assert mirror.row("products", store.product_ids[0])["name"] == "Late"
    assert mirror.row("products", store.product_ids[1])["name"] != "Early"


def test_watermark_moves_only_when_a_whole_refresh_completes(connect: Connect) -> None:
    store = SandboxStore(5, 5, awkward=False)
    mirror = connect(store)
    assert mirror.run("products") is mirror
    mirror.execute(mirror.table("leases").update().values(watermark=datetime(2026, 1, 1)))
    mirror.again("products", mode="ids", ids=tuple(store.product_ids[:2]))
    mirror.again("products", mode="date_range", date_from=date(2020, 1, 1), date_to=date(2026, 1, 1))
    assert moved(mirror, "products") == datetime(2026, 1, 1)
    mirror.start("products", "incremental")
    store.faults.add("403", "/catalog/products", times=None)
    mirror.run("products")
    assert mirror.refresh("products")["status"] == "failed"
    assert moved(mirror, "products") == datetime(2026, 1, 1)
    store.faults.clear()
    mirror.again("products", mode="incremental")
    assert moved(mirror, "products") > datetime(2026, 1, 1)


def test_the_watermark_never_moves_back(connect: Connect) -> None:
    mirror = connect(SandboxStore(5, 0, awkward=False)).completed("products")
    # That of a refresh that begins later and ends earlier; not from the future, which would not be believed.
    later = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(seconds=50)
    mirror.execute(mirror.table("leases").update().values(watermark=later))
    mirror.again("products", mode="full")
    assert moved(mirror, "products") == later


# -- date_range ---------------------------------------------------------------------------------------------------


def order_of(store: SandboxStore, moment: str) -> int:
    return store.create_order(lines=1, date_created=moment, date_modified=moment)


def test_a_date_range_of_orders_is_whole_days_of_the_store(connect_any: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    store.timezone = "America/Chicago"
    mirror = connect_any(store).completed()
    before = order_of(store, "Thu, 05 Mar 2026 05:59:59 +0000")
    first = order_of(store, "Thu, 05 Mar 2026 06:00:00 +0000")
    last = order_of(store, "Sat, 07 Mar 2026 05:59:59 +0000")
    after = order_of(store, "Sat, 07 Mar 2026 06:00:02 +0000")
    mirror.again("orders", mode="date_range", date_from=date(2026, 3, 5), date_to=date(2026, 3, 6))
    assert {first, last} <= set(mirror.ids("orders"))
    assert after not in mirror.ids("orders")
    assert before not in mirror.ids("orders")


def test_no_mode_brings_an_order_of_before_the_start_date(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    old = order_of(store, "Mon, 01 Jan 2024 12:00:00 +0000")
    store.edit_order(old, staff_notes="Edited only now")
    mirror = connect(store, integration_settings__start_date="2025-01-01").completed()
    mirror.again("orders", mode="incremental").again("orders", mode="full")
    mirror.again("orders", mode="date_range", date_from=date(2023, 1, 1), date_to=date(2026, 1, 1))
    mirror.again("orders", mode="ids", ids=(old,))
    assert mirror.ids("orders") == []
    assert mirror.refresh("orders")["skipped"] == 1


def test_days_with_one_order_a_second_after_them_complete(connect_any: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    store.timezone = "America/Chicago"
    mirror = connect_any(store).completed()
    order_of(store, "Thu, 05 Mar 2026 06:00:00 +0000")
    mirror.server.requests.clear()
    mirror.again("orders", mode="date_range", date_from=date(2026, 3, 4), date_to=date(2026, 3, 4))
    refresh = mirror.refresh("orders")
    assert (mirror.ids("orders"), refresh["fetched"], refresh["total"]) == ([], 0, 0)
    # Two where the highest id comes after the first page; three walks would be three at least.
    assert len(mirror.asked(r"/v2/orders\?.*include=")) <= 2


@pytest.mark.parametrize("settings", [{}, {"page_size": 1, "concurrency": 1}])
def test_a_store_with_one_order_before_the_start_completes(connect: Connect, settings: dict[str, int]) -> None:
    store = SandboxStore(0, 0, awkward=False)
    store.timezone = "UTC"
    for _ in range(3):
        order_of(store, "Tue, 31 Dec 2024 23:59:59 +0000")
    mirror = connect(store, settings=settings, integration_settings__start_date="2025-01-01").completed("orders")
    refresh = mirror.refresh("orders")
    assert (mirror.ids("orders"), refresh["fetched"], refresh["total"]) == ([], 0, 0)


def test_orders_beside_the_days_are_not_in_the_total(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    store.timezone = "UTC"
    order_of(store, "Tue, 31 Dec 2024 23:59:59 +0000")
    inside = [order_of(store, f"Wed, 01 Jan 2025 00:00:0{second} +0000") for second in range(5)]
    settings = {"page_size": 2, "concurrency": 1}
    mirror = connect(store, settings=settings, integration_settings__start_date="2025-01-01").completed("orders")
    refresh = mirror.refresh("orders")
    assert (mirror.ids("orders"), refresh["fetched"], refresh["total"]) == (inside, 5, 5)


def test_order_outside_the_days_proves_the_store_is_not_empty(connect: Connect) -> None:
    store = SandboxStore(0, 0, awkward=False)
    store.timezone = "UTC"
    order_of(store, "Tue, 31 Dec 2024 23:59:59 +0000")
    gone = order_of(store, "Wed, 01 Jan 2025 12:00:00 +0000")
    mirror = connect(store, integration_settings__start_date="2025-01-01").completed("orders")
    store.delete_order(gone)
    mirror.again("orders", mode="full")
    assert mirror.row("orders", gone)["deleted_at"] is not None


# -- ids ----------------------------------------------------------------------------------------------------------


def test_products_by_id_cost_one_request_and_deleted_are_marked(connect_any: Connect) -> None:
    store = SandboxStore(40, 0, awkward=False)
    mirror = connect_any(store).completed("products")
    edited, gone, other = store.product_ids[3], store.product_ids[5], store.product_ids[8]
    store.edit_variant(store.products[edited].variants[0].id, sku="NEW")
    store.delete_product(gone)
    store.edit_product(other, name="Nobody asked")
    never = store.products.last + 500
    mirror.server.requests.clear()
    mirror.again("products", mode="ids", ids=(edited, gone, never))
    assert len(mirror.asked("/catalog/products")) == 1
    assert "NEW" in [row["sku"] for row in mirror.rows("variants", bigcommerce_product_id=edited)]
    assert mirror.row("products", gone)["deleted_at"] is not None
    assert all(row["deleted_at"] for row in mirror.rows("variants", bigcommerce_product_id=gone))
    assert mirror.row("products", other)["name"] != "Nobody asked"
    results = mirror.refresh("products")
    assert (results["total"], results["fetched"], results["updated"], results["deleted"]) == (3, 1, 1, 1)
    assert mirror.rows("missing_records") == []


def test_orders_by_id_share_requests_where_they_lie_close(connect_any: Connect) -> None:
    store = SandboxStore(0, 300, awkward=False)
    mirror = connect_any(store).completed("orders")
    edited, archived, deleted = store.order_ids[20], store.order_ids[21], store.order_ids[22]
    store.edit_order(edited, staff_notes="By hand")
    store.archive_order(archived)
    store.switches.list_archived = False
    store.delete_order(deleted)
    asked = (edited, archived, deleted, *store.order_ids[30:60])
    mirror.server.requests.clear()
    mirror.again("orders", mode="ids", ids=asked)
    assert "By hand" in mirror.row("orders", edited)["payload"]
    assert mirror.row("orders", archived)["is_deleted"]
    assert mirror.row("orders", archived)["deleted_at"] is None
    assert mirror.row("orders", deleted)["deleted_at"] is not None
    # One for all that are listed, one each for what is not.
    assert len(mirror.asked("/orders")) == 3
    assert mirror.refresh("orders")["deleted"] == 1


def test_ids_go_first_and_the_walk_goes_on(connect: Connect) -> None:
    store = SandboxStore(60, 0, awkward=False)
    mirror = connect(store, settings={"page_size": 10, "slice_s": 0.1, "concurrency": 1})
    store.faults.add("delay", "include=variants", times=None, delay_s=0.15)
    assert mirror.advance("products") is Outcome.CONTINUE
    walk = mirror.refreshes["products"]
    mirror.start("products", "ids", ids=(store.product_ids[-1],))
    ids = mirror.refreshes["products"]
    mirror.refreshes["products"] = walk
    assert mirror.advance("products") is Outcome.YIELDS
    mirror.refreshes["products"] = ids
    while (outcome := mirror.advance("products")) is not Outcome.ENDED:
        # Where the slices are short it takes more than one, and the walk has its turn between.
        assert outcome in (Outcome.CONTINUE, Outcome.YIELDS)
        mirror.refreshes["products"] = walk
        mirror.advance("products")
        mirror.refreshes["products"] = ids
    assert store.product_ids[-1] in mirror.ids("products")
    mirror.refreshes["products"] = walk
    mirror.completed("products").assert_mirrors_the_store()


@pytest.mark.ci
def test_a_steady_stream_of_ids_takes_turns_with_the_walk(connect_any: Connect) -> None:
    store = SandboxStore(60, 0, awkward=False)
    mirror = connect_any(store, settings={"page_size": 10, "concurrency": 1}).with_settings(slice_s=0.0)
    walk = current = mirror.refreshes["products"]
    slices: list[str] = []
    ended = []
    while walk not in ended:
        assert len(slices) < 200
        while len([row for row in mirror.rows("refreshes", mode="ids") if row["status"] != "completed"]) < 2:
            mirror.start("products", "ids", ids=(store.product_ids[-1],))
        mirror.refreshes["products"] = current
        outcome = mirror.advance("products")
        if outcome is not Outcome.YIELDS:
            slices.append("walk" if current == walk else "ids")
        if outcome is Outcome.ENDED:
            ended.append(current)
        if outcome is not Outcome.CONTINUE:
            with mirror.app.app_context():
                found = sibling(mirror.engine, current)
            assert found is not None
            current = found[1]
    assert all(one != other for one, other in pairwise(slices)), slices
    assert len(ended) > 2, "those of ids end meanwhile"
    mirror.assert_mirrors_the_store()


def test_a_waiting_refresh_of_ids_does_not_hold_up_the_walk(connect: Connect) -> None:
    store = SandboxStore(3, 0, awkward=False)
    mirror = connect(store)
    walk = mirror.refreshes["products"]
    mirror.start("products", "ids", ids=(1,))
    refreshes = mirror.table("refreshes")
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    mirror.execute(refreshes.update().where(refreshes.c.mode == "ids").values(resume_at=later))
    mirror.refreshes["products"] = walk
    mirror.completed("products")


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_an_unknown_checkpoint_starts_over(connect: Connect, resource: str) -> None:
    store = SandboxStore(5, 5, awkward=False)
    mirror = connect(store).completed(resource)
    mirror.start(resource, "full")
    mirror.execute(mirror.table("refreshes").update().values(checkpoint='{"version": 0}'))
    mirror.completed(resource)
