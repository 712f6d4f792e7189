"""One order with its lines, and who may see what of orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import event

from ..host_app import HostApp
from .mirrored import NOON, Mirrored, connected


def with_lines(mirrored: Mirrored) -> None:
    """Order 5: a linked and an unlinked variant, one that is not here, a custom item."""
    mirrored.add(
        "orders", {"bigcommerce_id": 5, "status_id": 10, "total_inc_tax": Decimal("8.5"), "payload": '{"id":5}'}
    )
    mirrored.add(
        "variants",
        {"bigcommerce_id": 71, "host_product_id": 900, "deleted_at": NOON},
        {"bigcommerce_id": 72},
    )
    mirrored.add(
        "order_lines",
        *(
            {
                "bigcommerce_id": 30 + number,
                "bigcommerce_order_id": 5,
                "bigcommerce_variant_id": variant,
                "quantity": 1,
                "price_ex_tax": Decimal("1.25"),
                "payload": "[]" if number == 0 else None,
            }
            for number, variant in enumerate((71, 72, 73, None))
        ),
        {"bigcommerce_id": 40, "bigcommerce_order_id": 6, "bigcommerce_variant_id": 71},
    )


def test_an_order_comes_with_its_lines_and_their_host_products(any_mirrored: Mirrored) -> None:
    with_lines(any_mirrored)
    order = any_mirrored.get("orders/5")["data"]
    assert (order["bigcommerce_id"], order["total_inc_tax"], order["deleted_at"]) == (5, "8.5000", None)
    assert "payload" not in order
    assert [(line["bigcommerce_id"], line["host_product_id"]) for line in order["lines"]] == [
        (30, 900),
        (31, None),
        (32, None),
        (33, None),
    ]
    assert order["lines"][0]["price_ex_tax"] == "1.2500"
    assert "payload" not in order["lines"][0]
    order = any_mirrored.get("orders/5", include="payload")["data"]
    assert (order["payload"], [line["payload"] for line in order["lines"]]) == ('{"id":5}', ["[]", None, None, None])


def test_an_order_that_the_store_no_longer_has_is_shown_as_such(mirrored: Mirrored) -> None:
    mirrored.add("orders", {"bigcommerce_id": 5, "deleted_at": NOON})
    order = mirrored.get("orders/5")["data"]
    assert (order["deleted_at"], order["lines"]) == ("2026-01-31T12:00:00.000000Z", [])


def test_another_instance_s_order_is_404_and_its_links_hidden(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    with_lines(other)
    for number in ("5", "6", "abc", "0", str(2**63)):
        answer = any_mirrored.ask(f"orders/{number}")
        assert (answer.status_code, answer.json.keys()) == (404, {"message"})
    any_mirrored.add("orders", {"bigcommerce_id": 5})
    any_mirrored.add("order_lines", {"bigcommerce_id": 1, "bigcommerce_order_id": 5, "bigcommerce_variant_id": 71})
    assert [line["host_product_id"] for line in any_mirrored.get("orders/5")["data"]["lines"]] == [None]


def test_unknown_parameters_of_one_order_are_refused(mirrored: Mirrored) -> None:
    mirrored.add("orders", {"bigcommerce_id": 5})
    assert mirrored.ask("orders/5?include=lines").status_code == 422
    assert mirrored.ask("orders/5?limit=1").status_code == 422


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("products", {"read"}),
        ("products?include=payload", {"read"}),
        ("variants", {"read"}),
        ("orders", {"read_orders"}),
        ("orders/5", {"read_orders"}),
        ("orders?include=payload", {"read_orders", "read_person_data"}),
        ("orders/5?include=payload", {"read_orders", "read_person_data"}),
    ],
)
def test_what_a_request_needs_is_permitted_apart(
    path: str, needed: set[str], host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    permitted: set[str] = {"create"}
    host = host_app.host(may=lambda action, instance: action in permitted)
    app: Flask
    for app in made_with(host_app, broker, sqlite_url, host):
        mirrored = connected(app, host_app)
        mirrored.add("orders", {"bigcommerce_id": 5})
        for missing in needed:
            permitted.update(needed)
            permitted.discard(missing)
            assert mirrored.ask(path).status_code == 403, missing
        permitted.update(needed)
        assert mirrored.ask(path).status_code == 200


def made_with(host_app: HostApp, broker: StubBroker, url: str, host: Any) -> Any:
    app = host_app.create_app(url, broker=broker, host=host)
    host_app.create_rows(app)
    yield app
    host_app.dispose(app)


def test_an_order_needs_three_queries_however_many_lines_it_has(mirrored: Mirrored) -> None:
    with_lines(mirrored)
    asked: list[str] = []
    with mirrored.app.app_context():
        event.listen(mirrored.host_app.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    mirrored.get("orders/5")
    assert len([each for each in asked if each.startswith("SELECT")]) == 3
