"""The client against the stand-in store, over HTTP, whatever the API leaves open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from bigcommerce_integration.client.api import IdRange, Page, Reply, StoreClient
from bigcommerce_integration.client.http.transport import Transport
from bigcommerce_integration.encryption import Secret
from bigcommerce_integration.errors import (
    RateLimited,
    RecordGone,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    Unconfirmed,
    UnexpectedAnswer,
)
from bigcommerce_integration.resources.base import ALL_DATES, DateFilter
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.products import PRODUCTS
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.resources.values import date_time
from bigcommerce_integration.sandbox.server.http_server import SandboxServer
from bigcommerce_integration.sandbox.store import SandboxStore

ALL_IDS = IdRange(1, 900)
PAST, FUTURE = datetime(1999, 1, 1), datetime(2100, 1, 1)
CREATED_IN_FUTURE, CREATED_LONG_AGO = DateFilter(created_since=FUTURE), DateFilter(created_until=PAST)
MODIFIED_IN_FUTURE, MODIFIED_LONG_AGO = DateFilter(modified_since=FUTURE), DateFilter(modified_until=PAST)


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxStore(330, 420, seed=3)) as server:
        yield server


@pytest.fixture
def server(shared: SandboxServer) -> Iterator[SandboxServer]:
    before = shared.store.switches.as_dict()
    yield shared
    shared.store.switches.update(before)
    shared.store.faults.clear()


@contextmanager
def connected(server: SandboxServer, **other: Any) -> Iterator[StoreClient]:
    given = {"access_token": server.access_token, "store_hash": server.store_hash, "timeout_s": 5.0, **other}
    given["access_token"] = Secret(given["access_token"])
    client = StoreClient(Transport(api_url=server.api_url, **given))
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def client(server: SandboxServer) -> Iterator[StoreClient]:
    with connected(server) as client:
        yield client


def walk(ask: Callable[[IdRange], Reply[Page]], lo: int, hi: int) -> tuple[list[int | None], int]:
    """All ids of a range, and how many requests it took."""
    found: list[int | None] = []
    for requests in range(1, 1000):
        page = ask(IdRange(lo, hi)).value
        found += [record.id for record in page.records]
        if page.is_last:
            return found, requests
        assert page.last_id is not None
        lo = page.last_id + 1
    raise AssertionError("the walk does not end")


def test_products_are_walked_whole(server: SandboxServer, client: StoreClient) -> None:
    highest = client.highest(PRODUCTS, ALL_DATES).value
    ids = [each for each, _ in server.store.product_records()]
    assert (highest.id, highest.total) == (max(ids), len(ids))
    found, requests = walk(lambda ids: client.page(PRODUCTS, ids, limit=250), 1, max(ids))
    assert found == ids
    assert requests == 2


@pytest.mark.parametrize("is_inclusive", [True, False])
@pytest.mark.parametrize(("limit", "most"), [(250, 2), (20, 24), (2, 420)])
def test_orders_are_walked_whole(
    server: SandboxServer, client: StoreClient, is_inclusive: bool, limit: int, most: int
) -> None:
    server.store.switches.update({"min_id_inclusive": is_inclusive, "max_id_inclusive": is_inclusive})
    highest = client.highest(ORDERS, ALL_DATES).value
    ids = [each for each, _ in server.store.order_records()]
    assert highest.id == max(ids)
    assert client.count(ORDERS, ALL_DATES).value == len(ids)
    found, requests = walk(lambda ids: client.page(ORDERS, ids, limit=limit), 1, max(ids))
    assert found == ids
    assert requests <= most


@pytest.mark.parametrize("is_inclusive", [True, False])
def test_parts_of_the_orders_make_up_the_whole(server: SandboxServer, client: StoreClient, is_inclusive: bool) -> None:
    server.store.switches.update({"min_id_inclusive": is_inclusive})
    ids = [each for each, _ in server.store.order_records()]
    bounds = [1, 2, 3, ids[5], ids[5] + 1, ids[100], ids[100] + 40, ids[300], ids[-1] + 1]
    found: list[int | None] = []
    for lo, end in pairwise(bounds):
        part, requests = walk(lambda ids: client.page(ORDERS, ids, limit=250), lo, end - 1)
        assert requests <= 2
        found += part
    assert found == ids


def test_each_record_keeps_the_text_that_the_store_sent(server: SandboxServer, client: StoreClient) -> None:
    for resource, truth in (
        (PRODUCTS, dict(server.store.product_records())),
        (ORDERS, dict(server.store.order_records())),
    ):
        page = client.page(resource, IdRange(1, None), limit=250).value
        assert len(page.records) == 250
        for record in page.records:
            assert record.text == truth[record.id or 0]


def test_above_the_highest_order_there_is_nothing(client: StoreClient) -> None:
    top = client.highest(ORDERS, ALL_DATES).value.id or 0
    page = client.page(ORDERS, IdRange(top + 1, None), limit=250).value
    assert (page.records, page.is_last) == ([], True)


def test_single_orders_and_their_lines(server: SandboxServer, client: StoreClient) -> None:
    truth = dict(server.store.order_records())
    for order_id in list(truth)[:20]:
        assert client.order(order_id).value.text == truth[order_id]
        assert client.page(ORDERS, IdRange(order_id, order_id), limit=250).value.records[0].id == order_id
        lines = client.order_lines(order_id, 1).value
        assert [record.text for record in lines.records] == [
            text for _, text in server.store.order_line_records(order_id)
        ]
        assert lines.is_last
    gone = max(truth) + 1000
    for ask in (client.order, lambda order_id: client.order_lines(order_id, 1)):
        with pytest.raises(RecordGone):
            ask(gone)
    assert client.page(ORDERS, IdRange(gone, gone), limit=250).value == Page([], is_last=True)


def test_products_by_their_ids(server: SandboxServer, client: StoreClient) -> None:
    ids = [each for each, _ in server.store.product_records()][:249]
    page = client.by_ids(PRODUCTS, [*ids, 10**9]).value
    assert ([record.id for record in page.records], page.is_last) == (ids, True)


def dates_in(records: Iterable[tuple[int, str]], field: str) -> dict[int, datetime]:
    """What the store has, by id."""
    found = {each: date_time(json.loads(text)[field], field) for each, text in records}
    return {each: moment for each, moment in found.items() if moment is not None}


@pytest.mark.parametrize("is_inclusive", [True, False])
def test_orders_by_their_dates(server: SandboxServer, client: StoreClient, is_inclusive: bool) -> None:
    server.store.switches.update({"dates_inclusive": is_inclusive})
    created = dates_in(server.store.order_records(), "date_created")
    modified = dates_in(server.store.order_records(), "date_modified")
    since, until = sorted(created.values())[100], sorted(modified.values())[300]
    wishes: list[tuple[DateFilter, Callable[[int], bool]]] = [
        (DateFilter(created_since=since), lambda each: since <= created[each]),
        (DateFilter(created_until=until), lambda each: created[each] < until),
        (DateFilter(created_since=since, created_until=until), lambda each: since <= created[each] < until),
        (
            DateFilter(created_since=since, modified_since=since, modified_until=until),
            lambda each: since <= created[each] and since <= modified[each] < until,
        ),
    ]
    for dates, is_wanted in wishes:
        found, _ = walk(lambda ids, dates=dates: client.page(ORDERS, ids, limit=50, dates=dates), 1, max(created))
        wanted = set(filter(is_wanted, created))
        assert wanted <= set(found)
        assert len(set(found) - wanted) <= 4, "no more than those of the second around the dates"
        assert client.count(ORDERS, dates).value == len(found)
        assert client.highest(ORDERS, dates).value.id == max(filter(None, found))


def test_products_by_their_date(server: SandboxServer, client: StoreClient) -> None:
    modified = dates_in(server.store.product_records(), "date_modified")
    since, until = sorted(modified.values())[60], sorted(modified.values())[190]
    dates = DateFilter(modified_since=since, modified_until=until)
    found, _ = walk(lambda ids: client.page(PRODUCTS, ids, limit=50, dates=dates), 1, 10**9)
    assert found == [each for each in sorted(modified) if since <= modified[each] < until]
    highest = client.highest(PRODUCTS, dates).value
    assert (highest.id, highest.total) == (max(filter(None, found)), len(found))


def test_the_store_information(server: SandboxServer, client: StoreClient) -> None:
    info = client.store_info().value
    assert (info.id, info.timezone) == (server.store_hash, "America/Chicago")


def test_quota_headers_work_in_lower_case_too(server: SandboxServer, client: StoreClient) -> None:
    for is_lower in (False, True):
        server.store.switches.update({"lower_case_headers": is_lower})
        quota = client.store_info().quota
        assert quota is not None
        assert quota.limit is not None
        assert quota.reset_s is not None
    server.store.switches.update({"rate_limit_headers": False})
    assert client.store_info().quota is None


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("sort", lambda client: client.highest(ORDERS, ALL_DATES)),
        ("sort", lambda client: client.highest(PRODUCTS, ALL_DATES)),
        ("min_id", lambda client: client.page(ORDERS, IdRange(900, 1000), limit=250)),
        ("min_date_created", lambda client: client.page(ORDERS, ALL_IDS, limit=250, dates=CREATED_IN_FUTURE)),
        ("min_date_created", lambda client: client.highest(ORDERS, CREATED_IN_FUTURE)),
        ("max_date_created", lambda client: client.page(ORDERS, ALL_IDS, limit=250, dates=CREATED_LONG_AGO)),
        ("max_date_created", lambda client: client.highest(ORDERS, CREATED_LONG_AGO)),
        ("min_date_modified", lambda client: client.page(ORDERS, ALL_IDS, limit=250, dates=MODIFIED_IN_FUTURE)),
        ("max_date_modified", lambda client: client.page(ORDERS, ALL_IDS, limit=250, dates=MODIFIED_LONG_AGO)),
        ("limit", lambda client: client.page(ORDERS, ALL_IDS, limit=10)),
        ("limit", lambda client: client.highest(ORDERS, ALL_DATES)),
        ("id:min", lambda client: client.page(PRODUCTS, IdRange(900, 1000), limit=250)),
        ("id:max", lambda client: client.page(PRODUCTS, IdRange(1, 100), limit=250)),
        ("id:in", lambda client: client.by_ids(PRODUCTS, [200])),
        ("date_modified:min", lambda client: client.page(PRODUCTS, ALL_IDS, limit=250, dates=MODIFIED_IN_FUTURE)),
        ("date_modified:min", lambda client: client.highest(PRODUCTS, MODIFIED_IN_FUTURE)),
        ("date_modified:max", lambda client: client.page(PRODUCTS, ALL_IDS, limit=250, dates=MODIFIED_LONG_AGO)),
        ("date_modified:max", lambda client: client.highest(PRODUCTS, MODIFIED_LONG_AGO)),
        ("limit", lambda client: client.page(PRODUCTS, ALL_IDS, limit=10)),
        ("limit", lambda client: client.highest(PRODUCTS, ALL_DATES)),
    ],
)
def test_an_ignored_filter_is_found_out(
    server: SandboxServer, client: StoreClient, name: str, ask: Callable[[StoreClient], object]
) -> None:
    ask(client)
    server.store.switches.update({"ignored_filters": [name, "direction"]})
    with pytest.raises(UnexpectedAnswer, match=rf"filter {name} was ignored"):
        ask(client)


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("401", {}, Unconfirmed),
        ("403", {}, Unconfirmed),
        ("429", {}, RateLimited),
        ("429_bare", {}, RateLimited),
        ("status", {"status": 500}, StoreUnavailable),
        ("status", {"status": 423}, StoreUnavailable),
        ("status", {"status": 422}, Unconfirmed),
        ("html", {"status": 503}, StoreUnavailable),
        ("html", {"status": 404}, Unconfirmed),
        ("html", {"status": 200}, StoreUnavailable),
        ("redirect", {}, StoreUnavailable),
        ("garbage", {}, StoreUnavailable),
        ("reset", {}, StoreUnavailable),
        ("cut", {}, StoreUnavailable),
        ("cut_json", {}, StoreUnavailable),
        ("slow", {"delay_s": 3.0}, StoreUnavailable),
        ("hang", {"delay_s": 3.0}, StoreUnavailable),
    ],
)
@pytest.mark.parametrize("resource", ["products", "orders"])
def test_faults_are_the_errors_that_they_should_be(
    server: SandboxServer, kind: str, options: dict[str, Any], error: type[Exception], resource: str
) -> None:
    server.store.faults.add(kind, **options)
    with connected(server, timeout_s=0.4) as client, pytest.raises(error) as caught:
        client.page(REGISTRY[resource], IdRange(1, 100), limit=50)
    assert server.access_token not in str(caught.value)
    if kind.startswith("429"):
        assert (caught.value.wait_s is None) == (kind == "429_bare")  # type: ignore[attr-defined]


def test_a_wrong_token_and_a_wrong_hash(server: SandboxServer) -> None:
    with connected(server, access_token="wrong") as client, pytest.raises(Unconfirmed) as caught:
        client.store_info()
    assert isinstance(caught.value.verdict, TokenRejected)
    with connected(server, store_hash="nosuchstore") as client, pytest.raises(Unconfirmed) as caught:
        client.page(PRODUCTS, IdRange(1, None), limit=250)
    assert isinstance(caught.value.verdict, StoreNotFound)


def test_a_missing_scope_is_named(server: SandboxServer) -> None:
    scopes = set(server.store.scopes)
    server.store.scopes = {"store_v2_products_read_only"}
    try:
        with connected(server) as client:
            client.page(PRODUCTS, IdRange(1, None), limit=1)
            with pytest.raises(Unconfirmed) as caught:
                client.page(ORDERS, IdRange(1, None), limit=2)
            assert "store_v2_orders_read_only" in str(caught.value.verdict)
            with pytest.raises(Unconfirmed) as caught:
                client.store_info()
            assert "store_v2_information_read_only" in str(caught.value.verdict)
    finally:
        server.store.scopes = scopes
