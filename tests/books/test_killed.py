"""A process that is killed leaves whole steps behind: nothing is lost, and nothing is handed over twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from bigcommerce_integration.books import keeping
from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.sandbox import SandboxStore

from ..processes import commands
from ..shop import ENDED, Shop, opened_on_servers
from ..waiting import wait_until
from .kit import Shelf, host_app_with_journal
from .worker import DIES, DIES_IN

DAILY = {"batch_period_sales_order_fulfillments": "daily"}


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ORDERS_A_PART", 2)


def filled(shelf: Shelf) -> None:
    shelf.set(**DAILY)
    for order_id in range(100, 106):
        shelf.sell(order_id, (2, "20.00"))
    shelf.refund(7, 100, "22.00", "2.00", quantity=1, line_id=1000)


def kept_until_the_end(shelf: Shelf) -> int:
    """How often the worker was killed until nothing was left to do."""
    for killed in range(200):
        try:
            shelf.keep()
        except Killed:
            continue
        return killed
    raise AssertionError("it does not come to an end")


def assert_exact(shelf: Shelf) -> None:
    documents = shelf.documents()
    assert {(row["kind"], row["bigcommerce_order_id"]) for row in documents} == {
        *(("sales_order_invoice", order_id) for order_id in range(100, 106)),
        *(("sales_order_fulfillment", order_id) for order_id in range(100, 106)),
        ("sales_credit", 100),
    }
    assert len(documents) == 13
    assert [row["number"] for row in documents] == list(range(1, 14))
    assert {row["status"] for row in documents if row["batch_number"] is None} == {"posted"}
    (batch,) = shelf.rows("accounting_batches")
    assert batch["document_count"] == 6
    journal = shelf.journal()
    assert len(journal) == len(set(journal)) == 7


def test_worker_killed_after_each_transaction_goes_on_there(any_books, monkeypatch, small):
    filled(any_books)
    whole = Engine.transaction

    def transaction(self: Engine, work: Callable[[Session], Any]) -> Any:
        whole(self, work)
        raise Killed

    def reading(self: Engine, work: Callable[[Session], Any]) -> Any:
        # What looks for work is no step.
        name = getattr(getattr(work, "func", work), "__name__", "")
        return (whole if name in ("_waiting", "_scalars") else transaction)(self, work)

    monkeypatch.setattr(Engine, "transaction", reading)
    with pytest.raises(Killed):
        any_books.keep()
    # A step that finds nothing to do ends it too, so it never ends by itself.
    for _ in range(60):
        with pytest.raises(Killed):
            any_books.keep()
        if len(any_books.journal()) == 7:
            break
    monkeypatch.setattr(Engine, "transaction", whole)
    any_books.keep()
    assert_exact(any_books)


def test_worker_killed_before_a_commit_repeats_the_step(any_books, monkeypatch, small):
    filled(any_books)
    commit, rng = Session.commit, Random(1)

    def dying(self: Session) -> None:
        if rng.random() < 0.3:
            raise Killed
        commit(self)

    monkeypatch.setattr(Session, "commit", dying)
    times = kept_until_the_end(any_books)
    monkeypatch.setattr(Session, "commit", commit)
    assert times > 5
    assert_exact(any_books)


def test_worker_killed_by_the_host_s_method_posts_once(any_books):
    filled(any_books)
    deaths = iter([True, False, True, True, *[False] * 100])
    post = any_books.host.post_accounting

    def dying(session: Session, instance: Any, posting: Any) -> str:
        said: str = post(session, instance, posting)
        if next(deaths):
            raise Killed
        return said

    any_books.host.post_accounting = dying
    assert kept_until_the_end(any_books) == 3
    assert_exact(any_books)


# -- real processes ------------------------------------------------------------------------------------------------


@pytest.fixture(params=[("postgresql", "redis"), ("mariadb", "rabbitmq")], ids="-".join)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    database, broker = request.param
    with opened_on_servers(database, broker, tmp_path, store=SandboxStore(10, 150)) as shop:
        engine = create_engine(shop.host.database_url)
        host_app_with_journal().Journal.__table__.create(engine)  # type: ignore[attr-defined]
        engine.dispose()
        yield shop


def is_done(shop: Shop) -> bool:
    """Whether all refreshes have ended, all that they brought was looked at, and all of that was handed over."""
    if not shop.statuses() or not set(shop.statuses()) <= set(ENDED):
        return False
    leases = {row.resource: row.change_number for row in shop.rows("leases")}
    ledgers = shop.rows("accounting")
    is_read = (
        bool(ledgers)
        and ledgers[0].orders_read >= leases["orders"]
        and ledgers[0].refunds_read >= leases.get("refunds", 1)
    )
    return is_read and not [row for row in shop.rows("accounting_documents") if row.status == "pending"]


@pytest.mark.slow
def test_processes_killed_in_the_call_post_each_exactly_once(shop, tmp_path, monkeypatch):
    """Two worker processes, each of which kills itself in one of so many calls, once the host's row is written."""
    monkeypatch.setenv(DIES, str(tmp_path / "deaths"))
    monkeypatch.setenv(DIES_IN, "9")
    shop.post()
    for _ in range(40):
        with commands(shop.host, tmp_path, 2, module="tests.books.worker:broker", may_end=True) as crew:
            wait_until(
                lambda crew=crew: is_done(shop) or any(each.master.poll() is not None for each in crew), 300, "an end"
            )
            if is_done(shop):
                break
    deaths = Path(os.environ[DIES]).read_text().splitlines()
    assert len(deaths) > 2
    posted = [row for row in shop.rows("accounting_documents") if row.status == "posted"]
    journal = host_app_with_journal().Journal.__table__  # type: ignore[attr-defined]
    engine = create_engine(shop.host.database_url)
    with engine.connect() as connection:
        postings = list(connection.scalars(select(journal.c.posting)))
        rest = connection.scalar(select(func.sum(journal.c.debits - journal.c.credits)))
    engine.dispose()
    assert len(postings) == len(set(postings)) == len(posted) > 40
    assert rest == 0
