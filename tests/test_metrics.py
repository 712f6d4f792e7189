"""The metrics as Prometheus reads them, and the alert rules that the handbook gives."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert, text, update

from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.metrics import figures, register_metrics
from bigcommerce_integration.metrics.collector import GAUGES
from bigcommerce_integration.models import db_now

from .host_app import HostApp
from .stranger import BLOCKS
from .web.mirrored import NOON, Mirrored, connected

Read = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def stores(any_app: Flask, host_app: HostApp) -> Iterator[list[Mirrored]]:
    made = [connected(any_app, host_app, integration_settings__store_hash=f"store{each}") for each in range(2)]
    tables = made[0].tables
    made[0].execute(
        insert(tables.workers).values(id="w", started_at=NOON, last_tick_at=db_now(-7), last_slice_at=db_now()),
        update(tables.instances).values(is_automatic_sync_enabled=True, status_message=None),
        update(tables.refreshes).values(status="completed", open_key=None, finished_at=db_now(-60), quota_left=77),
    )
    return made


def read(app: Flask) -> Read:
    """What a scrape gives, by name and by the values of the labels."""
    registry = CollectorRegistry()
    register_metrics(app, registry)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        family.name: {
            tuple(each.labels[name] for name in GAUGES[family.name][1]): each.value for each in family.samples
        }
        for family in families
    }


def labels(store: Mirrored, *more: str) -> tuple[str, ...]:
    name = store.client.get(f"/api/big-commerce/{store.instance_id}").json["data"]["name"]
    return (str(store.instance_id), name, *more)


def test_a_scrape_tells_what_the_rows_say(stores: list[Mirrored]) -> None:
    first, second = stores
    refreshes = first.tables.refreshes
    of_first = refreshes.c.instance_id == first.instance_id
    first.execute(
        update(refreshes).where(of_first, refreshes.c.resource == "orders").values(finished_at=db_now(-7200)),
        insert(refreshes).values(
            instance_id=first.instance_id, resource="products", mode="ids", status="pending", created_at=NOON
        ),
        insert(first.tables.rejected_records).values(
            instance_id=first.instance_id,
            refresh_id=1,
            resource="orders",
            bigcommerce_id=5,
            reason="Odd.",
            is_payload_cut=False,
            created_at=NOON,
        ),
    )
    found = read(first.app)
    assert found["bigcommerce_database_up"] == {(): 1}
    assert found["bigcommerce_working"] == {(): 1}
    assert found["bigcommerce_stores"] == {(): 2}
    assert 7 <= found["bigcommerce_worker_tick_age_seconds"][()] < 60
    freshness = found["bigcommerce_freshness_seconds"]
    assert 7200 <= freshness[labels(first, "orders")] < 7260
    assert 60 <= freshness[labels(second, "orders")] < 120
    assert found["bigcommerce_open_refreshes"] == {
        labels(first, "products"): 1,
        labels(first, "orders"): 0,
        labels(first, "refunds"): 0,
        labels(second, "products"): 0,
        labels(second, "orders"): 0,
        labels(second, "refunds"): 0,
    }
    assert [key for key, value in found["bigcommerce_overdue"].items() if value] == [labels(first, "orders")]
    assert [key for key, value in found["bigcommerce_rejected_records"].items() if value] == [labels(first, "orders")]
    assert found["bigcommerce_quota_left"] == {labels(first): 77, labels(second): 77}
    assert found["bigcommerce_unlinked_variants"] == {labels(first): 0, labels(second): 0}
    assert found["bigcommerce_findings"][labels(first, "person")] == 2
    assert found["bigcommerce_findings"][labels(second, "person")] == 0
    assert set(found) == set(GAUGES)


def test_a_scrape_costs_the_same_for_more_stores(stores: list[Mirrored], host_app: HostApp) -> None:
    counted: list[str] = []
    with stores[0].app.app_context():
        engine = host_app.db.engine
    event.listen(engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    read(stores[0].app)
    before = len(counted)
    for each in range(3):
        connected(stores[0].app, host_app, integration_settings__store_hash=f"more{each}")
    counted.clear()
    read(stores[0].app)
    assert len(counted) == before <= 14


def test_more_stores_than_a_monitor_keeps_are_counted(stores: list[Mirrored], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_STORES", 1)
    found = read(stores[0].app)
    assert found["bigcommerce_stores"] == {(): 2}
    assert list(found["bigcommerce_quota_left"]) == [labels(stores[0])]


def test_a_database_that_is_away_is_a_metric(app: Flask, host_app: HostApp) -> None:
    with app.app_context():
        host_app.db.session.execute(text("DROP TABLE bigcommerce_leases"))
        host_app.db.session.commit()
    assert read(app) == {"bigcommerce_database_up": {(): 0}}


def test_registering_reads_nothing_and_may_be_done_once(app: Flask, host_app: HostApp) -> None:
    statements: list[str] = []
    with app.app_context():
        event.listen(host_app.db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    registry = CollectorRegistry(auto_describe=True)
    register_metrics(app, registry)
    assert statements == []
    with pytest.raises(ValueError, match="Duplicated"):
        register_metrics(app, registry)


def test_without_the_package_it_says_what_to_install(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return imported(name, *rest, **more)

    registry = CollectorRegistry()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"bigcommerce_integration\[metrics\]"):
        register_metrics(app, registry)


def test_an_app_without_the_blueprint_is_refused(broker: StubBroker) -> None:
    with pytest.raises(ConfigError, match="not registered"):
        register_metrics(Flask("other"), CollectorRegistry())


def test_alert_rules_ask_for_metrics_that_exist() -> None:
    (block,) = [each for each in BLOCKS if each.place == "bigcommerce.rules.yml"]
    (group,) = yaml.safe_load(block.code)["groups"]
    asked: set[str] = set()
    for rule in group["rules"]:
        assert {"alert", "expr", "for", "labels", "annotations"} == set(rule)
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        names = set(re.findall(r"\bbigcommerce_\w+", rule["expr"]))
        assert names <= set(GAUGES), rule["alert"]
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert names
        assert all(used <= set(GAUGES[name][1]) for name in names), rule["alert"]
        asked |= names
    assert {"bigcommerce_working", "bigcommerce_overdue", "bigcommerce_findings"} <= asked
