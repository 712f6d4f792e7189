"""What was set aside for deaths is tried again alone, and only what kills again stays out, shown."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration.errors import RejectionCode
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.read import quarantine
from bigcommerce_integration.refresh.read import slice as slices
from bigcommerce_integration.refresh.read.quarantine import NEXT_REFRESHES, OWN_TRIALS
from bigcommerce_integration.refresh.removal.pruning import prune
from bigcommerce_integration.refresh.write.page import DEATHS
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from .conftest import Connect, Mirror
from .test_advance import Killed, run_with_deaths


def deadly(mirror: Mirror, resource: str, ids: Collection[int], *, most: int = 10**9) -> list[int]:
    """Has the host kill who stores one of these, so often at most; how many died, as it goes on."""
    deaths: list[int] = []

    def changed(session: Session, instance: Any, changed_ids: list[int]) -> None:
        if set(ids) & set(changed_ids) and len(deaths) < most:
            deaths.append(1)
            raise Killed

    setattr(mirror.host, f"{resource}_changed", changed)
    return deaths


def harmless(mirror: Mirror, resource: str) -> None:
    setattr(mirror.host, f"{resource}_changed", lambda session, instance, ids: None)


def again(mirror: Mirror, resource: str, mode: Any = "incremental", **parameters: Any) -> int:
    """A further refresh, completed; how many died."""
    deaths = run_with_deaths(mirror.start(resource, mode, **parameters), resource)
    assert mirror.refresh(resource)["status"] == "completed", mirror.refresh(resource)["message"]
    return deaths


def left_out(mirror: Mirror, resource: str) -> Any:
    answer = mirror.app.test_client().get(f"/api/big-commerce/{mirror.instance_id}", headers=bearer(mirror.app))
    return answer.json["data"]["health"][resource]["left_out"]


def counted(mirror: Mirror, resource: str) -> tuple[int, ...]:
    refresh = mirror.refresh(resource)
    return tuple(refresh[name] for name in ("fetched", "created", "updated", "rejected"))


@pytest.fixture
def mirror(connect: Connect) -> Mirror:
    return connect(SandboxStore(30, 30, awkward=False), settings={"page_size": 20, "concurrency": 2})


@pytest.mark.parametrize("trial_deaths", range(OWN_TRIALS))
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_unlucky_deaths_leave_nothing_out(mirror: Mirror, resource: str, trial_deaths: int) -> None:
    ids, left = list(getattr(mirror.store, f"{resource.removesuffix('s')}_ids")), [trial_deaths]

    def changed(session: Session, instance: Any, changed_ids: list[int]) -> None:
        if ids[7] not in changed_ids:
            return
        table = mirror.engine.tables.rejected_records
        if session.scalar(select(func.sum(table.c.trials))) is None:
            raise Killed
        if left[0] > 0:
            left[0] -= 1
            raise Killed

    setattr(mirror.host, f"{resource}_changed", changed)
    assert run_with_deaths(mirror, resource) >= 5 + trial_deaths
    assert counted(mirror, resource) == (30, 30, 0, 0)
    assert mirror.refresh(resource)["message"] == "Completed."
    assert mirror.rows("rejected_records") == []
    assert mirror.ids(resource) == ids


@pytest.mark.ci
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_what_kills_again_stays_out_and_is_shown(mirror: Mirror, resource: str) -> None:
    ids = list(getattr(mirror.store, f"{resource.removesuffix('s')}_ids"))
    one = resource.removesuffix("s")
    deadly(mirror, resource, [ids[7]])
    run_with_deaths(mirror, resource)
    assert counted(mirror, resource) == (30, 29, 0, 1)
    said = f"1 {one} was left out: later refreshes try it again, the list of rejected records says why."
    assert mirror.refresh(resource)["message"] == f"Completed, but {said}"
    assert left_out(mirror, resource) == {"count": 1, "message": said}
    (row,) = mirror.rows("rejected_records")
    assert (row["resource"], row["bigcommerce_id"], row["reason_code"]) == (resource, ids[7], DEATHS.code)
    assert (row["trials"], row["rounds"]) == (OWN_TRIALS, 0)
    assert mirror.instance()["status"] == "active"
    # The next refreshes lose a worker each, then sweeps alone do, however much lies between.
    assert [again(mirror, resource) for _ in range(NEXT_REFRESHES + 2)] == [1] * NEXT_REFRESHES + [0, 0]
    assert mirror.refresh(resource)["message"] == "Completed."
    assert again(mirror, resource, "full") == 1
    assert counted(mirror, resource)[3] == 1
    assert len(mirror.rows("rejected_records")) == 1
    assert again(mirror, resource, "ids", ids=(ids[7],)) == OWN_TRIALS
    # It is the host's fault no longer.
    harmless(mirror, resource)
    assert again(mirror, resource) == 0
    assert left_out(mirror, resource) is not None
    assert again(mirror, resource, "full") == 0
    assert mirror.rows("rejected_records") == []
    assert left_out(mirror, resource) is None
    assert (mirror.refresh(resource)["created"], mirror.refresh(resource)["rejected"]) == (1, 0)
    assert mirror.ids(resource) == ids


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_the_next_incremental_brings_it_in(mirror: Mirror, resource: str) -> None:
    ids = list(getattr(mirror.store, f"{resource.removesuffix('s')}_ids"))
    deadly(mirror, resource, [ids[-1]])
    run_with_deaths(mirror, resource)
    harmless(mirror, resource)
    assert again(mirror, resource) == 0
    assert counted(mirror, resource)[1:] == (1, 0, 0)
    assert mirror.rows("rejected_records") == []
    assert mirror.ids(resource) == ids


def test_one_that_was_edited_is_tried_by_the_next_incremental(mirror: Mirror) -> None:
    ids = list(mirror.store.order_ids)
    deadly(mirror, "orders", [ids[7]])
    run_with_deaths(mirror, "orders")
    for _ in range(NEXT_REFRESHES):
        again(mirror, "orders")
    harmless(mirror, "orders")
    mirror.store.edit_order(ids[7], customer_message="mended")
    assert again(mirror, "orders") == 0
    assert mirror.ids("orders") == ids
    assert mirror.rows("rejected_records") == []


def test_quarantined_record_the_store_deleted_is_dropped(mirror: Mirror) -> None:
    ids = list(mirror.store.product_ids)
    deadly(mirror, "products", [ids[7]])
    run_with_deaths(mirror, "products")
    mirror.store.delete_product(ids[7])
    assert again(mirror, "products") == 0
    assert mirror.rows("rejected_records") == []
    assert mirror.refresh("products")["rejected"] == 0


def test_a_referenced_product_comes_back(connect: Connect) -> None:
    store = SandboxStore(150, 60, awkward=False, now=datetime(2026, 1, 1, tzinfo=UTC))
    mirror = connect(store, integration_settings__start_date="2025-12-01").completed("products")
    found: list[int] = []

    def changed(session: Session, instance: Any, changed_ids: list[int]) -> None:
        found[:] = found or [changed_ids[len(changed_ids) // 2]]
        if found[0] in changed_ids:
            raise Killed

    mirror.host.products_changed = changed
    assert run_with_deaths(mirror, "orders") <= 15
    (row,) = mirror.rows("rejected_records")
    assert (row["resource"], row["bigcommerce_id"]) == ("products", found[0])
    assert mirror.refresh("orders")["message"].startswith("Completed, but 1 product was left out")
    harmless(mirror, "products")
    again(mirror, "products")
    assert found[0] in mirror.ids("products")
    assert mirror.rows("rejected_records") == mirror.rows("absent_products", bigcommerce_id=found[0]) == []
    assert mirror.row("products", found[0])["is_only_referenced"] is True


def test_error_of_one_record_quarantines_it_with_the_error_name(mirror: Mirror) -> None:
    ids, tries = list(mirror.store.order_ids), []
    write_page = slices.write_page

    def broken(tx: Any, collection: Any, page: Any, *, since: Any) -> Any:
        if ids[7] in {record.id for record in page.records}:
            raise KeyError(ids[7])
        return write_page(tx, collection, page, since=since)

    with pytest.MonkeyPatch.context() as patch:
        for module in (slices, quarantine):
            patch.setattr(module, "write_page", broken)
        while mirror.refresh("orders")["status"] in ("pending", "processing"):
            try:
                if mirror.advance("orders") is Outcome.ENDED:
                    break
            except KeyError:
                tries.append(1)
                assert len(tries) < 15
            mirror.let_time_pass("orders")
    assert mirror.refresh("orders")["status"] == "completed", mirror.refresh("orders")["message"]
    (row,) = mirror.rows("rejected_records")
    assert (row["bigcommerce_id"], row["reason_code"]) == (ids[7], RejectionCode.UNEXPECTED_ERROR)
    assert "KeyError at refresh/read/slice.py" in row["reason"]
    assert "killed" not in row["reason"]
    again(mirror, "orders")
    assert mirror.ids("orders") == ids


def test_what_is_in_quarantine_is_not_pruned(mirror: Mirror) -> None:
    deadly(mirror, "orders", [mirror.store.order_ids[7]])
    run_with_deaths(mirror, "orders")
    for _ in range(NEXT_REFRESHES + 2):
        again(mirror, "orders")
    refreshes = mirror.engine.tables.refreshes
    mirror.execute(update(refreshes).values(finished_at=datetime(2020, 1, 1)))
    with mirror.app.app_context():
        assert prune(mirror.engine) > 0
    assert len(mirror.rows("rejected_records")) == 1
