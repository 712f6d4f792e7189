"""Which documents a person wants, and one of them with its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Row, Select, func, select

from ...accounting.document import Document, Line
from ...accounting.postings import AccountingMemo
from ...accounting.version import version
from ...books.stored import ReadKey, document_of, key_reader
from ...errors import NotFound
from ...host.port import AccountingHost
from ..context import Caller, RequestContext
from ..lists.filters import by_value
from ..lists.paging import Condition, Wanted
from .reasons import why_of_document

SHOWN = (
    "number",
    "kind",
    "status",
    "reasons",
    "date",
    "currency_code",
    "bigcommerce_order_id",
    "bigcommerce_refund_id",
    "return_reference",
    "adjusts_number",
    "payment_reference",
    "customer_id",
    "external_order_id",
    "store_default_currency_code",
    "store_default_to_transactional_exchange_rate",
    "total",
    "batch_number",
    "host_reference",
    "posted_at",
    "message",
    "change_number",
)
"""The columns that a list shows."""
MOST_OF_AN_ORDER = 200
"""How many documents of one order are shown."""
_ORDER = "bigcommerce_order_id"


@dataclass(frozen=True)
class DocumentView:
    """A document with its columns (``row``) and its lines, and the row of its batch if it is in one."""

    row: Row[Any]
    document: Document
    batch: Row[Any] | None = None
    # What is known of its order's other documents: their rows, this one's among them.
    of_order: Sequence[Row[Any]] = field(default=())

    @property
    def lines(self) -> Sequence[Line]:
        """Its lines, as they are stored."""
        return self.document.lines

    @property
    def memo_lines(self) -> Sequence[AccountingMemo]:
        """Its memo lines."""
        return self.document.memo_lines

    @property
    def version(self) -> str:
        """What an ETag is made of: it is another once anything has changed that a person judges."""
        return version(self.document)

    @property
    def why(self) -> str:
        """Where it stands, and why."""
        return why_of_document(self.row, self.batch)


def takes_accounting(caller: Caller) -> bool:
    """Whether the host takes accounting documents: without that none are made."""
    return isinstance(caller.state.host, AccountingHost)


def shown_columns(caller: Caller) -> list[Column[Any]]:
    """The columns that a list shows."""
    table = caller.state.tables.accounting_documents
    return [table.c[name] for name in SHOWN]


def read_key_of(caller: Caller) -> ReadKey:
    """What makes a key of the host of what the lines hold."""
    return key_reader(caller.session, caller.state.tables)


def wanted(context: RequestContext, query: Mapping[str, Any], *, is_descending: bool = False) -> Wanted:
    """By number; found by what is likely to be rarest: the order, the batches of a period, the status."""
    table = context.state.tables.accounting_documents
    mine = table.c.instance_id == context.instance.id
    stretch: list[Condition] = [mine]
    index: tuple[str, ...] = ("instance_id", "number")
    also = by_value(table.c.kind, query, "kind")
    status = by_value(table.c.status, query, "status")
    period = [table.c.batch_number.in_(_batches(context, query))] if "batch_period" in query else []
    if _ORDER in query:
        stretch, index = [mine, *by_value(table.c[_ORDER], query, _ORDER)], ("instance_id", _ORDER)
        also += [*period, *status]
    elif period:
        stretch, index, also = [mine, *period], ("instance_id", "batch_number"), also + status
    elif status:
        stretch, index = [mine, *status], ("instance_id", "status", "number")
    return Wanted(table, stretch, [table.c.number], index, also, is_descending=is_descending)


def _batches(context: RequestContext, query: Mapping[str, Any]) -> Sequence[int]:
    """The numbers of the batches of a period: a few, one for each kind and currency."""
    table = context.state.tables.accounting_batches
    mine: list[Condition] = [table.c.instance_id == context.instance.id]
    mine += [*by_value(table.c.batch_period, query, "batch_period"), *by_value(table.c.kind, query, "kind")]
    return context.session.scalars(select(table.c.number).where(*mine)).all()


def find_document(context: RequestContext, number: int, *, with_order: bool = False) -> DocumentView:
    """The document of this number; ``with_order``: the rows of the other documents of its order too. ``NotFound``."""
    table = context.state.tables.accounting_documents
    mine = table.c.instance_id == context.instance.id
    row = context.session.execute(select(table).where(mine, table.c.number == number)).one_or_none()
    if row is None:
        raise NotFound("There is no such accounting document of this BigCommerce integration instance.")
    others = documents_of_order(context, row.bigcommerce_order_id) if with_order else ()
    return DocumentView(row, document_of(row, read_key_of(context)), _batch_of(context, row), others)


def documents_of_order(context: RequestContext, order_id: int) -> Sequence[Row[Any]]:
    """What the list shows of the documents of an order, by number, and why each is where it is (see ``why_of``)."""
    return context.session.execute(_of_order(context, order_id)).all()


def documents_of_refunds(context: RequestContext, order_ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """What the list shows of the documents of refunds of these orders: by refund, by number."""
    table = context.state.tables.accounting_documents
    theirs = (table.c.instance_id == context.instance.id, table.c[_ORDER].in_(list(order_ids)))
    statement = select(*shown_columns(context)).where(*theirs, table.c.bigcommerce_refund_id.is_not(None))
    found: dict[int, list[Row[Any]]] = {}
    for row in context.session.execute(statement.order_by(table.c.number)):
        found.setdefault(row.bigcommerce_refund_id, []).append(row)
    return found


def why_of(context: RequestContext, rows: Iterable[Row[Any]]) -> list[str]:
    """Where each of these documents stands, and why, in sentences."""
    rows = list(rows)
    batches = _batches_of(context, {row.batch_number for row in rows if row.batch_number is not None})
    return [why_of_document(row, batches.get(row.batch_number)) for row in rows]


def _of_order(context: RequestContext, order_id: int) -> Select[Any]:
    table = context.state.tables.accounting_documents
    mine = (table.c.instance_id == context.instance.id, table.c[_ORDER] == order_id)
    columns = [*shown_columns(context), table.c.tries, table.c.next_try_at]
    return select(*columns).where(*mine).order_by(table.c.number).limit(MOST_OF_AN_ORDER)


def _batch_of(context: RequestContext, row: Row[Any]) -> Row[Any] | None:
    if row.batch_number is None:
        return None
    table = context.state.tables.accounting_batches
    mine = (table.c.instance_id == context.instance.id, table.c.number == row.batch_number)
    return context.session.execute(select(table).where(*mine)).one_or_none()


def _batches_of(context: RequestContext, numbers: set[int]) -> dict[int, Row[Any]]:
    if not numbers:
        return {}
    table = context.state.tables.accounting_batches
    mine = (table.c.instance_id == context.instance.id, table.c.number.in_(numbers))
    return {row.number: row for row in context.session.execute(select(table).where(*mine))}


def is_read(context: RequestContext) -> bool | None:
    """Whether documents were made of all that is stored of orders; None before accounting first ran."""
    tables, instance_id = context.state.tables, context.instance.id
    read = select(tables.accounting.c.orders_read).where(tables.accounting.c.instance_id == instance_id)
    orders = tables.orders
    newest = select(func.max(orders.c.change_number)).where(orders.c.instance_id == instance_id)
    done = context.session.scalar(read)
    return None if done is None else done >= (context.session.scalar(newest) or 0)
