"""A person's decision against the page of a refresh that has read the variant before it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from .conftest import Connect


def test_a_page_under_way_does_not_overwrite_a_decision(
    connect_server: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = connect_server(SandboxStore(3, 0)).completed()
    variant = next(row for row in mirror.rows("variants") if row["sku_key"])
    mirror.add_host_product(variant["sku_key"])
    has_read, may_write = threading.Event(), threading.Event()
    original = mirror.host.products_by_sku

    def stand_still(*args: Any) -> Any:
        has_read.set()
        assert may_write.wait(20)
        return original(*args)

    monkeypatch.setattr(mirror.host, "products_by_sku", stand_still)
    mirror.start("products", "full")
    answers: list[Any] = []

    def unlink() -> None:
        path = f"/api/big-commerce/{mirror.instance_id}/variants/{variant['bigcommerce_id']}/link"
        answers.append(mirror.app.test_client().delete(path, headers=bearer(mirror.app)))

    page = threading.Thread(target=mirror.run, args=("products",))
    decision = threading.Thread(target=unlink)
    page.start()
    assert has_read.wait(20)
    decision.start()
    decision.join(1)
    waited = decision.is_alive()
    may_write.set()
    page.join(30)
    decision.join(30)
    assert waited
    assert answers[0].status_code == 200
    found = mirror.row("variants", variant["bigcommerce_id"])
    assert (found["host_product_id"], found["link_source"]) == (None, "manual")
    # Nor does any later refresh.
    mirror.again("products")
    assert mirror.row("variants", variant["bigcommerce_id"])["link_source"] == "manual"
