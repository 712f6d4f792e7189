"""One order is fetched at once, and the answer waits for it for as long as it is asked to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from ..services import DATABASES
from ..shop import URL, Shop, code_base, opened
from ..test_end_to_end import working


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, broker: StubBroker, tmp_path) -> Iterator[Shop]:
    with (
        code_base().databases.lent(request.param, tmp_path) as url,
        opened(url, broker, store=SandboxStore(3, 5)) as shop,
    ):
        yield shop


def refresh(shop: Shop, order_id: int, wait: object = None):
    query = {} if wait is None else {"wait": wait}
    path = f"{URL}/1/orders/{order_id}/refresh"
    return shop.app.test_client().post(path, query_string=query, headers=bearer(shop.app))


def test_an_order_is_answered_as_it_is_now(shop: Shop) -> None:
    shop.post()
    (order_id, *_) = shop.store.order_ids
    with working(shop.broker):
        shop.wait(60)
        shop.store.edit_order(order_id, status_id=5)
        answer = refresh(shop, order_id, 10)
        assert answer.status_code == 200, answer.json
        assert (answer.json["data"]["bigcommerce_id"], answer.json["data"]["status_id"]) == (order_id, 5)
        assert answer.json["data"]["lines"]
        gone = refresh(shop, 10**9, 10)
    assert (gone.status_code, gone.json["data"]["status"]) == (202, "completed"), "the store has no such order"


def test_nobody_waits_for_longer_than_was_asked(shop: Shop) -> None:
    shop.post()
    begun = time.monotonic()
    at_once = refresh(shop, 101)
    waited = refresh(shop, 102, 1)
    assert [each.status_code for each in (at_once, waited)] == [202, 202]
    assert 1 <= time.monotonic() - begun < 30
    assert at_once.json["data"]["id"] == waited.json["data"]["id"], "they join"
    assert waited.headers["Location"].endswith(f"/1/refreshes/{waited.json['data']['id']}")
    assert waited.json["data"]["parameters"] == {"ids": [101, 102]}


@pytest.mark.parametrize("wait", ["11", "-1", "x", "0.5", ""])
def test_a_wait_is_from_zero_to_ten_seconds(wait: str, broker: StubBroker, sqlite_url: str) -> None:
    with opened(sqlite_url, broker, store=SandboxStore(1, 1)) as shop:
        shop.post()
        answer = refresh(shop, 101, wait)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["wait"])


@pytest.mark.parametrize("missing", ["refresh", "read_orders"])
def test_it_needs_two_permissions(
    missing: str, broker: StubBroker, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(sqlite_url, broker, store=SandboxStore(1, 1)) as shop:
        shop.post()
        monkeypatch.setattr(state_of(shop.app).host, "may", lambda action, instance: action != missing)
        assert refresh(shop, 101).status_code == 403
        monkeypatch.setattr(state_of(shop.app).host, "may", lambda action, instance: True)
        monkeypatch.setattr(state_of(shop.app).host, "tenant", lambda: "another")
        assert refresh(shop, 101).status_code == 404
