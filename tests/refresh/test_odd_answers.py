"""Odd answers: one proves nothing, and what is believed in the end is what the store's information says too."""

from __future__ import annotations

from typing import Any

import pytest

from bigcommerce_integration.client.http import retry
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror

pytestmark = pytest.mark.usefixtures("quick_retries")

WALL = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>"
NOT_FOUND = '{"status":404,"title":"Not Found"}'
PLACES = {"products": ("v2/store", "direction=desc", "id%3Amin"), "orders": ("v2/store", "sort=id%3Adesc", "id%3Aasc")}
ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "401": ("401", {}),
    "403": ("403", {}),
    "404": ("status", {"status": 404, "body": NOT_FOUND}),
    "wall": ("html", {"status": 403, "body": WALL}),
    "page 401": ("html", {"status": 401}),
    "page 404": ("html", {"status": 404}),
    "page 200": ("html", {"status": 200}),
    **{str(status): ("status", {"status": status}) for status in (202, 206, 207, 402, 407, 409, 410, 422, 451, 501)},
    "304": ("status", {"status": 304, "body": ""}),
    "redirect": ("redirect", {}),
}


def failed(mirror: Mirror, resource: str) -> str:
    """The message of the refresh, which has failed."""
    mirror.run(resource)
    refresh = mirror.refresh(resource)
    assert refresh["status"] == "failed", refresh["message"]
    return str(refresh["message"])


@pytest.mark.parametrize(
    ("resource", "odd"),
    [*(("products", odd) for odd in ODD), *(("orders", odd) for odd in ("401", "403", "404", "wall", "402"))],
)
def test_one_odd_answer_costs_two_requests(connect: Connect, resource: str, odd: str):
    mirror = connect(SandboxStore(20, 20, awkward=False), settings={"concurrency": 1})
    kind, options = ODD[odd]
    for place in PLACES[resource]:
        mirror.store.faults.add(kind, place, **options)
    mirror.completed(resource)
    assert len(mirror.ids(resource)) == 20
    assert mirror.instance()["status"] == "active"
    well = 4 if resource == "products" else 5
    # Each is asked again, and perhaps the store's information before.
    assert mirror.server.requests.count <= well + 2 * len(PLACES[resource])


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("status", [403, 500, 200])
def test_a_web_page_for_ever_is_named_by_its_title(connect: Connect, resource: str, status: int):
    mirror = connect(SandboxStore(3, 3))
    mirror.store.faults.add("html", PLACES[resource][2], status=status, body=WALL, times=None)
    message = failed(mirror, resource)
    assert "Attention Required! | Cloudflare" in message
    assert "scope" not in message
    assert mirror.instance()["status"] == "active"


@pytest.mark.parametrize("odd", ["401", "404", "page 401", "page 404"])
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_store_that_says_otherwise_is_not_stopped(connect: Connect, resource: str, odd: str):
    """The walk is refused for ever, the store's information answers well: whatever it is, it is not hash or token."""
    mirror = connect(SandboxStore(3, 3))
    kind, options = ODD[odd]
    mirror.store.faults.add(kind, PLACES[resource][2], times=None, **options)
    failed(mirror, resource)
    assert mirror.instance()["status"] == "active"
    assert mirror.server.requests.count < 3 * retry.MAX_TRIES


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize(
    ("odd", "advice"), [("401", "token"), ("404", "hash"), ("page 401", "token"), ("page 404", "hash")]
)
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_a_store_that_was_closed_is_found_soon(connect: Connect, resource: str, odd: str, advice: str, after: int):
    mirror = connect(SandboxStore(40, 40, awkward=False), settings={"page_size": 8})
    kind, options = ODD[odd]
    mirror.store.faults.add(kind, times=None, after=after, **options)
    message = failed(mirror, resource)
    assert advice in message
    assert (mirror.instance()["status"], mirror.instance()["status_message"]) == ("needs_attention", message)
    # As many as are under way, the store's information and the question again.
    assert mirror.server.requests.count <= after + 3 + 2


def test_the_confirmation_takes_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    assert 2 <= retry.confirm_after_s(random=lambda: 0.0) < retry.confirm_after_s(random=lambda: 0.999) < 4


def test_uncertain_variant_is_settled_in_even_a_short_slice(connect: Connect):
    mirror = connect(SandboxStore(3, 3)).with_settings(slice_s=0.0)
    mirror.store.faults.add("html", status=404, times=None)
    assert mirror.advance("products") is Outcome.ENDED
    assert mirror.instance()["status"] == "needs_attention"


# -- another store ------------------------------------------------------------------------------------------------


def answers_as(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, *ids: str | None) -> None:
    """The store's information names these hashes, one after the other, the last for ever."""
    real, left = mirror.store.information, list(ids)

    def information() -> dict[str, Any]:
        named = left.pop(0) if len(left) > 1 else left[0]
        return {**real(), "id": named}

    monkeypatch.setattr(mirror.store, "information", information)


@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("mode", ["full", "ids", "date_range"])
def test_another_store_is_noticed_before_a_row_is_written(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, resource: str, mode: Any
):
    mirror = connect(SandboxStore(5, 5))
    answers_as(mirror, monkeypatch, "another1")
    parameters: dict[str, Any] = {"ids": {"ids": (1, 2)}, "full": {}}.get(mode, {})
    if mode != "date_range":
        mirror.execute(mirror.table("refreshes").update().values(open_key=None, status="cancelled"))
        mirror.start(resource, mode, **parameters)
    message = failed(mirror, resource)
    for part in (mirror.store.store_hash, "another1", "BIGCOMMERCE_API_URL", "proxy"):
        assert part in message
    assert not mirror.rows(resource)
    assert mirror.instance()["status"] == "needs_attention"
    assert mirror.server.requests.count == 2
    # Once the way is right again, a refresh frees the instance.
    answers_as(mirror, monkeypatch, mirror.store.store_hash)
    mirror.again(resource)
    assert mirror.instance()["status"] == "active"


@pytest.mark.parametrize("ids", [("another1", None), ("",), (None,), ("UPPER",)])
def test_an_answer_that_went_astray_once_is_asked_again(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, ids: tuple[str | None, ...]
):
    mirror = connect(SandboxStore(5, 5))
    answers_as(mirror, monkeypatch, *(mirror.store.store_hash.upper() if each == "UPPER" else each for each in ids))
    mirror.completed("orders")
    assert mirror.ids("orders") == mirror.store.order_ids
