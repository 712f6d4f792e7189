"""A refresh that is cancelled stops at its page and can go on from there."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from bigcommerce_integration.refresh.lifecycle.transitions import CANCELLED, cancel, reopen
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror


def cancel_products(mirror: Mirror) -> bool:
    return mirror.transaction(lambda session: cancel(session, mirror.engine.tables, mirror.refreshes["products"]))


def test_cancelled_and_reopened_refresh_ends_like_any_other(connect_any: Connect) -> None:
    mirror = connect_any(SandboxStore(30, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    refresh_id, done = mirror.refreshes["products"], []

    def products_changed(session: Session, instance: Any, ids: list[int]) -> None:
        if not done:
            done.append(cancel(session, mirror.engine.tables, refresh_id))

    mirror.host.products_changed = products_changed
    mirror.advance("products")
    mirror.advance("products")
    assert (done, mirror.refresh("products")["fetched"]) == ([True], 10)
    assert not cancel_products(mirror)
    assert mirror.transaction(lambda session: reopen(session, mirror.engine.tables, refresh_id))
    assert not mirror.transaction(lambda session: reopen(session, mirror.engine.tables, refresh_id))
    mirror.completed()
    assert mirror.refresh("products")["fetched"] == 30
    mirror.assert_mirrors_the_store()


def test_page_in_writing_at_a_cancel_is_the_last(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(30, 0, awkward=False), settings={"page_size": 10, "concurrency": 1})
    told = []

    def products_changed(*args: Any) -> None:
        told.append(cancel_products(mirror))

    mirror.host.products_changed = products_changed
    mirror.advance("products")
    assert told == [True]
    found = mirror.refresh("products")
    # Its rows and its count are kept, and what it says is that it was cancelled.
    assert (found["status"], found["message"], found["fetched"]) == ("cancelled", CANCELLED, 10)
    assert len(mirror.ids("products")) == 10
