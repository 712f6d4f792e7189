"""POST …/check, flask bigcommerce check, and the trial of a new token: the store is asked while a request waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import event, select, update

from bigcommerce_integration.encryption import TokenCipher
from bigcommerce_integration.operations.instances import verification
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.store_check import probe, queries

from ..host_app import ENCRYPTION_KEY, bearer
from ..shop import URL, Shop, opened


@pytest.fixture
def shop(broker: StubBroker, sqlite_url: str) -> Iterator[Shop]:
    with opened(sqlite_url, broker, store=SandboxStore(9, 7)) as shop:
        yield shop


def ask(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    return shop.app.test_client().open(f"{URL}{path}", method=method, json=body, headers=bearer(shop.app))


def token(shop: Shop) -> str:
    ((stored,),) = shop.rows("instances", "access_token")
    return TokenCipher([ENCRYPTION_KEY]).decrypt(stored).reveal()


# Checks


def test_a_draft_is_checked_and_nothing_saved(shop: Shop) -> None:
    answer = ask(shop, "POST", "/check", shop.body())
    assert answer.status_code == 200, answer.json
    data = answer.json["data"]
    assert (data["is_ready"], data["reasons"]) == (True, {})
    assert (data["products"], data["orders"]) == (len(shop.store.product_ids), len(shop.store.order_ids))
    assert (data["store_name"], data["plan"], data["currency"]) == ("Sandbox Store", "Pro", "USD")
    assert shop.rows("instances") == shop.rows("refreshes") == shop.rows("history") == []


def test_bad_draft_is_refused_like_a_create_without_a_request(shop: Shop) -> None:
    shop.post()
    asked = shop.server.requests.count
    body = shop.body(integration_id=2, integration_settings__store_id=99, typo=1)
    created, checked = ask(shop, "POST", "", body), ask(shop, "POST", "/check", body)
    assert (checked.status_code, checked.json) == (422, created.json)
    assert {"name", "typo", "integration_id", "integration_settings.store_id"} == set(checked.json["errors"])
    assert shop.server.requests.count == asked


def test_a_connected_store_is_checked_with_what_is_stored(shop: Shop) -> None:
    instance = shop.post()
    assert ask(shop, "POST", f"/{instance['id']}/check").json["data"]["is_ready"] is True
    shop.store.scopes = {"store_v2_products_read_only", "store_v2_information_read_only"}
    data = ask(shop, "POST", f"/{instance['id']}/check").json["data"]
    assert (data["is_ready"], data["missing_scopes"]) == (False, ["store_v2_orders_read_only"])
    assert [row.status for row in shop.rows("instances")] == ["active"], "saves nothing"
    assert ask(shop, "POST", "/99/check").status_code == 404


def test_no_transaction_is_open_while_the_store_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = shop.post()
    real, seen = probe.check, []

    def check(*args: Any, **options: Any) -> Any:
        with shop.app.app_context():
            seen.append(shop.host_app.db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return real(*args, **options)

    monkeypatch.setattr(probe, "check", check)
    ask(shop, "POST", "/check", shop.body(name="Other"))
    ask(shop, "POST", f"/{instance['id']}/check")
    ask(shop, "PATCH", f"/{instance['id']}", {"connection_settings": {"access_token": shop.server.access_token}})
    assert seen == [0, 0, 0]


def test_command_reports_the_same_of_each(shop: Shop) -> None:
    first, second = shop.post(), shop.post(name="Second")
    runner = shop.app.test_cli_runner()
    done = runner.invoke(args=["bigcommerce", "check"])
    assert done.exit_code == 0, done.output
    assert f"Instance {first['id']} (Main shop):\n  is_ready: true" in done.output
    assert f"  products: {len(shop.store.product_ids)}\n" in done.output
    assert f"Instance {second['id']} (Second):" in done.output
    shop.store.scopes = set()
    done = runner.invoke(args=["bigcommerce", "check", "--instance", str(second["id"])])
    assert done.exit_code == 1
    assert "Main shop" not in done.output
    assert "timezone: unknown (BigCommerce store" in done.output
    assert runner.invoke(args=["bigcommerce", "check", "--instance", "99"]).exit_code == 1
    assert shop.server.access_token not in done.output


# Trials


def test_a_new_token_is_tried_and_stored(shop: Shop) -> None:
    instance = shop.post()
    broken = {"status": "needs_attention", "status_message": "Enter a valid one."}
    shop.execute(update(shop.tables.instances).values(**broken))
    new = shop.store.set_token()
    answer = ask(shop, "PATCH", f"/{instance['id']}", {"connection_settings": {"access_token": new}})
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "active")
    assert token(shop) == new
    assert shop.server.requests.count == 3


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_token_the_store_refuses_is_422_and_the_old_one_stays(shop: Shop, method: str) -> None:
    instance = shop.post()
    body = shop.body(connection_settings={"access_token": "not-a-token-of-this-store"})
    answer = ask(shop, method, f"/{instance['id']}", body)
    assert answer.status_code == 422
    ((path, (message,)),) = answer.json["errors"].items()
    assert path == "connection_settings.access_token"
    assert "Copy it again" in message
    assert "?verify=false" in message
    assert token(shop) == shop.server.access_token
    assert ask(shop, method, f"/{instance['id']}?verify=false", body).status_code == 200


def test_a_token_without_a_scope_is_refused_by_the_scopes_name(shop: Shop) -> None:
    instance = shop.post()
    poor = shop.store.add_app({"store_v2_products_read_only"})
    answer = ask(shop, "PATCH", f"/{instance['id']}", {"connection_settings": {"access_token": poor}})
    assert answer.status_code == 422
    (message,) = answer.json["errors"]["connection_settings.access_token"]
    assert "store_v2_information_read_only, store_v2_orders_read_only" in message


def test_silent_store_is_503_and_the_error_names_the_way_round(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = shop.post()
    monkeypatch.setattr(queries, "ANSWERS_WITHIN_S", 0.5)
    shop.server.pause()
    body = {"connection_settings": {"access_token": "another-token-of-the-store"}}
    answer = ask(shop, "PATCH", f"/{instance['id']}", body)
    shop.server.resume()
    assert answer.status_code == 503
    assert "?verify=false" in answer.json["message"]
    assert token(shop) == shop.server.access_token


def test_a_wrong_hash_is_refused_before_it_is_stored(shop: Shop) -> None:
    instance = shop.post()
    answer = ask(shop, "PATCH", f"/{instance['id']}", {"integration_settings": {"store_hash": "nosuchone"}})
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["integration_settings.store_hash"]


def test_invalid_body_is_refused_before_the_store_is_asked(shop: Shop) -> None:
    instance = shop.post()
    body = {"connection_settings": {"access_token": "another-token"}, "name": ""}
    assert set(ask(shop, "PATCH", f"/{instance['id']}", body).json["errors"]) == {"name"}
    assert shop.server.requests.count == 0


def test_a_change_that_came_while_the_store_was_asked_is_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = shop.post()
    real = verification.require_reachable

    def meanwhile(*args: Any) -> None:
        real(*args)
        assert ask(shop, "PATCH", f"/{instance['id']}", {"name": "Meanwhile"}).status_code == 200

    monkeypatch.setattr("bigcommerce_integration.operations.instances.change.require_reachable", meanwhile)
    path, body = f"/{instance['id']}", {"connection_settings": {"access_token": shop.server.access_token}}
    answer = ask(shop, "PATCH", path, body)
    assert (answer.status_code, answer.json["data"]["name"], answer.headers["ETag"]) == (200, "Meanwhile", '"3"')


def test_tokens_are_shown_nowhere(shop: Shop) -> None:
    instance = shop.post()
    new = shop.store.set_token()
    statements: list[str] = []
    with shop.app.app_context():
        engine = shop.host_app.db.engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(repr(args[3])))
    said = [
        ask(shop, "PATCH", f"/{instance['id']}", {"connection_settings": {"access_token": new}}).text,
        ask(shop, "GET", f"/{instance['id']}/history").text,
        ask(shop, "GET", "").text,
        ask(shop, "POST", f"/{instance['id']}/check").text,
        ask(shop, "DELETE", f"/{instance['id']}").text,
        repr(shop.rows("history")),
        *statements,
    ]
    assert len(statements) > 20
    assert not [text for text in said if new in text or new[:-4] in text]
    assert shop.rows("instances", "access_token") == [(b"",)]
    shop.execute(select(1))
