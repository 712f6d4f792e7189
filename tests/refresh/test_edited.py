"""The store is edited while a refresh runs: what was not touched is right at once, all the rest soon."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest

from bigcommerce_integration.refresh.lifecycle.arrivals import begin_new
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore

from ..edits import edited
from ..oracle.truth import Truth, truth_of
from .conftest import LONG_AGO, Connect, Mirror
from .equality import TABLES, Scope, differences, moved, untouched

EDITS_A_SECOND = 50


def wrong(mirror: Mirror, truth: Truth, scope: Scope) -> list[str]:
    rows = {table: mirror.rows(table) for table in TABLES}
    return list(differences(truth, rows, start_date=date.fromisoformat(LONG_AGO), scope=scope))


def run_side_by_side(mirror: Mirror, mode: Any = None, **parameters: Any) -> None:
    """Both refreshes at once, as two workers would; that of the refunds follows the orders."""
    if mode is not None:
        for resource in ("products", "orders"):
            mirror.start(resource, mode, **parameters)
    failed: list[BaseException] = []

    def run(resource: str) -> None:
        try:
            mirror.run(resource)
            if resource == "orders":
                follow(mirror, mode)
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(resource,)) for resource in ("products", "orders")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for resource in ("products", "orders", "refunds"):
        assert mirror.refresh(resource)["status"] == "completed", mirror.refresh(resource)["message"]


def follow(mirror: Mirror, mode: Any) -> None:
    """The refresh of the refunds that the end of the orders' one has begun; then all of them, if ``mode`` says so."""
    with mirror.app.app_context():
        begin_new(mirror.engine)
    mirror.refreshes["refunds"] = mirror.rows("refreshes", resource="refunds")[-1]["id"]
    mirror.run("refunds")
    if mode == "full":
        mirror.start("refunds", mode).run("refunds")


def hidden(store: SandboxStore) -> set[int]:
    """Orders that no list shows."""
    return set() if store.switches.list_archived else {each for each, order in store.orders.items() if order.archived}


def without_hidden(store: SandboxStore, scope: Scope) -> Scope:
    assert scope.orders is not None
    return replace(scope, orders=set(scope.orders) - hidden(store))


def all_that_can_be_known(mirror: Mirror) -> Scope:
    """Everything; but an order that was archived and hidden before it was first seen cannot be known of."""
    stored = set(mirror.ids("orders"))
    unknown = hidden(mirror.store) - stored
    return Scope(None, (stored | set(mirror.store.order_ids)) - unknown) if unknown else Scope()


def prove(connect: Connect, *, records: int, seed: int, latency_ms: float, rounds: int) -> None:
    dice = Random(seed)
    store = SandboxStore(records, records, seed=seed)
    store.switches.list_archived = dice.random() < 0.5
    store.switches.min_id_inclusive = dice.random() < 0.5
    mirror = connect(
        store,
        settings={"page_size": dice.choice((10, 40)), "concurrency": dice.choice((1, 3)), "slice_s": 1.0},
        latency_ms=latency_ms,
        registry=REGISTRY,
        integration_settings__auto_create_products=True,
    )
    for number in range(rounds):
        before = truth_of(store)
        with edited(store, seed=seed + number, a_second=EDITS_A_SECOND) as done:
            run_side_by_side(mirror, None if number == 0 else dice.choice(("incremental", "full")))
        after = truth_of(store)
        assert number or len(done) > 10, "the first walk at least takes its time"
        rejected = mirror.rows("rejected_records")
        assert rejected == []
        if number == 0 or mirror.refresh("orders")["mode"] == "full":
            assert wrong(mirror, after, without_hidden(store, untouched(before, after, done))) == [], done
        run_side_by_side(mirror, "incremental")
        assert wrong(mirror, after, without_hidden(store, moved(before, after, done))) == [], done
        run_side_by_side(mirror, "full")
        assert wrong(mirror, after, all_that_can_be_known(mirror)) == [], done


@pytest.mark.ci
@pytest.mark.parametrize("seed", [1])
def test_edited_all_the_time_it_ends_up_equal(connect_any: Connect, seed: int) -> None:
    prove(connect_any, records=150, seed=seed, latency_ms=60, rounds=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_edited_again_and_again_it_ends_up_equal(connect_any: Connect, seed: int) -> None:
    prove(connect_any, records=600, seed=seed, latency_ms=80, rounds=4)
