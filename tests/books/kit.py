"""A store whose orders a test writes itself, a host with a journal, and the books kept in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dramatiq import Broker
from flask import Flask
from sqlalchemy import Column, Date, Integer, Numeric, String, Text, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration import AccountingBatch, AccountingDocument, SQLAlchemyHost
from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.refresh.job.context import Engine

from ..host_app import HostApp
from ..web.mirrored import Mirrored, connected


def host_app_with_journal() -> HostApp:
    """A code base of a host that keeps books: one row for each posting."""
    host_app = HostApp()
    host_app.Journal = host_app._model(  # type: ignore[attr-defined]
        "Journal",
        instance_id=Column(Integer),
        posting=Column(String(100), index=True),
        date=Column(Date),
        currency_code=Column(String(10)),
        debits=Column(Numeric(20, 4)),
        credits=Column(Numeric(20, 4)),
        lines=Column(Text),
    )
    return host_app


class JournalHost(SQLAlchemyHost):
    """Posts everything in its journal; ``fails`` says of a posting what to raise instead, after it has written."""

    def __init__(self, *, journal: Any, **options: Any) -> None:
        super().__init__(**options)
        self.journal = journal
        self.posted: list[AccountingDocument | AccountingBatch] = []
        self.fails: Callable[[AccountingDocument | AccountingBatch], Exception | None] = lambda _: None
        self.costs: dict[Any, tuple[Decimal, str]] = {}
        self.asked: list[tuple[date, list[Any]]] = []

    def post_accounting(self, session: Session, instance: Any, posting: AccountingDocument | AccountingBatch) -> str:
        sums = {
            side: sum((line.amount for line in posting.lines if line.side == side), Decimal())
            for side in ("debit", "credit")
        }
        row = self.journal(
            instance_id=instance.id,
            posting=f"{type(posting).__name__} {posting.number}",
            date=posting.date,
            currency_code=posting.currency_code,
            debits=sums["debit"],
            credits=sums["credit"],
            lines=repr(posting.lines),
        )
        session.add(row)
        session.flush()
        if (error := self.fails(posting)) is not None:
            raise error
        self.posted.append(posting)
        return f"J-{row.id}"

    def unit_costs(self, session: Session, instance: Any, host_product_ids: Any, on: date) -> Any:
        self.asked.append((on, list(host_product_ids)))
        return {key: cost for key, cost in self.costs.items() if key in host_product_ids}


@dataclass
class Shelf(Mirrored):
    """The store, its books and the host's journal."""

    host: Any = None
    line_id: int = 0

    @property
    def engine(self) -> Engine:
        return engine_of(state_of(self.app), threading.Event())

    def run(self, work: Callable[[Session], Any]) -> Any:
        """In a transaction of its own, committed."""
        with self.app.app_context():
            return self.engine.transaction(work)

    def journal(self) -> list[str]:
        """The postings that the host has committed, in their order."""
        with self.app.app_context(), Session(self.host_app.db.engine) as session:
            return list(session.scalars(select(self.host.journal.posting).order_by(self.host.journal.id)))

    def set(self, **columns: Any) -> None:
        """Change the instance's row, as nobody does."""
        table = self.tables.instances
        self.execute(update(table).where(table.c.id == self.instance_id).values(**columns))

    def documents(self, **where: Any) -> list[dict[str, Any]]:
        """The stored ones by number."""
        return sorted(self.rows("accounting_documents", **where), key=lambda row: row["number"])


def opened(host_app: HostApp, url: str, broker: Broker, **settings: Any) -> tuple[Flask, Any]:
    """An app with its tables, and its host."""
    host = host_app.host(JournalHost, journal=host_app.Journal)  # type: ignore[attr-defined]
    app = host_app.create_app(url, broker=broker, host=host, settings=settings)
    host_app.create_rows(app)
    return app, host


def shelf(app: Flask, host: Any, host_app: HostApp, **body: Any) -> Shelf:
    """A store that is connected to it, in New York."""
    made = connected(app, host_app, **body)
    shelf = Shelf(made.app, made.host_app, made.client, made.instance_id, host=host)
    shelf.set(store_timezone="America/New_York")
    return shelf
