"""A reconciliation finds what of the rows is not as the store has it, and writes nothing; a repair sets that right."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from bigcommerce_integration.refresh.drift import Difference, Drift, Totals, load_drift
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.sandbox import SandboxStore

from ..edits import edited
from .conftest import Connect, Mirror

TABLES = ("products", "variants", "orders", "order_lines")
# What a repair gives anew: a link that is found again by its SKU is an automatic one.
ANEW = ("id", "observed_at", "change_number", "link_source")
Found = dict[int, tuple[str, set[str]]]


def content(mirror: Mirror, *but: str) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{key: value for key, value in row.items() if key not in but} for row in mirror.rows(name)]
        for name in (*TABLES, "rejected_records", "absent_products", "missing_records", "instances")
    }


def drift(mirror: Mirror, resource: str) -> Drift:
    return load_drift(mirror.refresh(resource)["drift"])


def found(mirror: Mirror, resource: str) -> Found:
    return {each.id: (each.kind, set(each.columns)) for each in drift(mirror, resource).records.values()}


def reconciled(mirror: Mirror, *resources: str, **parameters: Any) -> list[Found]:
    mirror.again(*resources, mode="reconcile", **parameters)
    return [found(mirror, resource) for resource in resources]


def change(mirror: Mirror, name: str, bigcommerce_id: int, /, **values: Any) -> None:
    table = mirror.table(name)
    mirror.execute(update(table).where(table.c.bigcommerce_id == bigcommerce_id).values(values))


def take(mirror: Mirror, name: str, bigcommerce_id: int) -> None:
    table = mirror.table(name)
    mirror.execute(delete(table).where(table.c.bigcommerce_id == bigcommerce_id))


def copy(mirror: Mirror, name: str, bigcommerce_id: int, /, **values: Any) -> None:
    """One row too many, like this one."""
    row = {key: value for key, value in mirror.row(name, bigcommerce_id).items() if key != "id"}
    mirror.execute(insert(mirror.table(name)).values({**row, **values}))


def drift_of_products(mirror: Mirror) -> Found:
    """One kind for each product; what has to be found."""
    ids, store = mirror.store.product_ids, mirror.store
    variant = {each: store.products[each].variants[0].id for each in ids}
    change(mirror, "products", ids[0], name="Another")
    change(mirror, "products", ids[1], price=Decimal("0.0001"))
    change(mirror, "products", ids[2], payload="{}")
    change(mirror, "products", ids[3], deleted_at=datetime(2024, 1, 1))
    change(mirror, "products", ids[4], date_modified=None)
    take(mirror, "products", ids[5])
    copy(mirror, "products", ids[6], bigcommerce_id=10**9)
    change(mirror, "variants", variant[ids[7]], sku="OTHER")
    change(mirror, "variants", variant[ids[8]], deleted_at=datetime(2024, 1, 1))
    take(mirror, "variants", variant[ids[9]])
    copy(mirror, "variants", variant[ids[10]], bigcommerce_id=10**9 + 1)
    change(mirror, "variants", variant[ids[11]], host_product_id=None, link_source=None)
    change(mirror, "variants", variant[ids[12]], host_product_id=10**6)
    change(mirror, "products", ids[13], is_visible=None, notes='[{"field": "name", "reason": "none"}]')
    change(mirror, "products", ids[14], is_only_referenced=True)
    return {
        ids[0]: ("different", {"name"}),
        ids[1]: ("different", {"price"}),
        ids[2]: ("different", {"payload"}),
        ids[3]: ("different", {"deleted_at"}),
        ids[4]: ("different", {"date_modified"}),
        ids[5]: ("missing", set()),
        10**9: ("extra", set()),
        ids[7]: ("different", {f"variants.{variant[ids[7]]}.sku"}),
        ids[8]: ("different", {f"variants.{variant[ids[8]]}.deleted_at"}),
        ids[9]: ("different", {f"variants.{variant[ids[9]]}"}),
        ids[10]: ("different", {f"variants.{10**9 + 1}"}),
        ids[11]: ("different", {f"variants.{variant[ids[11]]}.host_product_id"}),
        ids[12]: ("different", {f"variants.{variant[ids[12]]}.host_product_id"}),
        ids[13]: ("different", {"is_visible", "notes"}),
        ids[14]: ("different", {"is_only_referenced"}),
    }


def drift_of_orders(mirror: Mirror) -> Found:
    """The same of orders."""
    ids, store = mirror.store.order_ids, mirror.store
    line = {each: store.orders[each].lines[0].id for each in ids}
    change(mirror, "orders", ids[0], total_inc_tax=Decimal("1.0000"))
    change(mirror, "orders", ids[1], is_sale=False, status_id=5)
    change(mirror, "orders", ids[2], customer_id=None)
    change(mirror, "orders", ids[3], date_created=datetime(2015, 1, 1))
    take(mirror, "orders", ids[4])
    copy(mirror, "orders", ids[5], bigcommerce_id=10**9)
    change(mirror, "order_lines", line[ids[6]], quantity=99)
    take(mirror, "order_lines", line[ids[7]])
    copy(mirror, "order_lines", line[ids[8]], bigcommerce_id=10**9)
    change(mirror, "order_lines", line[ids[9]], bigcommerce_order_id=ids[10])
    change(mirror, "orders", ids[11], bigcommerce_id=10**9 + 1)
    return {
        ids[0]: ("different", {"total_inc_tax"}),
        ids[1]: ("different", {"is_sale", "status_id"}),
        ids[2]: ("different", {"customer_id"}),
        ids[3]: ("different", {"date_created"}),
        ids[4]: ("missing", set()),
        10**9: ("extra", set()),
        ids[6]: ("different", {f"lines.{line[ids[6]]}.quantity"}),
        ids[7]: ("different", {f"lines.{line[ids[7]]}"}),
        ids[8]: ("different", {f"lines.{10**9}"}),
        ids[9]: ("different", {f"lines.{line[ids[9]]}.bigcommerce_order_id"}),
        ids[10]: ("different", {f"lines.{line[ids[9]]}"}),
        ids[11]: ("missing", set()),
        10**9 + 1: ("extra", set()),
    }


def mirror_of(connect: Connect, records: int = 16) -> Mirror:
    store = SandboxStore(records, records, awkward=False)
    return connect(store, settings={"page_size": 7}, integration_settings__auto_create_products=True).completed()


@pytest.mark.ci
def test_drift_made_by_hand_is_found_and_repaired(connect_any: Connect) -> None:
    mirror = mirror_of(connect_any)
    was = content(mirror, *ANEW)
    expected = [drift_of_products(mirror), drift_of_orders(mirror)]
    before = content(mirror)
    assert reconciled(mirror, "products", "orders") == expected
    assert content(mirror) == before, "nothing is written"
    for resource, its in zip(("products", "orders"), expected, strict=True):
        mirror.again(resource, mode="ids", ids=tuple(its), is_repair=True)
    assert reconciled(mirror, "products", "orders") == [{}, {}]
    now = content(mirror, *ANEW)
    for name in TABLES:
        live = [row for row in now[name] if row["bigcommerce_id"] < 10**9]
        assert live == was[name], name
        assert all(row["deleted_at"] for row in now[name] if row["bigcommerce_id"] >= 10**9)


def test_totals_of_both_sides_are_compared(connect: Connect) -> None:
    mirror = mirror_of(connect)
    reconciled(mirror, "orders")
    equal = drift(mirror, "orders").totals
    assert equal
    assert all(each.store == each.mirror for each in equal.values())
    sales = [row for row in mirror.rows("orders") if row["is_sale"]]
    assert sum(each.store for each in equal.values()) == sum(row["total_inc_tax"] for row in sales)
    wrong, gone = sales[0], sales[-1]
    change(mirror, "orders", wrong["bigcommerce_id"], total_inc_tax=wrong["total_inc_tax"] + 5)
    take(mirror, "orders", gone["bigcommerce_id"])
    reconciled(mirror, "orders")
    totals = drift(mirror, "orders").totals
    assert {key: each.store for key, each in totals.items()} == {key: each.store for key, each in equal.items()}
    assert sum(each.mirror - each.store for each in totals.values()) == 5 - gone["total_inc_tax"]


def test_days_limit_what_is_compared(connect: Connect) -> None:
    mirror = mirror_of(connect)
    rows = sorted(mirror.rows("orders"), key=lambda row: row["date_created"])
    for row in (rows[0], rows[-1]):
        change(mirror, "orders", row["bigcommerce_id"], customer_id=None)
    last = rows[-1]["date_created"].date()
    assert last > rows[0]["date_created"].date() + timedelta(days=2)
    (some,) = reconciled(mirror, "orders", date_from=last - timedelta(days=1))
    assert list(some) == [rows[-1]["bigcommerce_id"]]
    (some,) = reconciled(mirror, "orders", date_to=last - timedelta(days=2))
    assert list(some) == [rows[0]["bigcommerce_id"]]


def test_what_the_store_changed_lately_is_no_drift(connect: Connect) -> None:
    mirror = mirror_of(connect)
    store = mirror.store
    store.edit_order(store.order_ids[0], customer_id=77)
    store.create_order()
    store.create_product()
    store.delete_variant(store.create_variant(store.product_ids[1], sku="SHORT-LIVED"))
    assert reconciled(mirror, "products", "orders") == [{}, {}]
    assert mirror.refresh("orders")["skipped"] == 2
    change(mirror, "orders", store.order_ids[1], customer_id=None)
    assert reconciled(mirror, "orders") == [{store.order_ids[1]: ("different", {"customer_id"})}]


@pytest.mark.parametrize("seed", range(2))
def test_no_drift_shows_while_the_store_is_edited(connect: Connect, seed: int) -> None:
    mirror = mirror_of(connect)
    with edited(mirror.store, seed=seed, a_second=50) as done:
        its = reconciled(mirror, "products", "orders")
    # When a record was deleted nobody can say.
    gone = {int(each.split()[1]) for each in done if each.startswith(("delete_product", "delete_order"))}
    assert [{each: how for each, how in one.items() if how != ("extra", set())} for one in its] == [{}, {}], done
    assert {each for one in its for each in one} <= gone


def test_a_killed_worker_loses_no_drift(connect: Connect) -> None:
    # Each slice asks for one thing.
    mirror = mirror_of(connect).with_settings(slice_s=0.0)
    expected = drift_of_orders(mirror)
    before, leases = content(mirror), mirror.table("leases")
    mirror.start("orders", "reconcile")
    found_before: list[int] = []
    for _ in range(200):
        if mirror.advance("orders") is Outcome.ENDED:
            break
        mirror.let_time_pass("orders")
        found_before.append(len(found(mirror, "orders")))
        # As if its worker had died with the lease.
        mirror.execute(update(leases).values(owner="dead", expires_at=datetime(2020, 1, 1)))
    assert mirror.refresh("orders")["status"] == "completed"
    assert any(0 < count < len(expected) for count in found_before), "it was killed in the middle"
    assert found(mirror, "orders") == expected
    assert content(mirror) == before


def test_no_more_than_a_thousand_are_named() -> None:
    drift = Drift()
    for start in range(0, 3000, 250):
        drift += Drift.of(*(Difference(each, "missing") for each in range(start, start + 250)))
    drift += Drift.of(Difference(0, "missing"), totals={("2026-01", "EUR"): Totals(Decimal("1.5"), Decimal(0))})
    assert (drift.count, len(drift.records)) == (3000, 1000)
    assert load_drift(drift.dump()) == drift


def test_drift_is_noted_until_it_is_repaired(connect: Connect) -> None:
    mirror = mirror_of(connect)
    order_id = mirror.store.order_ids[0]
    change(mirror, "orders", order_id, customer_id=None)
    reconciled(mirror, "orders")

    def noted() -> int | None:
        (lease,) = mirror.rows("leases", resource="orders")
        return lease["drifted_in"]  # type: ignore[no-any-return]

    assert noted() == mirror.refreshes["orders"]
    mirror.again("orders")
    assert noted() is not None, "a full refresh believes the content hash"
    mirror.again("orders", mode="ids", ids=(order_id,), is_repair=True)
    assert noted() is None
    assert reconciled(mirror, "orders") == [{}]
    assert noted() is None


@pytest.mark.parametrize(("interval_s", "modes"), [(None, []), (3600.0, ["reconcile", "reconcile"])])
def test_workers_compare_by_themselves_if_asked(connect: Connect, interval_s: float | None, modes: list[str]) -> None:
    mirror = connect(SandboxStore(1, 1, awkward=False), is_automatic_sync_enabled=True).completed()
    mirror.with_settings(reconcile_interval_s=interval_s)
    begun = _begin(mirror)
    assert [mode for mode in begun if mode != "incremental"] == modes
    assert _begin(mirror) == ["incremental", "incremental"], "nothing waits for the sake of a comparison"


def _begin(mirror: Mirror) -> list[str]:
    """The modes of what is begun now, all of it completed."""
    mirror.execute(update(mirror.table("leases")).values(next_sync_at=datetime(2024, 1, 1)))
    with mirror.app.app_context():
        begun = dict(begin_due(mirror.engine))
    mirror.refreshes |= begun
    mirror.completed(*begun)
    return [mirror.refresh(resource)["mode"] for resource in begun]
