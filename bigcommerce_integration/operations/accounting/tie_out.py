"""A month's orders against their invoices: the sums that somebody compares who closes the month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, Subquery, and_, case, func, select

from ...accounting.document import INVOICE, STATUSES
from ...models import Tables
from ..context import RequestContext
from .summary import amount

MOST_DIFFERING = 100
_CANCELLED = "cancelled_without_refund"
_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Differing:
    """An order whose invoices are not of its total."""

    order_id: int
    order_total: Decimal
    invoiced: Decimal


@dataclass(frozen=True)
class TieOut:
    """One currency: the ``total`` of the orders that were first invoiced in the month, as they are stored now.

    ``by_status`` are the sums of their invoices with all later adjustments. ``differing`` are the first orders for
    which the two are not the same.
    """

    currency_code: str
    orders: int
    total: Decimal
    by_status: Mapping[str, Decimal]
    differing: Sequence[Differing] = field(default=())

    @property
    def difference(self) -> Decimal:
        """0.0000 where every order is in a document with all of its total."""
        return self.total - sum(self.by_status.values(), _NOTHING)


def tie_out(context: RequestContext, first_day: date) -> Sequence[TieOut]:
    """Of the month that begins with this day, by currency; three queries."""
    tables, instance_id = context.state.tables, context.instance.id
    per_order = _per_order(tables, instance_id, first_day, _next_month(first_day)).subquery()
    orders = {row.currency_code: row for row in context.session.execute(_totals(per_order))}
    sums: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for row in context.session.execute(_sums(tables, instance_id, first_day, _next_month(first_day))):
        sums[row.currency_code][row.status] = amount(row.total)
    differing: defaultdict[str, list[Differing]] = defaultdict(list)
    for row in context.session.execute(_differing(per_order)):
        differing[row.currency_code].append(
            Differing(row.order_id, amount(row.order_total), amount(row.invoiced)),
        )
    return [_made(code, orders.get(code), sums[code], differing[code]) for code in sorted({*orders, *sums})]


def _made(code: str, row: Row[Any] | None, sums: Mapping[str, Decimal], differing: Sequence[Differing]) -> TieOut:
    by_status: dict[str, Decimal] = {status: sums.get(status, amount(0)) for status in STATUSES}
    count, total = (0, amount(0)) if row is None else (row.number, amount(row.total))
    return TieOut(code, count, total, by_status, differing)


def _next_month(first_day: date) -> date:
    return date(first_day.year + first_day.month // 12, first_day.month % 12 + 1, 1)


def _invoiced(tables: Tables, instance_id: int, begin: date, end: date) -> Subquery:
    """The orders whose first invoice is of a day in the month, and its currency."""
    table = tables.accounting_documents
    return (
        select(table.c.bigcommerce_order_id.label("order_id"), table.c.currency_code)
        .where(
            table.c.instance_id == instance_id,
            table.c.kind == INVOICE,
            table.c.date >= begin,
            table.c.date < end,
            table.c.adjusts_number.is_(None),
        )
        .subquery()
    )


def _sums(tables: Tables, instance_id: int, begin: date, end: date) -> Select[Any]:
    """What their invoices and the later adjustments of these add up to, by currency and status."""
    table, invoiced = tables.accounting_documents, _invoiced(tables, instance_id, begin, end)
    return (
        select(invoiced.c.currency_code, table.c.status, func.sum(table.c.total).label("total"))
        .select_from(invoiced.join(table, table.c.bigcommerce_order_id == invoiced.c.order_id))
        .where(table.c.instance_id == instance_id, table.c.kind == INVOICE)
        .group_by(invoiced.c.currency_code, table.c.status)
    )


def _per_order(tables: Tables, instance_id: int, begin: date, end: date) -> Select[Any]:
    """Each of them with its total and that of its invoices; one whose cancellation is in its documents counts as 0."""
    table, invoiced, orders = (
        tables.accounting_documents,
        _invoiced(tables, instance_id, begin, end),
        tables.orders,
    )
    is_reversed = func.max(case((table.c.reasons.like(f"%{_CANCELLED}%"), 1), else_=0))
    counts = case((and_(is_reversed == 1, func.max(case((orders.c.is_sale, 1), else_=0)) == 0), 0), else_=1)
    return (
        select(
            invoiced.c.order_id,
            invoiced.c.currency_code,
            (func.max(orders.c.total_inc_tax) * counts).label("order_total"),
            func.sum(table.c.total).label("invoiced"),
        )
        .select_from(
            invoiced.join(
                orders,
                and_(orders.c.instance_id == instance_id, orders.c.bigcommerce_id == invoiced.c.order_id),
            ).join(table, and_(table.c.instance_id == instance_id, table.c.bigcommerce_order_id == invoiced.c.order_id))
        )
        .where(table.c.kind == INVOICE)
        .group_by(invoiced.c.order_id, invoiced.c.currency_code)
    )


def _totals(per_order: Subquery) -> Select[Any]:
    code = per_order.c.currency_code
    return select(code, func.count().label("number"), func.sum(per_order.c.order_total).label("total")).group_by(code)


def _differing(per_order: Subquery) -> Select[Any]:
    """By more than SQLite's floating point numbers are off."""
    gap = func.abs(per_order.c.order_total - per_order.c.invoiced)
    return select(per_order).where(gap > 0.00005).order_by(per_order.c.order_id).limit(MOST_DIFFERING)
