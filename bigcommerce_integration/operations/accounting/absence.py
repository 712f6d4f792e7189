"""Why an order has no document: the question of somebody who looks for it in the books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row, select

from ...accounting.basis.due import day_of, is_done
from ...accounting.document import INVOICE
from ...books.ledger import zone_of
from ...models.types import day_text
from ...resources.orders import STATUS_NAMES, STATUSES
from ..context import RequestContext


def why_no_document(context: RequestContext, order: Mapping[str, Any]) -> str:
    """Why this stored order (its row, by column) has no document, in a sentence; of a host that has books."""
    ledger = _ledger(context)
    if ledger is None:
        return "It is not in your books: no documents were made for this store yet. A worker makes them."
    return _not_due(order) or _too_early(context, ledger, order) or _not_made(ledger, order)


def _not_due(order: Mapping[str, Any]) -> str | None:
    if order["is_deleted"] or order["deleted_at"] is not None:
        return "It is not in your books: the store has archived it, or has it no longer, and it had no invoice before."
    status = _status(order["status_id"])
    if not order["is_sale"]:
        return f"It is not in your books, as it is no sale: its status is {status}."
    if not is_done(order["status_id"], has_date_shipped=order["date_shipped"] is not None):
        return (
            f"It is not in your books yet: an invoice is made once it is Shipped or Completed. Its status is {status}."
        )
    return None


def _too_early(context: RequestContext, ledger: Row[Any], order: Mapping[str, Any]) -> str | None:
    start, day = _start(context, ledger), _day(context, order)
    if day is None or day >= start:
        return None
    return (
        f"It is not in your books on purpose: it was shipped {day_text(day)}, and documents are made from "
        f"{day_text(start)} on."
    )


def _not_made(ledger: Row[Any], order: Mapping[str, Any]) -> str:
    if order["change_number"] > ledger.orders_read:
        return "It is not in your books yet: its documents are made when a worker has time."
    return "It has no document: there is no amount in it, or its fees have yet to be read from the store."


def _ledger(context: RequestContext) -> Row[Any] | None:
    table = context.state.tables.accounting
    mine = table.c.instance_id == context.instance.id
    row: Row[Any] | None = context.session.execute(select(table).where(mine)).one_or_none()
    return row


def _status(status_id: int | None) -> str:
    if status_id is None:
        return "not known"
    return STATUS_NAMES[status_id] if status_id in STATUSES else f"{status_id}, which has no name"


def _start(context: RequestContext, ledger: Row[Any]) -> date:
    """The first day of invoices: what the host says, or when the store was connected and accounting began."""
    ask = getattr(context.state.host, "accounting_start", None)
    said: date | None = ask(context.session, context.instance, INVOICE) if callable(ask) else None
    return said or max(day_of(context.instance.created_at, zone_of(context.instance)), ledger.started_on)


def _day(context: RequestContext, order: Mapping[str, Any]) -> date | None:
    moment = order["date_shipped"] or order["date_modified"]
    return None if moment is None else day_of(moment, zone_of(context.instance))
