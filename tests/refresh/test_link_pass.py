"""When all that is unlinked is looked at, and when only what a refresh has brought."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from bigcommerce_integration.errors import UnexpectedAnswer
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.linking import linker

from ..host_app import bearer
from .conftest import Connect, Mirror
from .test_linking import UNLINKED, add, links, shop

HOUR_S = 3600.0


@contextmanager
def statements(mirror: Mirror) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def lease(mirror: Mirror) -> dict[str, Any]:
    (found,) = mirror.rows("leases", resource="products")
    return found


def sweep(mirror: Mirror) -> None:
    mirror.again("products", mode="full")


def switch_on(mirror: Mirror) -> None:
    path, on = f"/api/big-commerce/{mirror.instance_id}", {"auto_create_products": True}
    answer = mirror.app.test_client().patch(path, json={"integration_settings": on}, headers=bearer(mirror.app))
    assert answer.status_code == 200
    mirror.again("products", mode="incremental")


def let_hour_pass(mirror: Mirror) -> None:
    leases = mirror.table("leases")
    earlier = lease(mirror)["next_link_at"] - timedelta(seconds=1.1 * HOUR_S)
    mirror.execute(update(leases).where(leases.c.resource == "products").values(next_link_at=earlier))
    mirror.again("products", mode="incremental")


@pytest.mark.parametrize("has_news", [False, True])
def test_incremental_costs_no_more_with_more_unlinked(
    connect_any: Connect, monkeypatch: pytest.MonkeyPatch, has_news: bool
) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 4)
    mirror = shop(connect_any, ["A", "B"], create=False).completed("products")
    counts = []
    for number in range(3):
        with statements(mirror) as found:
            if has_news:
                mirror.store.edit_variant(mirror.ids("variants")[0], sku=f"A-{number}")
            mirror.again("products", mode="incremental")
        counts.append(len(found))
        for sku in range(20):
            add(mirror.store, f"S-{number}-{sku}")
        mirror.again("products", mode="incremental").again("products", mode="incremental")
    assert counts[1] == counts[2]
    with statements(mirror) as found:
        mirror.let_link_interval_pass().again("products", mode="incremental")
    assert len(found) > counts[2] + 20, "the pass over all does grow"


@pytest.mark.parametrize("by", [sweep, switch_on, let_hour_pass])
def test_all_unlinked_are_looked_at(connect: Connect, by: Any) -> None:
    mirror = shop(connect, ["A"], create=False).completed("products")
    mirror.add_host_product("A")
    mirror.again("products", mode="incremental")
    assert links(mirror) == {"A": UNLINKED}
    by(mirror)
    assert links(mirror) == {"A": ("auto", "A")}


def test_next_pass_is_due_an_interval_after_the_last(connect: Connect) -> None:
    mirror = shop(connect, ["A"], create=False)
    assert lease(mirror)["next_link_at"] is None
    mirror.completed("products")
    now: datetime = mirror.transaction(lambda session: session.scalar(db_now().select()))
    due = lease(mirror)["next_link_at"]
    assert 0.85 * HOUR_S < (due - now).total_seconds() < 1.15 * HOUR_S
    mirror.again("products", mode="incremental")
    assert lease(mirror)["next_link_at"] == due


def test_interval_of_zero_looks_each_time(connect: Connect) -> None:
    mirror = shop(connect, ["A"], create=False, settings={"link_interval_s": 0}).completed("products")
    mirror.add_host_product("A")
    mirror.again("products", mode="incremental")
    assert links(mirror) == {"A": ("auto", "A")}


def test_products_are_made_for_what_an_incremental_brings(connect_any: Connect) -> None:
    mirror = shop(connect_any, ["A"]).completed("products")
    add(mirror.store, "B")
    mirror.again("products", mode="incremental")
    assert links(mirror) == {"A": ("created", "A"), "B": ("created", "B")}
    now = lease(mirror)
    assert now["linked_up_to"] == now["change_number"], "nothing is left to look at"


def test_what_a_failed_refresh_has_written_is_looked_at_next(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = shop(connect, ["A"]).completed("products")

    def fail(*_: Any) -> None:
        raise UnexpectedAnswer("no more")

    add(mirror.store, "B")
    with monkeypatch.context() as patch:
        patch.setattr("bigcommerce_integration.refresh.run.products.link", fail)
        mirror.start("products", "incremental").run("products")
    assert mirror.refresh("products")["status"] == "failed"
    assert links(mirror)["B"] == UNLINKED
    # Its variant is stored as it is.
    mirror.again("products", mode="incremental")
    assert links(mirror)["B"] == ("created", "B")


def test_refresh_of_ids_links_its_own_products(connect: Connect) -> None:
    mirror = shop(connect, ["A", "B"], create=False).completed("products")
    mirror.add_host_product("A")
    mirror.add_host_product("B")
    before = lease(mirror)
    mirror.again("products", mode="ids", ids=(mirror.ids("products")[0],))
    assert links(mirror) == {"A": ("auto", "A"), "B": UNLINKED}
    assert [lease(mirror)[name] for name in ("next_link_at", "linked_up_to")] == [
        before[name] for name in ("next_link_at", "linked_up_to")
    ]


def test_what_is_brought_is_linked_slice_by_slice(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 2)
    mirror = shop(connect, []).completed("products").with_settings(slice_s=0.0)
    for number in range(7):
        add(mirror.store, f"S-{number}")
    mirror.again("products", mode="incremental")
    assert set(links(mirror).values()) == {("created", f"S-{number}") for number in range(7)}
    assert mirror.refresh("products")["products_created"] == 7
