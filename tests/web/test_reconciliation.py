"""A reconciliation over HTTP: begun, read, repaired, and shown to nobody who may not see the records."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.run.advance import advance
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from ..refresh.conftest import Connect, Mirror, bigcommerce_sandbox, bigcommerce_sandbox_factory, connect

__all__ = ["bigcommerce_sandbox", "bigcommerce_sandbox_factory", "connect"]


@pytest.fixture
def mirror(connect: Connect) -> Mirror:
    """Four sales, one of them with another total, and one that is not in the store."""
    store = SandboxStore(2, 4, awkward=False)
    for each in store.order_ids:
        store.edit_order(each, status_id=10, date_modified="Tue, 06 Feb 2024 12:00:00 +0000")
    mirror = connect(store).completed()
    orders = mirror.table("orders")
    first, last = store.order_ids[0], store.order_ids[-1]
    mirror.execute(update(orders).where(orders.c.bigcommerce_id == first).values(total_inc_tax=1))
    mirror.execute(update(orders).where(orders.c.bigcommerce_id == last).values(bigcommerce_id=10**9))
    return mirror


def call(mirror: Mirror, method: str, path: str, **more: Any) -> Any:
    client = mirror.app.test_client()
    return client.open(f"/api/big-commerce/1/{path}", method=method, headers=bearer(mirror.app), **more)


def ended(mirror: Mirror, refresh_id: int) -> None:
    with mirror.app.app_context():
        while advance(mirror.engine, refresh_id) is not Outcome.ENDED:
            pass


def reconciled(mirror: Mirror) -> int:
    begun = call(mirror, "POST", "orders/refresh", json={"mode": "reconcile"})
    assert begun.status_code == 202, begun.json
    refresh_id = int(begun.json["data"]["id"])
    assert call(mirror, "GET", f"refreshes/{refresh_id}/drift").json["data"]["is_complete"] is False
    assert call(mirror, "POST", f"refreshes/{refresh_id}/repair").status_code == 409
    ended(mirror, refresh_id)
    return refresh_id


def drift_findings(mirror: Mirror) -> list[Any]:
    found = mirror.app.test_client().get("/api/big-commerce/1", headers=bearer(mirror.app)).json
    return [each for each in found["data"]["health"]["findings"] if each["code"] == "drift_found"]  # type: ignore[index]


def test_drift_is_shown_and_repaired(mirror: Mirror) -> None:
    refresh_id = reconciled(mirror)
    first, last = mirror.store.order_ids[0], mirror.store.order_ids[-1]
    refresh = call(mirror, "GET", f"refreshes/{refresh_id}").json["data"]
    assert {name: refresh["results"][name] for name in ("created", "updated", "unchanged", "deleted")} == {
        "created": 1,
        "updated": 1,
        "unchanged": 2,
        "deleted": 1,
    }
    assert refresh["message"] == "Completed: 1 missing here, 1 different, 1 no longer in the store."
    drift = call(mirror, "GET", f"refreshes/{refresh_id}/drift").json["data"]
    assert drift["count"] == 3
    assert drift["records"] == [
        {"bigcommerce_id": first, "kind": "different", "columns": ["total_inc_tax"]},
        {"bigcommerce_id": last, "kind": "missing", "columns": []},
        {"bigcommerce_id": 10**9, "kind": "extra", "columns": []},
    ]
    assert any(each["store"] != each["mirror"] for each in drift["totals"])
    (finding,) = drift_findings(mirror)
    assert (finding["action"], finding["refresh_id"]) == ("repair", refresh_id)
    assert "3 of the orders are not as in the store" in finding["sentence"]
    begun = call(mirror, "POST", f"refreshes/{refresh_id}/repair")
    assert begun.status_code == 202
    (repair,) = begun.json["data"]
    assert (repair["mode"], repair["parameters"]) == ("ids", {"ids": [first, last, 10**9], "is_repair": True})
    ended(mirror, repair["id"])
    assert drift_findings(mirror) == []
    again = reconciled(mirror)
    assert (
        call(mirror, "GET", f"refreshes/{again}").json["data"]["message"]
        == "Completed: all orders are as in the store."
    )
    assert call(mirror, "POST", f"refreshes/{again}/repair").status_code == 409


def test_another_refresh_has_no_drift(mirror: Mirror) -> None:
    assert call(mirror, "GET", "refreshes/1/drift").status_code == 404
    assert call(mirror, "POST", "refreshes/1/repair").status_code == 404


def test_orders_are_for_those_who_may_see_them(mirror: Mirror) -> None:
    refresh_id = reconciled(mirror)
    mirror.host.may = lambda action, instance: action != "read_orders"
    assert call(mirror, "GET", f"refreshes/{refresh_id}/drift").status_code == 403
    assert call(mirror, "POST", f"refreshes/{refresh_id}/repair").status_code == 403
    assert call(mirror, "GET", f"refreshes/{refresh_id}").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [1]}, "ids"),
        ({"allow_mass_delete": True}, "allow_mass_delete"),
        ({"date_from": "2026-01-02", "date_to": "2026-01-01"}, "date_to"),
        ({"is_repair": True}, "is_repair"),
    ],
)
def test_what_a_reconciliation_does_not_take(mirror: Mirror, body: dict[str, Any], field: str) -> None:
    refused = call(mirror, "POST", "orders/refresh", json={"mode": "reconcile", **body})
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])
