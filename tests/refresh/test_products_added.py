"""SKUs that the host announces: remembered in its transaction, linked by a worker while nobody else writes variants."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from bigcommerce_integration import BigCommerceError, products_added
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.linking import added
from bigcommerce_integration.refresh.linking.added import link_added
from bigcommerce_integration.refresh.removal.purge import purge

from ..host_app import bearer
from .conftest import Connect, Mirror
from .test_linking import UNLINKED, conflict, links, shop

LINKED = {"A": ("auto", "A"), "B": ("auto", "B"), "É-1": ("auto", "É-1")}


@contextmanager
def session_of(mirror: Mirror) -> Iterator[Session]:
    """The host's own, in an app context."""
    with mirror.app.app_context():
        yield mirror.host_app.db.session()


def announce(mirror: Mirror, *skus: str | None, tenant: str = "") -> None:
    """In a transaction of the host's own."""
    with session_of(mirror) as session:
        products_added(session, skus, tenant)
        session.commit()


def make(mirror: Mirror, *skus: str) -> None:
    """As the host adds products."""
    with session_of(mirror) as session:
        session.add_all(mirror.host_app.Product(sku=sku, name="Of the host") for sku in skus)
        products_added(session, skus)
        session.commit()


def work(mirror: Mirror) -> None:
    """One tick of one worker."""
    with mirror.app.app_context():
        link_added(mirror.engine)


def switch(mirror: Mirror, *, link: bool) -> None:
    mirror.execute(update(mirror.table("instances")).values(auto_link_products=link))


def remembered(mirror: Mirror) -> list[tuple[int, str]]:
    return [(row["instance_id"], row["skus"]) for row in mirror.rows("added_skus")]


def numbered(connect: Connect) -> Mirror:
    """A store with variants that the host has no products for yet."""
    return shop(connect, ["A", "B", "É-1"], create=False).completed("products")


@pytest.fixture
def linking(connect: Connect) -> Mirror:
    return numbered(connect)


@pytest.fixture
def linking_any(connect_any: Connect) -> Mirror:
    return numbered(connect_any)


# -- what comes of it ----------------------------------------------------------------------------------------------


def test_added_products_are_linked_at_the_next_tick(linking_any: Mirror) -> None:
    mirror, told = linking_any, []
    before = mirror.rows("leases", resource="products")[0]
    make(mirror, "A", "É-1", "nobody's")
    assert remembered(mirror) == [(mirror.instance_id, '["A", "nobody\'s", "\\u00c9-1"]')]
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    work(mirror)
    assert links(mirror) == {**LINKED, "B": UNLINKED}
    assert remembered(mirror) == [], "what no variant has is forgotten"
    linked = [row for row in mirror.rows("variants") if row["link_source"]]
    assert told == [row["bigcommerce_product_id"] for row in linked]
    after = mirror.rows("leases", resource="products")[0]
    assert after["change_number"] == max(row["change_number"] for row in linked) > before["change_number"]
    assert [after[name] for name in ("epoch", "owner")] == [before[name] for name in ("epoch", "owner")]


def test_rolled_back_announcement_leaves_nothing(linking_any: Mirror) -> None:
    with session_of(linking_any) as session:
        products_added(session, ["A"])
        session.rollback()
    assert remembered(linking_any) == []


def test_blank_and_double_skus_are_not_remembered(linking: Mirror) -> None:
    announce(linking, " A ", "A", None, "", "  ")
    announce(linking, None, " ")
    announce(linking)
    assert remembered(linking) == [(linking.instance_id, '["A"]')]


def test_only_the_stores_of_the_tenant_are_meant(linking_any: Mirror) -> None:
    linking_any.execute(update(linking_any.table("instances")).values(tenant="North"))
    announce(linking_any, "A")
    announce(linking_any, "A", tenant="north")
    assert remembered(linking_any) == []
    announce(linking_any, "A", tenant="North")
    assert remembered(linking_any) == [(linking_any.instance_id, '["A"]')]


def test_stores_that_do_not_link_remember_nothing(linking: Mirror) -> None:
    switch(linking, link=False)
    make(linking, "A")
    assert remembered(linking) == []


def test_linking_that_is_switched_off_meanwhile_forgets(linking: Mirror) -> None:
    make(linking, "A")
    switch(linking, link=False)
    work(linking)
    assert remembered(linking) == []
    assert links(linking)["A"] == UNLINKED


def test_a_store_that_needs_attention_is_linked_too(linking: Mirror) -> None:
    linking.execute(update(linking.table("instances")).values(status="needs_attention"))
    make(linking, "A")
    work(linking)
    assert links(linking)["A"] == ("auto", "A")


def test_an_announcement_is_no_reason_to_guess(connect: Connect) -> None:
    mirror = shop(connect, ["twice", "T", "T", "left", "gone", "made"], create=False).completed("products")
    variants = mirror.table("variants")
    of = {row["sku"]: variants.c.id == row["id"] for row in mirror.rows("variants")}
    other = mirror.add_host_product("another")
    mirror.execute(update(variants).where(of["left"]).values(link_source="manual"))
    mirror.execute(update(variants).where(of["gone"]).values(deleted_at=db_now()))
    mirror.execute(update(variants).where(of["made"]).values(link_source="created", host_product_id=other))
    make(mirror, "twice", "twice", "T", "left", "gone", "made")
    work(mirror)
    found = links(mirror)
    assert (found["twice"], found["T"], found["gone"]) == (UNLINKED,) * 3
    assert (found["left"], found["made"]) == (("manual", None), ("created", "another"))
    assert "2 of your products" in conflict(mirror, "twice")
    assert "2 variants" in conflict(mirror, "T")


