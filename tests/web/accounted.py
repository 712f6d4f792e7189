"""Rows of accounting documents and batches that a test writes itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy import insert

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.accounting.document import Document, Line
from bigcommerce_integration.books.ledger import opened
from bigcommerce_integration.books.making.part import make
from bigcommerce_integration.books.rules import Books
from bigcommerce_integration.books.stored import document_values, lines_text
from bigcommerce_integration.operations.queries import instance

from .mirrored import NOON, Mirrored

DAY = date(2026, 3, 2)
EXAMPLE = Document(
    kind="sales_order_invoice",
    status="posted",
    reasons=(),
    date=DAY,
    currency_code="USD",
    order_id=218,
    lines=(
        Line("receivable", "debit", Decimal("69.84"), detail="Manual", derivation="total_inc_tax"),
        Line(
            "sales",
            "credit",
            Decimal("53.44"),
            Decimal("4.40"),
            order_line_id=11,
            host_product_id=900,
            quantity=4,
            derivation="discounted_total_inc_tax - total_tax",
            nominal_code_id=11,
        ),
        Line("shipping_revenue", "credit", Decimal("11.09"), Decimal("0.91"), derivation="shipping_cost_ex_tax"),
        Line("tax", "credit", Decimal("5.31"), derivation="total_tax"),
    ),
    total=Decimal("69.84"),
    customer_id=11,
    external_order_id="",
    store_default_currency_code="USD",
    exchange_rate=Decimal(1),
)


class AccountingHost(SQLAlchemyHost):
    """Takes what it is given."""

    def post_accounting(self, session: Any, instance: Any, posting: Any) -> str:
        return f"J-{posting.number}"


def document(**changes: Any) -> Document:
    """The example, otherwise."""
    return replace(EXAMPLE, **changes)


def goods(**changes: Any) -> Document:
    """A fulfilment."""
    lines = (
        Line("cogs", "debit", Decimal("20.00"), order_line_id=11, quantity=4, cost_source="host", nominal_code_id=12),
        Line("inventory", "credit", Decimal("20.00"), order_line_id=11, quantity=4, cost_source="host"),
    )
    made = replace(EXAMPLE, kind="sales_order_fulfillment", lines=lines, total=Decimal("20.00"))
    return replace(made, **changes)


def add_documents(mirrored: Mirrored, documents: Iterable[Document], **columns: Any) -> list[int]:
    """The documents as rows, one after the other; their numbers. ``columns`` are others than a document's own."""
    table, numbers = mirrored.tables.accounting_documents, []
    for each in documents:
        last = len(mirrored.rows("accounting_documents", instance_id=mirrored.instance_id))
        number = each.number or last + 1
        posted = {"host_reference": f"J-{number}", "posted_at": NOON} if each.status == "posted" else {}
        own = {"instance_id": mirrored.instance_id, "change_number": number, "created_at": NOON, "tries": 0}
        values = document_values(each) | own | posted | {"number": number} | columns
        mirrored.execute(insert(table).values(values))
        numbers.append(number)
    return numbers


def add_batch(mirrored: Mirrored, number: int, **columns: Any) -> int:
    """A batch that is open, or as ``columns`` say."""
    lines = (
        Line("cogs", "debit", Decimal("40.00"), nominal_code_id=12),
        Line("inventory", "credit", Decimal("40.00")),
    )
    values = {
        "instance_id": mirrored.instance_id,
        "number": number,
        "kind": "sales_order_fulfillment",
        "period_type": "monthly",
        "batch_period": "2026-03",
        "date": date(2026, 3, 31),
        "currency_code": "USD",
        "status": "open",
        "document_count": 2,
        "created_at": datetime(2026, 3, 2),
        "lines": None if columns.get("status", "open") == "open" else lines_text(lines),
    }
    mirrored.execute(insert(mirrored.tables.accounting_batches).values(values | columns))
    return number


def begin(mirrored: Mirrored, **columns: Any) -> None:
    """Accounting has run for the store, from January on."""
    values = {"instance_id": mirrored.instance_id, "started_on": date(2026, 1, 1), "last_number": 9}
    mirrored.execute(
        insert(mirrored.tables.accounting).values(values | columns),
        mirrored.tables.instances.update().values(created_at=datetime(2025, 12, 1)),
    )


def add_order(mirrored: Mirrored) -> None:
    """Of 69.84, though its parts are 70.00."""
    taxes = {f"{part}_{tax}": Decimal(0) for part in ("shipping_cost", "handling_cost") for tax in ("ex_tax", "tax")}
    mirrored.add(
        "orders",
        {
            "bigcommerce_id": 218,
            "payload": '{"fees":[]}',
            "status_id": 2,
            "date_created": datetime(2026, 3, 1),
            "date_modified": datetime(2026, 3, 2),
            "date_shipped": datetime(2026, 3, 2, 15),
            "default_currency_code": "USD",
            "subtotal_ex_tax": Decimal(70),
            "subtotal_inc_tax": Decimal(70),
            "total_ex_tax": Decimal("69.84"),
            "total_inc_tax": Decimal("69.84"),
            "total_tax": Decimal(0),
            **taxes,
        },
    )
    mirrored.add(
        "order_lines",
        {
            "bigcommerce_order_id": 218,
            "bigcommerce_id": 11,
            "type": "physical",
            "quantity": 4,
            "quantity_shipped": 0,
            "total_ex_tax": Decimal(70),
            "total_inc_tax": Decimal(70),
            "total_tax": Decimal(0),
            "discounted_total_inc_tax": Decimal(70),
        },
    )


def make_documents(mirrored: Mirrored, order_id: int = 218) -> int:
    """Those of this order, as the engine makes them; the number of the one that is held."""
    state = mirrored.app.extensions["bigcommerce_integration"]
    with mirrored.app.app_context():
        session = mirrored.host_app.db.session()
        ledger = opened(session, state.tables, instance(session, state.tables, mirrored.instance_id, tenant=""))
        make(ledger, Books(state.config, state.tables, state.host), [order_id])
        ledger.save()
        session.commit()
    (row,) = mirrored.rows("accounting_documents", status="held")
    return int(row["number"])
