"""A store whose orders a test writes itself, a host with a journal, and the books kept in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dramatiq import Broker
from flask import Flask
from sqlalchemy import Column, Date, Integer, Numeric, String, Text, insert, select, update
from sqlalchemy.orm import Session

from bigcommerce_integration import AccountingBatch, AccountingDocument, SQLAlchemyHost
from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.books.working import keep_books
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.context import Engine

from ..host_app import HostApp
from ..web.mirrored import Mirrored, connected


def host_app_with_journal(**options: Any) -> HostApp:
    """A code base of a host that keeps books: one row for each posting."""
    host_app = HostApp(**options)
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

    @property
    def engine_name(self) -> str:
        """Which database it is."""
        with self.app.app_context():
            return str(self.host_app.db.engine.dialect.name)

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

    def sell(self, order_id: int, *pieces: tuple[int, str], **columns: Any) -> None:
        """An order with a line for each of these quantities and prices without tax, taxed by a tenth; shipped for 10.

        The lines' ids are ten times the order's, and so on. The cost price is half the price. ``payload`` is a dict.
        """
        lines = []
        net = Decimal()
        for place, (quantity, price) in enumerate(pieces):
            total = quantity * Decimal(price)
            net += total
            lines.append(
                {
                    "bigcommerce_id": 10 * order_id + place,
                    "bigcommerce_order_id": order_id,
                    "bigcommerce_product_id": 1,
                    "bigcommerce_variant_id": place + 1,
                    "type": "physical",
                    "quantity": quantity,
                    "quantity_shipped": 0,
                    "quantity_refunded": 0,
                    **amounts("total", total, total / 10),
                    "discounted_total_inc_tax": total * 11 / 10,
                    "cost_price_ex_tax": Decimal(price) / 2,
                }
            )
        payload = {"payment_method": "Card", "payment_provider_id": "ch_1", "fees": []} | columns.pop("payload", {})
        sums = {
            **amounts("subtotal", net, net / 10),
            **amounts("shipping_cost", Decimal(10), Decimal(1)),
            **amounts("total", net + 10, net / 10 + 1),
        }
        order = {**ORDER, "bigcommerce_id": order_id, **sums, "payload": json.dumps(payload), **columns}
        self.forget(order_id)
        self.add("orders", order)
        self.add("order_lines", *lines)

    def forget(self, order_id: int) -> None:
        """The rows of an order, as a refresh is to write them anew."""
        orders, lines = self.tables.orders, self.tables.order_lines
        self.execute(
            orders.delete().where(orders.c.bigcommerce_id == order_id, orders.c.instance_id == self.instance_id),
            lines.delete().where(lines.c.bigcommerce_order_id == order_id, lines.c.instance_id == self.instance_id),
        )

    def edit(self, order_id: int, **columns: Any) -> None:
        """Change an order's row, as a refresh does."""
        self.numbers["orders"] += 1
        orders, leases = self.tables.orders, self.tables.leases
        number = {"change_number": self.numbers["orders"]}
        mine = (leases.c.instance_id == self.instance_id, leases.c.resource == "orders")
        self.execute(
            update(orders)
            .where(orders.c.bigcommerce_id == order_id, orders.c.instance_id == self.instance_id)
            .values(**number, **columns),
            update(leases).where(*mine).values(**number),
        )

    def refund(
        self,
        refund_id: int,
        order_id: int,
        total: str,
        tax: str,
        *,
        quantity: int,
        line_id: int,
        shipping: str = "0",
        **columns: Any,
    ) -> None:
        """A refund of so many pieces of a line and, without tax, so much of the shipping, paid by card."""
        self.numbers["refunds"] = number = self.numbers.get("refunds", 0) + 1
        common = {"instance_id": self.instance_id, "content_hash": "x", "observed_at": NOON, "change_number": number}
        within = {**common, "bigcommerce_refund_id": refund_id, "position": 1}
        net = Decimal(total) - Decimal(tax) - Decimal(shipping)
        amounts = {"date_created": NOON, "total_amount": Decimal(total), "total_tax": Decimal(tax), **columns}
        item = {"item_type": "PRODUCT", "item_id": line_id, "quantity": quantity, "requested_amount": net}
        freight = {"item_type": "SHIPPING", "item_id": 1, "requested_amount": Decimal(shipping)}
        payment = {"provider_id": "card", "amount": Decimal(total), "offline": False, "is_declined": False}
        tables, leases = self.tables, self.tables.leases
        mine = (leases.c.instance_id == self.instance_id, leases.c.resource == "refunds")
        row = {"bigcommerce_id": refund_id, "bigcommerce_order_id": order_id, "payload": "{}", **amounts}
        self.execute(
            insert(tables.refunds).values(**common, **row),
            insert(tables.refund_items).values(**within, **item),
            insert(tables.refund_items).values(**{**within, "position": 2}, **freight),
            insert(tables.refund_payments).values(**within, **payment),
            update(leases).where(*mine).values(change_number=number),
        )

    def beside(self) -> Shelf:
        """Another store of the same host."""
        return shelf(self.app, self.host, self.host_app)

    def refreshed(self, *, began: datetime) -> None:
        """As if a refresh of the orders had completed just now that began at this time of the store."""
        refreshes, leases = self.tables.refreshes, self.tables.leases
        mine = (leases.c.instance_id == self.instance_id, leases.c.resource == "orders")
        done = {"resource": "orders", "mode": "incremental", "status": "completed", "created_at": db_now()}
        self.execute(
            insert(refreshes).values(instance_id=self.instance_id, finished_at=db_now(), **done),
            update(leases).where(*mine).values(watermark=began),
        )

    def end_refreshes(self) -> None:
        """None is open any more: those that connecting has begun are over."""
        refreshes = self.tables.refreshes
        self.execute(update(refreshes).values(status="completed", open_key=None, finished_at=db_now()))

    def keep(self) -> None:
        """What a worker does beside its tick."""
        with self.app.app_context():
            keep_books(self.engine)

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
    shelf.set(store_timezone="America/New_York", created_at=datetime(2026, 1, 1))
    shelf.end_refreshes()
    shelf.execute(
        insert(shelf.tables.accounting).values(instance_id=shelf.instance_id, started_on=date(2026, 1, 1)),
        insert(shelf.tables.leases).values(instance_id=shelf.instance_id, resource="refunds", epoch=0, change_number=0),
    )
    return shelf


TAXES = ("ex_tax", "inc_tax", "tax")
NOON = datetime(2026, 3, 2, 12)
ORDER: Mapping[str, Any] = {
    "status_id": 2,
    "is_sale": True,
    "is_deleted": False,
    "customer_id": 11,
    "external_order_id": "",
    "default_currency_code": "USD",
    "currency_code": "USD",
    "store_default_currency_code": "USD",
    "store_default_to_transactional_exchange_rate": Decimal("1"),
    "is_tax_inclusive_pricing": False,
    "date_created": NOON,
    "date_modified": NOON,
    "date_shipped": NOON,
    **{
        f"{name}_{tax}": Decimal()
        for name in ("handling_cost", "wrapping_cost")
        for tax in ("ex_tax", "inc_tax", "tax")
    },
    **{
        name: Decimal()
        for name in ("discount_amount", "coupon_discount", "store_credit_amount", "gift_certificate_amount")
    },
}


def amounts(group: str, ex_tax: Decimal, tax: Decimal) -> dict[str, Decimal]:
    return {f"{group}_ex_tax": ex_tax, f"{group}_inc_tax": ex_tax + tax, f"{group}_tax": tax}