def test_what_is_announced_one_by_one_is_linked_together(linking: Mirror) -> None:
    asked: list[Sequence[str]] = []
    original = linking.host.products_by_sku

    def by_sku(session: Session, instance: Any, skus: Sequence[str]) -> Any:
        asked.append(skus)
        return original(session, instance, skus)

    linking.host.products_by_sku = by_sku
    for sku in ("A", "B", "É-1"):
        make(linking, sku)
    announce(linking, "A")
    work(linking)
    assert links(linking) == LINKED
    assert asked == [["A", "B", "É-1"]]


def test_many_skus_take_several_transactions(connect_any: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added, "SKUS_A_ROW", 3)
    monkeypatch.setattr(added, "ROWS_A_TRANSACTION", 4)
    monkeypatch.setattr(added, "PASS_SIZE", 5)
    skus = [f"S-{number:02}" for number in range(20)]
    mirror = shop(connect_any, skus, create=False).completed("products")
    asked: list[int] = []
    original = mirror.host.products_by_sku
    mirror.host.products_by_sku = lambda session, instance, some: (
        asked.append(len(some)) or original(session, instance, some)
    )
    make(mirror, *skus)
    assert len(remembered(mirror)) == 7
    work(mirror)
    assert links(mirror) == {sku: ("auto", sku) for sku in skus}
    assert asked == [6, 6, 6, 2]
    assert remembered(mirror) == []


# -- who is quicker, who dies, who refuses -------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing that is done after it is seen."""


def test_a_worker_that_dies_loses_nothing(linking_any: Mirror) -> None:
    mirror = linking_any
    make(mirror, "A")

    def die(*_: Any) -> None:
        raise Killed

    mirror.host.products_changed = die
    with pytest.raises(Killed):
        work(mirror)
    assert links(mirror)["A"] == UNLINKED
    assert len(remembered(mirror)) == 1
    del mirror.host.products_changed
    work(mirror)
    assert links(mirror)["A"] == ("auto", "A")


def test_of_two_workers_one_links_and_none_waits(connect_server: Connect) -> None:
    mirror = numbered(connect_server)
    make(mirror, "A")
    told: list[int] = []
    is_in, may_end = threading.Event(), threading.Event()

    def tell(session: Session, instance: Any, ids: Sequence[int]) -> None:
        told.extend(ids)
        is_in.set()
        assert may_end.wait(60)

    mirror.host.products_changed = tell
    first = threading.Thread(target=work, args=(mirror,))
    first.start()
    try:
        assert is_in.wait(60)
        work(mirror)
    finally:
        may_end.set()
        first.join()
    assert len(told) == 1
    assert links(mirror)["A"] == ("auto", "A")
    assert remembered(mirror) == []


def test_workers_do_not_wait_for_a_host_that_has_not_committed(connect_server: Connect) -> None:
    mirror = numbered(connect_server)
    with session_of(mirror) as session:
        session.add(mirror.host_app.Product(sku="A", name="Of the host"))
        products_added(session, ["A"])
        for step in (partial(make, mirror, "B"), partial(work, mirror)):
            elsewhere = threading.Thread(target=step)
            elsewhere.start()
            elsewhere.join(60)
            assert not elsewhere.is_alive()
        session.commit()
    assert (links(mirror)["A"], links(mirror)["B"]) == (UNLINKED, ("auto", "B"))
    work(mirror)
    assert links(mirror)["A"] == ("auto", "A")


def test_a_host_that_refuses_is_asked_again_later(linking: Mirror, caplog: pytest.LogCaptureFixture) -> None:
    table, asked = linking.table("added_skus"), []

    def refuse(*_: Any) -> None:
        asked.append(1)
        raise ValueError("not now")

    linking.host.products_changed = refuse
    make(linking, "A")
    work(linking)
    work(linking)
    assert len(asked) == 1
    assert "The host's products_changed refused: ValueError: not now" in caplog.text
    assert (links(linking)["A"], len(remembered(linking))) == (UNLINKED, 1)
    (row,) = linking.rows("added_skus")
    linking.execute(update(table).values(next_try_at=row["next_try_at"] - timedelta(seconds=added.RETRY_S)))
    work(linking)
    assert len(asked) == 2
    linking.execute(update(table).values(next_try_at=None, added_at=row["added_at"] - timedelta(days=2)))
    work(linking)
    assert (len(asked), remembered(linking)) == (3, []), "the linking passes go on"


def test_a_deleted_store_takes_what_is_remembered_along(linking_any: Mirror) -> None:
    make(linking_any, "A")
    path = f"/api/big-commerce/{linking_any.instance_id}"
    assert linking_any.app.test_client().delete(path, headers=bearer(linking_any.app)).status_code in (202, 204)
    with linking_any.app.app_context():
        while not purge(linking_any.engine):
            pass
    assert remembered(linking_any) == []


def test_what_comes_late_for_a_store_that_is_gone_is_forgotten(linking: Mirror) -> None:
    row = {"instance_id": 99, "skus": '["A"]'}
    linking.execute(insert(linking.table("added_skus")).values(added_at=db_now(), **row))
    work(linking)
    assert remembered(linking) == []


# -- how it is called ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skus", ["A", [b"A"], [5]])
def test_what_are_no_skus_is_refused(linking: Mirror, skus: Any) -> None:
    with session_of(linking) as session, pytest.raises(TypeError, match="text"):
        products_added(session, skus)


def test_an_app_without_the_blueprint_is_told() -> None:
    with Flask("other").app_context(), pytest.raises(BigCommerceError, match="not registered"):
        products_added(Session(), ["A"])


def test_the_tick_of_cron_links_too(linking: Mirror) -> None:
    make(linking, "A")
    assert linking.app.test_cli_runner().invoke(args=["bigcommerce", "tick"]).exit_code == 0
    assert links(linking)["A"] == ("auto", "A")
