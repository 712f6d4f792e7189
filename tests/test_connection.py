"""The check of a store: what it finds out, in which time, and what it says where it finds nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from bigcommerce_integration.config import Config
from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.store_check import queries
from bigcommerce_integration.store_check.probe import check
from bigcommerce_integration.store_check.queries import Store
from bigcommerce_integration.store_check.report import Report

from .host_app import ENCRYPTION_KEY

CIPHER = TokenCipher([ENCRYPTION_KEY])
ALL = {"store_v2_products_read_only", "store_v2_orders_read_only", "store_v2_information_read_only"}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxStore(30, 20, quota=100)) as server:
        yield server


def ask(server: SandboxServer, *, counts: bool = True, start: str = "2010-01-01", **changes: Any) -> Report:
    config = Config(encryption_keys=(ENCRYPTION_KEY,), api_url=server.api_url)
    token = CIPHER.encrypt(changes.pop("access_token", server.access_token))
    store = Store(changes.pop("store_hash", server.store_hash), token, date.fromisoformat(start))
    return check(config, changes.pop("cipher", CIPHER), store, counts=counts)


def test_healthy_store_reports_everything(server: SandboxServer) -> None:
    report = ask(server)
    assert report.reasons == {}
    assert (report.is_ready, report.is_token_accepted, report.is_store_hash_right) == (True, True, True)
    assert (report.store_name, report.plan, report.currency) == ("Sandbox Store", "Pro", "USD")
    assert (report.timezone, report.missing_scopes) == ("America/Chicago", [])
    assert report.counts == {"products": len(server.store.product_ids), "orders": len(server.store.order_ids)}
    assert report.clock_skew_s is not None
    assert abs(report.clock_skew_s) <= 1
    assert report.quota is not None
    assert (report.quota.limit, report.quota.left) == (100, 95)
    assert server.requests.count == 5, "as few as tell all of it"


def test_only_what_lies_after_the_start_date_is_counted(server: SandboxServer) -> None:
    report = ask(server, start="2099-01-01")
    assert (report.counts["products"], report.counts["orders"], report.is_ready) == (0, 0, True)
    asked = [seen.query for seen in server.requests]
    assert any("2099-01-01T06%3A00%3A00Z" in query for query in asked), "midnight in Chicago"


@pytest.mark.parametrize("start", ["0001-01-01", "9999-12-31"])
def test_either_end_of_the_calendar_can_be_asked_for(server: SandboxServer, start: str) -> None:
    assert "timezone" not in ask(server, start=start).reasons


def test_without_counts_three_requests_do(server: SandboxServer) -> None:
    report = ask(server, counts=False)
    assert (report.is_ready, report.counts.get("products"), report.counts.get("orders")) == (True, None, None)
    assert server.requests.count == 3


@pytest.mark.parametrize("missing", sorted(ALL))
def test_each_missing_scope_is_named(server: SandboxServer, missing: str) -> None:
    server.store.scopes = ALL - {missing}
    report = ask(server)
    assert report.missing_scopes == [missing]
    assert (report.is_token_accepted, report.is_store_hash_right, report.is_ready) == (True, True, False)
    if "information" in missing:
        assert {"timezone", "store_name", "products", "orders"} <= report.reasons.keys()
        assert missing in report.reasons["timezone"]
    else:
        resource = "products" if "products" in missing else "orders"
        assert report.counts.get(resource) is None
        assert missing in report.reasons[resource]


def test_no_scope_at_all_is_still_a_token_that_is_accepted(server: SandboxServer) -> None:
    server.store.scopes = set()
    report = ask(server)
    assert (report.is_token_accepted, report.is_ready, set(report.missing_scopes)) == (True, False, ALL)


def test_refused_token_and_wrong_hash_have_different_errors(server: SandboxServer) -> None:
    refused = ask(server, access_token="not-the-token")
    assert (refused.is_token_accepted, refused.is_ready) == (False, False)
    assert "does not accept the access token" in refused.reasons["is_token_accepted"]
    wrong = ask(server, store_hash="nosuchone")
    assert (wrong.is_store_hash_right, wrong.is_ready) == (False, False)
    assert "Correct the store hash" in wrong.reasons["is_store_hash_right"]


@pytest.mark.parametrize("kind", ["401", "status", "html"])
@pytest.mark.parametrize("path", ["v2/store", "catalog", "v2/orders"])
def test_one_odd_answer_is_no_verdict(server: SandboxServer, kind: str, path: str) -> None:
    server.store.faults.add(kind, path, status=404, times=None)
    report = ask(server)
    assert (report.is_token_accepted, report.is_store_hash_right) == (True, True)
    assert report.is_ready is False
    assert any(("web page" if kind == "html" else "may pass") in reason for reason in report.reasons.values())


@pytest.mark.parametrize("path", ["v2/store", "catalog", "v2/orders", ""])
def test_a_web_page_is_no_missing_scope(server: SandboxServer, path: str) -> None:
    page = "<html><title>Attention Required! | Cloudflare</title></html>"
    server.store.faults.add("html", path, status=403, body=page, times=None)
    report = ask(server)
    assert (report.missing_scopes, report.is_ready) == ([], False)
    said = [report.message or "", *report.reasons.values()]
    assert any("Attention Required! | Cloudflare" in reason for reason in said)
    assert report.is_token_accepted is (True if path else None)


@pytest.mark.parametrize("status", [401, 404])
def test_a_web_page_for_everything_is_believed(server: SandboxServer, status: int) -> None:
    server.store.faults.add("html", "", status=status, times=None)
    report = ask(server)
    if status == 401:
        assert report.is_token_accepted is False
    else:
        assert report.is_store_hash_right is False


def test_hash_in_the_store_s_answer_is_compared(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = server.store.information() | {"id": "another1"}
    monkeypatch.setattr(server.store, "information", lambda: told)
    report = ask(server)
    assert (report.is_store_hash_right, report.is_ready) == (False, False)
    assert "another1" in report.reasons["is_store_hash_right"]


def test_wrong_clock_is_reported(server: SandboxServer) -> None:
    server.store.clock_offset_s = -3600
    skew = ask(server).clock_skew_s
    assert skew is not None
    assert abs(skew + 3600) <= 1


def test_unknown_time_zone_is_reported(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = server.store.information() | {"timezone": {"name": "Mars/Olympus"}}
    monkeypatch.setattr(server.store, "information", lambda: told)
    report = ask(server)
    assert (report.timezone, report.is_ready, report.counts.get("products")) == ("Mars/Olympus", False, None)
    assert "tzdata" in report.reasons["timezone"]
    assert "Mars/Olympus" in report.reasons["orders"]


@pytest.mark.parametrize("path", ["/v2/store", "/v3/catalog/products", "/v2/orders/count"])
def test_what_does_not_come_in_time_is_null_with_the_reason(
    server: SandboxServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ANSWERS_WITHIN_S", 1.0)
    server.store.faults.add("hang", path, times=None)
    began = time.monotonic()
    report = ask(server)
    assert time.monotonic() - began < 2.5
    assert (report.is_token_accepted, report.is_ready) == (True, False)
    assert "Could not be found out" in report.reasons["missing_scopes"]
    if path == "/v2/store":
        assert report.timezone is None
    else:
        assert (report.counts.get("products") is None, report.counts.get("orders") is None) == (
            "products" in path,
            "orders" in path,
        )


def test_a_silent_store_takes_the_time_and_no_more(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ANSWERS_WITHIN_S", 0.7)
    server.pause()
    began = time.monotonic()
    report = ask(server)
    assert 0.6 < time.monotonic() - began < 2
    server.resume()
    assert (report.is_token_accepted, report.is_store_hash_right, report.is_ready) == (None, None, False)
    assert report.counts == {}
    assert all(getattr(report, name) is None for name in ("store_name", "timezone", "quota"))
    assert report.message is not None
    assert "did not answer within" in report.message
    assert report.reasons == {}


def test_a_store_that_cannot_be_reached_is_no_error(server: SandboxServer) -> None:
    server.stop()
    report = ask(server)
    assert (report.is_token_accepted, report.is_ready) == (None, False)
    assert report.message is not None
    assert "refused the connection" in report.message
    assert report.reasons == {}, "it is told once"


def test_unreadable_token_is_reported_without_a_request(server: SandboxServer) -> None:
    report = ask(server, cipher=TokenCipher([generate_key()]))
    assert report.message is not None
    assert "BIGCOMMERCE_ENCRYPTION_KEYS" in report.message
    assert (report.is_ready, server.requests.count) == (False, 0)


def test_a_fault_of_ours_is_not_hidden(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*args: Any, **options: Any) -> Any:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr("bigcommerce_integration.client.api.StoreClient.store_info", boom)
    with pytest.raises(RuntimeError, match="nobody expected this"):
        ask(server)
