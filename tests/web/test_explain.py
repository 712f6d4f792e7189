"""Explanations over HTTP, from what is stored and from a store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..conftest import made
from ..host_app import HostApp
from .mirrored import NOON, Mirrored, connected, errors


def codes(mirrored: Mirrored, **query: Any) -> list[Any]:
    """What is told, with what it is about."""
    return [
        (reason["bigcommerce_id"], reason["code"]) for reason in mirrored.get("explain", **query)["data"]["reasons"]
    ]


def test_stored_facts_explain(any_mirrored: Mirrored) -> None:
    any_mirrored.add("orders", {"bigcommerce_id": 10, "is_deleted": True, "is_sale": False})
    any_mirrored.add("products", {"bigcommerce_id": 1})
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 2, "sku": "A", "sku_key": "A", "link_conflict": "2 variants have this SKU."},
        {"bigcommerce_id": 3, "sku": "A", "sku_key": "A", "host_product_id": 9, "link_source": "manual"},
        {"bigcommerce_id": 4, "sku": "A", "sku_key": "A", "deleted_at": NOON},
        {"bigcommerce_id": 5, "sku": "a", "sku_key": "a"},
    )
    any_mirrored.execute(
        insert(any_mirrored.tables.rejected_records).values(
            instance_id=any_mirrored.instance_id,
            refresh_id=1,
            resource="orders",
            bigcommerce_id=11,
            reason="Odd.",
            is_payload_cut=False,
            created_at=NOON,
        )
    )
    assert codes(any_mirrored, order=10) == [(10, "here"), (10, "archived")]
    assert codes(any_mirrored, order=9) == [
        (9, "perhaps_before_start_date"),
        (9, "never_seen"),
        (9, "awaiting_refresh"),
    ]
    assert codes(any_mirrored, order=11)[0] == (11, "rejected")
    any_mirrored.add("orders", {"bigcommerce_id": 11, "observed_at": NOON - timedelta(1)})
    assert codes(any_mirrored, order=11)[:2] == [(11, "here"), (11, "rejected")]
    told = any_mirrored.get("explain", order=11)["data"]["reasons"][1]["message"]
    assert told.startswith("A newer version could not be stored on 31 Jan 2026 12:00 UTC; what is shown is older. Odd.")
    assert codes(any_mirrored, sku=" A ") == [(2, "conflict"), (2, "awaiting_refresh"), (3, "linked")]
    assert codes(any_mirrored, variant=4) == [(4, "gone")]
    assert codes(any_mirrored, variant=5)[0] == (5, "no_host_product")
    assert codes(any_mirrored, sku="nope")[0] == (None, "not_here")
    assert any_mirrored.get("explain", sku="nope")["data"]["asked"] == {"sku": "nope"}


def test_unreadable_fields_are_explained(any_mirrored: Mirrored) -> None:
    note = '[{"field": "price", "reason": "is not a number"}]'
    any_mirrored.add("orders", {"bigcommerce_id": 10, "notes": note, "status_id": None, "is_sale": False})
    any_mirrored.add(
        "order_lines",
        {"bigcommerce_id": 20, "bigcommerce_order_id": 10},
        {"bigcommerce_id": 21, "bigcommerce_order_id": 10, "notes": note},
    )
    any_mirrored.add("products", {"bigcommerce_id": 1, "notes": note})
    any_mirrored.add("variants", {"bigcommerce_id": 2, "host_product_id": 9, "link_source": "auto", "notes": note})
    assert codes(any_mirrored, order=10) == [(10, "here"), (10, "no_sale"), *[(10, "unreadable_fields")] * 2]
    assert codes(any_mirrored, variant=2) == [(2, "linked"), *[(2, "unreadable_fields")] * 2]
    said = any_mirrored.get("explain", order=10)["data"]["reasons"]
    assert "the order could be read: price is not a number." in said[2]["message"]
    assert "its line 21 could" in said[3]["message"]
    shown = [{"field": "price", "reason": "is not a number"}]
    assert [each["notes"] for each in any_mirrored.get("products")["data"]] == [shown]
    assert [each["notes"] for each in any_mirrored.get("variants")["data"]] == [shown]
    order = any_mirrored.get("orders/10")["data"]
    assert (order["notes"], [line["notes"] for line in order["lines"]]) == (shown, [None, shown])


def test_the_hosts_products_of_this_moment_count(any_mirrored: Mirrored) -> None:
    any_mirrored.add("variants", {"bigcommerce_id": 5, "sku": "mug-77", "sku_key": "mug-77"})
    assert codes(any_mirrored, variant=5)[0] == (5, "no_host_product")
    any_mirrored.add_host_products("mug-77")
    assert codes(any_mirrored, variant=5)[0] == (5, "not_linked_yet")


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("", {"order", "refund", "variant", "sku"}),
        ("refund=1&order=1", {"refund", "order"}),
        ("order=1&sku=A", {"order", "sku"}),
        ("order=0&ask_store=1&x=1", {"order", "ask_store", "x"}),
        ("sku=", {"sku"}),
    ],
)
def test_just_one_thing_is_asked_about(query: str, bad: set[str], mirrored: Mirrored) -> None:
    assert set(errors(mirrored.ask(f"explain?{query}"))) == bad


@pytest.mark.parametrize(
    ("query", "needed"),
    [
        ("variant=1", {"read"}),
        ("order=1", {"read", "read_orders"}),
        ("variant=1&ask_store=true", {"read", "check"}),
    ],
)
def test_orders_and_the_store_are_permitted_apart(
    query: str, needed: set[str], mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored.refused_without(needed, f"explain?{query}", monkeypatch)


def test_another_instances_rows_explain_nothing(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    other.add("orders", {"bigcommerce_id": 10})
    other.add("variants", {"bigcommerce_id": 2, "sku": "A", "sku_key": "A"})
    assert codes(any_mirrored, order=10) == [(10, "never_seen"), (10, "awaiting_refresh")]
    assert codes(any_mirrored, variant=2)[0] == (2, "not_here")
    assert codes(any_mirrored, sku="A")[0] == (None, "not_here")


def test_another_store_is_not_believed(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    store = SandboxStore(5, 5)
    named = store.information() | {"id": "another1"}
    store.information = lambda: named  # type: ignore[method-assign]
    with SandboxServer(store) as server:
        for app in made(host_app, broker, sqlite_url, BIGCOMMERCE_API_URL=server.api_url):
            reached = {
                "connection_settings__access_token": server.access_token,
                "integration_settings__store_hash": server.store_hash,
            }
            mirrored = connected(app, host_app, **reached, integration_settings__start_date="2010-01-01")
            assert (None, "store_silent") in codes(mirrored, sku="nope", ask_store="true")
            assert (10**6, "store_silent") in codes(mirrored, order=10**6, ask_store="true")


def test_the_store_is_asked(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    store = SandboxStore(5, 5)
    variant = next(each for product in store.products.values() for each in product.variants)
    with SandboxServer(store) as server:
        for app in made(host_app, broker, sqlite_url, BIGCOMMERCE_API_URL=server.api_url):
            reached = {
                "connection_settings__access_token": server.access_token,
                "integration_settings__store_hash": server.store_hash,
            }
            old = connected(app, host_app, **reached, integration_settings__start_date="2010-01-01")
            new = connected(app, host_app, **reached, integration_settings__start_date="2999-01-01")
            (order_id, *_) = store.order_ids
            assert codes(old, order=order_id, ask_store="true")[0] == (order_id, "in_store")
            assert codes(new, order=order_id, ask_store="true")[0] == (order_id, "before_start_date")
            assert codes(old, order=10**6, ask_store="true")[0] == (10**6, "not_in_store")
            assert codes(old, variant=variant.id, ask_store="true")[1] == (variant.id, "in_store")
            assert codes(new, variant=variant.id, ask_store="true")[1] == (variant.id, "before_start_date")
            assert codes(old, variant=10**6, ask_store="true")[1] == (10**6, "not_in_store")
            assert codes(old, sku="nope", ask_store="true")[1] == (None, "not_in_store")
            wrong = connected(app, host_app, **(reached | {"connection_settings__access_token": "wrong" * 5}))
            assert (order_id, "store_silent") in codes(wrong, order=order_id, ask_store="true")
            said = [
                each["message"] for each in wrong.get("explain", order=order_id, ask_store="true")["data"]["reasons"]
            ]
            assert "The store could not be asked: it does not accept the access token." in said


def test_a_sku_with_blanks_in_the_store_is_found(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    store = SandboxStore(12, 0, awkward=False)
    variant = store.products[store.product_ids[0]].variants[0]
    store.edit_variant(variant.id, sku="A-1 ")
    with SandboxServer(store) as server:
        for app in made(host_app, broker, sqlite_url, BIGCOMMERCE_API_URL=server.api_url):
            reach = {
                "integration_settings__store_hash": server.store_hash,
                "connection_settings__access_token": server.access_token,
            }
            mirrored = connected(app, host_app, **reach)
            assert codes(mirrored, sku="A-1 ", ask_store="true")[1] == (None, "in_store"), "asked as it was typed"
            assert codes(mirrored, sku="a-1", ask_store="true")[1] == (None, "not_in_store"), "case counts"
            here = {"bigcommerce_id": variant.id, "bigcommerce_product_id": store.product_ids[0]}
            mirrored.add("variants", {**here, "sku": "A-1 ", "sku_key": "A-1", "host_product_id": 9})
            for asked in ("A-1", "A-1 ", " A-1"):
                told = codes(mirrored, sku=asked, ask_store="true")
                assert told == [(variant.id, "linked")], "asked as it is stored"
            store.edit_variant(variant.id, sku="A-2")
            assert (variant.id, "not_in_store") in codes(mirrored, sku="A-1", ask_store="true")
