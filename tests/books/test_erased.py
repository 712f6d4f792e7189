"""A person is erased: the books stay as they are, and nothing in them says who it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.sandbox import SandboxServer

from ..host_app import HostApp
from ..people import SECRET
from ..refresh.test_people import found
from ..test_erasure import EMAIL, erase, store_with
from .test_refreshed import Served, connected_to

CUSTOMER = 4711
TABLES = ("accounting_documents", "accounting_batches", "returns", "accounting", "history")
SHIPPED = "Mon, 02 Mar 2026 12:00:00 +0000"


@pytest.fixture
def served(bookkeeper: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Served]:
    """A store in which one person has ordered in several ways, all of it shipped, and some given back."""
    store, theirs = store_with(CUSTOMER)
    for order_id in theirs:
        store.edit_order(order_id, status_id=2, date_shipped=SHIPPED, external_order_id=f"EXT-{order_id}")
        store.create_refund(order_id, kind="declined", reason=SECRET)
    with SandboxServer(store) as server:
        yield from connected_to(server, bookkeeper, broker, sqlite_url)


def books(served: Served) -> dict[str, list[dict[str, Any]]]:
    return {name: served.rows(name) for name in TABLES}


@pytest.mark.ci
def test_books_keep_numbers_of_an_erased_person_alone(served: Served) -> None:
    theirs = served.documents(customer_id=CUSTOMER)
    assert {row["kind"] for row in theirs} >= {"sales_order_invoice", "sales_order_fulfillment"}
    order_id = theirs[0]["bigcommerce_order_id"]
    line = next(each for each in served.store.order_lines(order_id) if each["type"] == "physical")
    back = {"reference": "RMA-7", "received_at": "2026-03-09", "lines": [{"line_id": line["id"], "quantity": 1}]}
    assert served.ask(f"orders/{order_id}/returns", method="POST", json=back).status_code == 201
    served.keep()
    before = books(served)
    places = found(served)
    assert places, "the person is in what was read from the store"
    assert not [each for each in places if "account" in each or "returns" in each or "history" in each]
    erase(served, "--customer-id", CUSTOMER)
    erase(served, "--email", EMAIL)
    served.keep()
    served.refresh("full")
    assert found(served) == []
    after = books(served)
    assert [row["action"] for row in after.pop("history")] == [
        *(row["action"] for row in before.pop("history")),
        "erased",
        "erased",
    ]
    for name in ("accounting_documents", "accounting_batches", "returns"):
        assert after[name] == before[name], name
    kept = served.documents(customer_id=CUSTOMER)
    assert {row["external_order_id"] for row in kept} == {f"EXT-{row['bigcommerce_order_id']}" for row in kept}
    assert len(served.journal()) == len(served.documents(status="posted"))
