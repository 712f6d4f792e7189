"""What stores do wrong: it passes, or the refresh fails and says what to do; never a loop, never a row lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.client.http import retry
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.sandbox import SandboxStore, information

from .conftest import Connect, Mirror

pytestmark = pytest.mark.usefixtures("quick_retries")

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
PAGES = {"products": "id%3Amin", "orders": "min_id|sort=id%3Aasc"}


def failed(mirror: Mirror, resource: str) -> str:
    """The message of the refresh, which has failed."""
    mirror.run(resource)
    refresh = mirror.refresh(resource)
    assert refresh["status"] == "failed", refresh["message"]
    assert refresh["open_key"] is None
    assert refresh["finished_at"] is not None
    assert mirror.store.access_token not in refresh["message"]
    assert not mirror.rows("hints", refresh_id=refresh["id"])
    return str(refresh["message"])


# -- what a person must mend --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_wrong_token_fails_and_asks_for_another(connect: Connect, resource: str):
    mirror = connect(SandboxStore(3, 3))
    good = mirror.store.access_token
    mirror.store.set_token()
    message = failed(mirror, resource)
    assert "Enter a valid one" in message
    assert good not in message
    assert mirror.server.requests.count == 2, "it is asked again before it is believed, and then no more"
    instance = mirror.instance()
    assert (instance["status"], instance["status_message"]) == ("needs_attention", message)
    # Mended, the next refresh puts the instance right again.
    mirror.store.set_token(good)
    mirror.again(resource)
    assert (mirror.instance()["status"], mirror.instance()["status_message"]) == ("active", None)


@pytest.mark.parametrize(
    ("scope", "fails"),
    [
        ("store_v2_products_read_only", {"products"}),
        ("store_v2_orders_read_only", {"orders"}),
        ("store_v2_information_read_only", {"products", "orders"}),
    ],
)
def test_a_missing_scope_is_named_and_fails_only_what_needs_it(connect: Connect, scope: str, fails: set[str]):
    mirror = connect(SandboxStore(3, 3, awkward=False))
    mirror.store.scopes = mirror.store.scopes - {scope}
    # Products that orders refer to are products too: those of this store come with their own refresh.
    for resource in ("products", "orders"):
        if resource in fails:
            assert scope in failed(mirror, resource)
        elif fails == {"products"}:
            break
        else:
            mirror.completed(resource)
    assert mirror.instance()["status"] == "active"


def test_a_platform_that_is_overloaded_gets_time(connect: Connect):
    mirror = connect(SandboxStore(0, 20, awkward=False))
    mirror.store.faults.add("429_bare", PAGES["orders"])
    mirror.completed("orders")
    assert mirror.ids("orders") == mirror.store.order_ids
    assert mirror.server.requests.statuses[429] == 1


def test_unreachable_store_is_retried_and_named_in_the_error(connect: Connect):
    mirror = connect(SandboxStore(1, 1))
    mirror.server.stop()
    message = failed(mirror, "products")
    assert mirror.store.store_hash in message
    refresh = mirror.refresh("products")
    assert refresh["requests"] == retry.MAX_TRIES
    assert mirror.instance()["status"] == "active"


def test_a_redirect_is_not_followed(connect: Connect):
    mirror = connect(SandboxStore(3, 3))
    mirror.store.faults.add("redirect", "catalog", times=None, headers={"Location": f"{mirror.server.api_url}/v2/time"})
    assert "redirect" in failed(mirror, "products")
    assert not mirror.asked("/v2/time")


@pytest.mark.parametrize(
    ("zone", "said"), [({"name": "Mars/Olympus"}, "tzdata"), ({"name": ""}, "no time zone"), ({}, "no time zone")]
)
def test_a_time_zone_that_nobody_knows_fails_and_is_not_guessed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, zone: dict[str, Any], said: str
):
    mirror = connect(SandboxStore(3, 3))
    monkeypatch.setattr(information, "_timezone", lambda name, now: zone)
    assert said in failed(mirror, "orders")
    assert not mirror.rows("orders")


@pytest.mark.parametrize(
    ("resource", "ignored"),
    [
        ("products", "id:min"),
        ("products", "id:max"),
        ("products", "date_modified:min"),
        ("products", "direction"),
        ("products", "limit"),
        ("orders", "min_id"),
        ("orders", "min_date_created"),
        ("orders", "sort"),
        ("orders", "limit"),
    ],
)
def test_a_filter_that_the_store_ignores_is_found_out(connect: Connect, resource: str, ignored: str):
    mirror = connect(
        SandboxStore(60, 60, now=NEW_YEAR),
        settings={"page_size": 10},
        integration_settings__start_date="2025-06-01",
    )
    mirror.store.switches.ignored_filters = frozenset({ignored})
    # The highest id is known before the first page comes: were it to come late, what is left might be divided into
    # ranges of whole pages, and nothing would hang on their upper bounds.
    mirror.store.faults.add("slow", PAGES[resource], delay_s=0.5)
    message = failed(mirror, resource)
    named = {"direction": "sort"}.get(ignored, ignored)
    assert f"The filter {named} was ignored" in message
    assert mirror.server.requests.count < 30
    assert mirror.instance()["status"] == "active"
    # Nothing wrong went in; once the store minds the filter, a new refresh brings all.
    mirror.store.switches.ignored_filters = frozenset()
    mirror.again(resource, mode="initial")
    dates = {"products": "date_modified", "orders": "date_created"}
    assert min(row[dates[resource]] for row in mirror.rows(resource)) >= datetime(2025, 6, 1, 5)
    assert len(mirror.ids(resource)) == mirror.refresh(resource)["total"]


# -- what passes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status", "cut", "cut_json", "reset", "garbage", "slow", "hang"])
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_trouble_that_passes_costs_a_few_requests_and_no_row(connect: Connect, resource: str, kind: str):
    mirror = connect(SandboxStore(40, 40, awkward=False), settings={"page_size": 16, "timeout_s": 0.4})
    for path in (PAGES[resource], "direction=desc|sort=id%3Adesc|count", *(["v2/store"] if kind != "garbage" else [])):
        mirror.store.faults.add(kind, path, status=503, delay_s=0.6 if kind in ("slow", "hang") else None)
    mirror.completed(resource)
    records = getattr(mirror.store, f"{resource.removesuffix('s')}_records")()
    assert [(row["bigcommerce_id"], row["payload"]) for row in mirror.rows(resource)] == records
    refresh = mirror.refresh(resource)
    # The store may not have noted yet what it was asked and never answered.
    assert (refresh["created"], refresh["requests"] >= mirror.server.requests.count) == (40, True)


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_pages_halve_while_the_store_breaks_and_grow_again(connect: Connect, resource: str):
    mirror = connect(SandboxStore(300, 300, awkward=False), settings={"page_size": 64, "concurrency": 1})
    mirror.store.faults.add("status", f"({PAGES[resource]}).*limit=64", status=504, times=2)
    mirror.completed(resource)
    assert mirror.refresh(resource)["created"] == 300
    limits = [int(re.findall(r"limit=(\d+)", each)[-1]) for each in mirror.asked(PAGES[resource])]
    assert limits[:3] == [64, 64, 32]
    assert 64 in limits[4:], "after some good pages they are as large as before"


def test_store_that_never_recovers_fails_and_keeps_written_rows(connect: Connect):
    mirror = connect(SandboxStore(40, 0, awkward=False), settings={"page_size": 16, "concurrency": 1})
    mirror.store.faults.add("status", PAGES["products"], status=500, times=None, after=1)
    message = failed(mirror, "products")
    assert "500" in message
    assert len(mirror.ids("products")) == mirror.refresh("products")["fetched"] == 16


@pytest.mark.parametrize("where", [PAGES["products"], "direction=desc"])
def test_empty_catalog_answer_without_pagination_is_not_trusted(connect: Connect, where: str):
    mirror = connect(SandboxStore(40, 0, awkward=False), settings={"page_size": 16})
    mirror.store.faults.add("empty_data", where, times=2)
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids


@pytest.mark.parametrize("where", ["sort=id%3Aasc", r"v2/orders\?"])
def test_orders_that_are_counted_but_not_found_fail_the_refresh(connect: Connect, where: str):
    mirror = connect(SandboxStore(0, 5))
    mirror.store.faults.add("empty_data", where, times=None)
    assert "sent none" in failed(mirror, "orders")


@pytest.mark.parametrize("where", ["sort=id%3Aasc", "sort=id%3Adesc"])
def test_orders_made_during_a_survey_are_no_contradiction(connect: Connect, where: str):
    """One answer says that there are none and the other that there is one, as it is when it was made in between."""
    mirror = connect(SandboxStore(0, 1))
    mirror.store.faults.add("empty_data", where, times=1)
    mirror.completed("orders").completed("products").assert_mirrors_the_store()


def test_wait_the_store_asks_for_holds_no_worker(connect: Connect):
    mirror = connect(SandboxStore(5, 0))
    mirror.store.quota.window_s = 30
    mirror.store.faults.add("429", PAGES["products"], headers={"X-Retry-After": "20"})
    assert mirror.advance("products") is Outcome.WAITING
    refresh = mirror.refresh("products")
    assert (refresh["status"], refresh["finished_at"]) == ("processing", None)
    assert 15 < (refresh["resume_at"] - refresh["started_at"]).total_seconds() < 40
    assert refresh["waited_s"] > 15
    assert "seconds" in refresh["message"]
    assert {lease["owner"] for lease in mirror.rows("leases")} == {None}
    seen = mirror.server.requests.count
    assert mirror.advance("products") is Outcome.WAITING
    assert mirror.server.requests.count == seen
    mirror.let_time_pass("products")
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids


def test_a_small_quota_is_never_overdrawn(connect: Connect):
    # A window that outlasts its requests by far, so that there is time to wait on a slow machine too.
    mirror = connect(SandboxStore(60, 0, awkward=False, quota=5, window_s=2.0), settings={"page_size": 8})
    mirror.completed("products")
    assert mirror.ids("products") == mirror.store.product_ids
    assert mirror.server.requests.statuses[429] == 0
    assert mirror.refresh("products")["waited_s"] > 0.2


def test_a_quota_that_others_use_up_is_waited_for(connect: Connect):
    mirror = connect(SandboxStore(20, 20, awkward=False, quota=6, window_s=60.0), settings={"page_size": 8})
    mirror.store.use_quota(6)
    assert mirror.advance("orders") is Outcome.WAITING
    assert mirror.server.requests.statuses[429] == 1
    # The window ends.
    mirror.store.quota.set(6, 0.4)
    mirror.let_time_pass("orders")
    mirror.completed()
    assert mirror.ids("orders") == mirror.store.order_ids


def test_429_with_a_wait_never_fails_a_refresh(connect: Connect):
    mirror = connect(SandboxStore(5, 0))
    mirror.store.faults.add("429", PAGES["products"], headers={"X-Retry-After": "20"}, times=retry.MAX_TRIES + 5)
    mirror.store.faults.add("status", PAGES["products"], status=503)
    mirror.completed("products")
    assert mirror.server.requests.statuses[429] == retry.MAX_TRIES + 5


@pytest.mark.parametrize("reset_ms", ["0", "1"])
def test_429_without_a_wait_fails_the_refresh_at_last(connect: Connect, reset_ms: str):
    mirror = connect(SandboxStore(5, 0))
    headers = {"X-Retry-After": "0", "X-Rate-Limit-Time-Reset-Ms": reset_ms}
    mirror.store.faults.add("429", PAGES["products"], headers=headers, times=None)
    assert "too many requests" in failed(mirror, "products")
    assert mirror.server.requests.statuses[429] == retry.MAX_TRIES


def test_429_without_a_wait_frees_the_worker(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()  # the waits are those of the field
    mirror = connect(SandboxStore(5, 0)).with_settings(slice_s=300.0)
    mirror.store.faults.add("429", PAGES["products"], headers={"X-Retry-After": "0"}, times=None)
    mirror.store.quota.set(1000, 0.001)
    assert mirror.advance("products") is Outcome.WAITING
    assert mirror.server.requests.statuses[429] <= 3 * 7, "three fetchers at most, 0.1 to 3.2 seconds apart"
    refresh = mirror.refresh("products")
    assert "too many requests" in refresh["message"]
    mirror.store.faults.clear()
    mirror.let_time_pass("products")
    mirror.completed("products")


def test_store_that_takes_one_request_at_a_time_completes(connect: Connect):
    mirror = connect(SandboxStore(24, 0, awkward=False), settings={"page_size": 8, "concurrency": 2}, latency_ms=40)
    mirror.store.switches.concurrency_cap = 1
    mirror.completed("products")
    assert mirror.server.requests.statuses[429] >= 1
    assert mirror.ids("products") == mirror.store.product_ids


# -- small and moving stores ---------------------------------------------------------------------------------------


def test_an_empty_store_is_completed_at_once(connect_any: Connect):
    mirror = connect_any(SandboxStore(0, 0)).completed()
    for resource in ("products", "orders"):
        refresh = mirror.refresh(resource)
        assert (refresh["fetched"], refresh["total"], refresh["progress_percentage"]) == (0, 0, 100)
        assert refresh["requests"] <= 5


def test_a_store_with_one_record_of_each(connect: Connect):
    mirror = connect(SandboxStore(1, 1, awkward=False)).completed()
    mirror.assert_mirrors_the_store()


def test_a_page_size_of_one_reads_all_the_same(connect: Connect):
    mirror = connect(SandboxStore(7, 7, awkward=False), settings={"page_size": 1}).completed()
    mirror.assert_mirrors_the_store()


@pytest.mark.ci
@pytest.mark.parametrize("switches", [{"min_id_inclusive": False}, {"dates_inclusive": False}, {"too_many": True}])
def test_what_the_documentation_leaves_open_changes_nothing(connect: Connect, switches: dict[str, bool]):
    store = SandboxStore(60, 60)
    store.switches.update(switches)
    mirror = connect(store, settings={"page_size": 9}).completed()
    mirror.assert_mirrors_the_store()


@pytest.mark.parametrize("shape", ["array", "object"])
def test_both_shapes_of_consignments_give_the_same_lines(connect: Connect, shape: str):
    store = SandboxStore(10, 60)
    store.switches.consignments = shape
    mirror = connect(store).completed()
    lines = [line_id for order_id in store.order_ids for line_id, _ in store.order_line_records(order_id)]
    assert mirror.ids("order_lines") == sorted(lines)


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_the_highest_record_may_go_while_it_is_walked_to(connect: Connect, resource: str):
    mirror = connect(SandboxStore(30, 30, awkward=False), settings={"page_size": 8, "concurrency": 2})
    ids = list(getattr(mirror.store, f"{resource.removesuffix('s')}_ids"))
    delete = getattr(mirror.store, f"delete_{resource.removesuffix('s')}")

    def changed(session: Any, instance: Any, changed_ids: list[int]) -> None:
        if mirror.store.product_ids[-1] == ids[-1] or mirror.store.order_ids[-1] == ids[-1]:
            delete(ids[-1])

    setattr(mirror.host, f"{resource}_changed", changed)
    mirror.completed(resource)
    assert set(ids[:-1]) <= set(mirror.ids(resource)) <= set(ids)


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(3))
def test_a_store_edited_all_the_while_loses_nothing_that_stays(connect: Connect, seed: int):
    mirror = connect(SandboxStore(60, 60, seed=seed + 1), settings={"page_size": 8, "concurrency": 3})
    rng = Random(seed)

    def edit(session: Any, instance: Any, ids: list[int]) -> None:
        for _ in range(4):
            mirror.store.mutate(rng)

    mirror.host.products_changed = mirror.host.orders_changed = edit
    before = set(mirror.store.product_ids), set(mirror.store.order_ids)
    mirror.completed()
    assert before[0] & set(mirror.store.product_ids) <= set(mirror.ids("products"))
    assert before[1] & set(mirror.store.order_ids) <= set(mirror.ids("orders"))
    # When it has come to rest, a sweep brings it all right, but for what is gone: that is another issue's.
    mirror.host.products_changed = mirror.host.orders_changed = lambda session, instance, ids: None
    observed = datetime(2000, 1, 1)
    for name in ("products", "orders"):
        mirror.execute(update(mirror.table(name)).values(observed_at=observed))
    mirror.again("products", "orders")
    payloads = {row["bigcommerce_id"]: row["payload"] for row in mirror.rows("products")}
    assert {key: payloads[key] for key, _ in mirror.store.product_records()} == dict(mirror.store.product_records())
    payloads = {row["bigcommerce_id"]: row["payload"] for row in mirror.rows("orders")}
    assert {key: payloads[key] for key, _ in mirror.store.order_records()} == dict(mirror.store.order_records())
