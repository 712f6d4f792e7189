"""A changed time zone or currency of a store, from the check that sees it to the person who knows of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.models import db_now

from .mirrored import URL, Mirrored, errors

OLD, NEW = "America/Chicago", "Asia/Tokyo"


@pytest.fixture
def changed(any_mirrored: Mirrored) -> Mirrored:
    """A store whose time zone and currency are not what they were."""
    set_columns(
        any_mirrored,
        store_timezone=NEW,
        timezone_before=OLD,
        timezone_changed_at=db_now(-3600),
        store_currency="JPY",
        currency_before="USD",
        currency_changed_at=db_now(-60),
    )
    return any_mirrored


def set_columns(mirrored: Mirrored, **columns: Any) -> None:
    table = mirrored.tables.instances
    mirrored.execute(update(table).where(table.c.id == mirrored.instance_id).values(**columns))


def found(mirrored: Mirrored) -> dict[str, dict[str, Any]]:
    data = mirrored.client.get(f"{URL}/{mirrored.instance_id}").json["data"]
    return {each["code"]: each for each in data["health"]["findings"] if each["code"].endswith("_changed")}


def acknowledge(mirrored: Mirrored, code: str, after: str) -> Any:
    return mirrored.ask("acknowledge", method="POST", json={"code": code, "after": after})


def test_a_change_is_a_finding_with_both_values(changed: Mirrored) -> None:
    (zone, currency) = found(changed).values()
    assert (zone["code"], zone["severity"], zone["before"], zone["after"]) == ("timezone_changed", "person", OLD, NEW)
    assert (currency["code"], currency["before"], currency["after"]) == ("currency_changed", "USD", "JPY")
    assert (zone["action"], zone["link"]) == ("acknowledge", "acknowledge")
    assert zone["since"] < currency["since"]
    assert f"from {OLD} to {NEW}" in zone["sentence"]
    assert "from USD to JPY" in currency["sentence"]


def test_a_person_acknowledges_each_and_the_history_says_who(changed: Mirrored) -> None:
    answer = acknowledge(changed, "timezone_changed", NEW)
    assert answer.status_code == 200, answer.json
    assert answer.json["data"]["store_timezone"] == NEW
    assert list(found(changed)) == ["currency_changed"]
    assert acknowledge(changed, "currency_changed", "JPY").status_code == 200
    assert acknowledge(changed, "currency_changed", "JPY").status_code == 200, "it was acknowledged already"
    assert found(changed) == {}
    newest, before, *_ = changed.get("history")["data"]
    assert (newest["action"], newest["done_by"]) == ("acknowledge", "1")
    assert newest["changes"] == {"store_currency": {"from": "USD", "to": "JPY"}}
    assert before["changes"] == {"store_timezone": {"from": OLD, "to": NEW}}
    assert changed.rows("instances", id=changed.instance_id)[0]["timezone_changed_at"] is None


def test_what_nobody_has_seen_cannot_be_acknowledged(changed: Mirrored) -> None:
    answer = acknowledge(changed, "timezone_changed", "Europe/Berlin")
    assert (answer.status_code, answer.json["refresh_id"]) == (409, None)
    assert NEW in answer.json["message"]
    assert set(errors(acknowledge(changed, "sync_off", ""))) == {"code", "after"}
    assert len(found(changed)) == 2


def test_another_store_hash_begins_anew(changed: Mirrored) -> None:
    settings = {"integration_settings": {"store_hash": f"another{changed.instance_id}"}}
    answer = changed.client.patch(f"{URL}/{changed.instance_id}?verify=false", json=settings)
    assert answer.status_code == 200, answer.json
    assert (answer.json["data"]["store_timezone"], found(changed)) == (None, {})


def test_only_who_may_change_the_store_may_acknowledge(changed: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    host = changed.app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "_may", lambda action, instance: action == "read")
    assert acknowledge(changed, "timezone_changed", NEW).status_code == 403
    assert len(found(changed)) == 2
