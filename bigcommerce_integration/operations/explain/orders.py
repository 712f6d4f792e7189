"""Why an order is not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from ...models.types import day_text, when_text
from ...resources.columns import notes_of
from ...resources.orders import ORDERS, STATUS_NAMES, STATUSES
from ...store_check.lookup import StoreAnswer, look_up
from ..context import RequestContext
from .books import of_order
from .facts import (
    MODES,
    Noted,
    Refreshed,
    Refreshing,
    Rejected,
    from_store,
    noted,
    refresh_at,
    refreshing_of,
    rejected_record,
    rows_of,
)
from .host_words import host_link, host_word
from .reasons import Explanation, Reason, ReasonCode, rejection, store_reasons, unreadable, unseen

NOTED_LINES = 20


@dataclass(frozen=True)
class OrderFacts:
    """What is stored about an order; ``row`` has its columns, None if it is not here.

    ``noted`` are the order and its lines, as far as they have notes. ``written_by`` is the refresh that stored what is
    there now, if it is known; ``host_says`` and ``host_link`` are the host's own word and page.
    ``books`` says where its documents for the host's books stand, to who may see them.
    """

    order_id: int
    start_date: date
    refreshing: Refreshing
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    rejected: Rejected | None = None
    lowest_id: int | None = None
    store: StoreAnswer | None = None
    written_by: Refreshed | None = None
    host_says: str | None = None
    host_link: str | None = None
    books: Sequence[Reason] = ()


def explain(context: RequestContext, order_id: int, *, ask_store: bool) -> list[Explanation]:
    """About the order with this BigCommerce id; ``ask_store`` queries the store too, with no transaction open."""
    context.require("read_orders")
    facts = order_facts(context, order_id)
    if ask_store:
        facts = replace(facts, store=from_store(context, look_up, ORDERS, order_id))
    return [Explanation(order_id, explain_order(facts))]


def explain_order(facts: OrderFacts) -> list[Reason]:
    """Why the order is not here, or what is special about it if it is; the surest first."""
    return list(_of_stored_order(facts, facts.row) if facts.row is not None else _of_missing_order(facts))


def _of_stored_order(facts: OrderFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    by, writer = "", facts.written_by
    if writer is not None:
        by = f" by refresh {writer.id} ({MODES.get(writer.mode, writer.mode)})"
    yield Reason(
        ReasonCode.HERE,
        f"The order is here. It was read from the store on {when_text(row['observed_at'])}{by} and passed on to your "
        f"system. Its status is {_status(row)}.",
        link=facts.host_link,
    )
    if facts.rejected is not None and facts.rejected.is_newer_than(row["observed_at"]):
        yield rejection(facts.rejected, has_older=True)
    if facts.host_says is not None:
        yield Reason(ReasonCode.HOST_SAYS, facts.host_says)
    if row["deleted_at"] is not None:
        yield Reason(ReasonCode.GONE, f"The store no longer had it on {when_text(row['deleted_at'])}.")
    if row["is_deleted"]:
        yield Reason(ReasonCode.ARCHIVED, "The store has archived it, so it does not count as a sale.")
    elif not row["is_sale"]:
        yield Reason(ReasonCode.NO_SALE, f"Its status is {_status(row)}, so it does not count as a sale.")
    yield from facts.books
    yield from unreadable(facts.noted)


def _status(row: Mapping[str, Any]) -> str:
    status_id = row["status_id"]
    if status_id is None:
        return "not known"
    return STATUS_NAMES[status_id] if status_id in STATUSES else f"{status_id}, which has no name"


def _of_missing_order(facts: OrderFacts) -> Iterator[Reason]:
    has_answered = facts.store is not None and facts.store.problem is None
    if facts.rejected is not None:
        yield rejection(facts.rejected)
    elif facts.lowest_id is not None and facts.order_id < facts.lowest_id and not has_answered:
        yield Reason(
            ReasonCode.PERHAPS_BEFORE_START_DATE,
            f"Its number is lower than that of every order here ({facts.lowest_id} is the lowest), so it was likely "
            f"placed before your first day {day_text(facts.start_date)}. The store can be asked.",
        )
    yield from store_reasons(facts.store, facts.start_date, "order", ", placed")
    if facts.store is None or facts.store.is_there is not False:
        yield from unseen(facts.refreshing, "order")


def order_facts(context: RequestContext, order_id: int) -> OrderFacts:
    """About the order with this BigCommerce id."""
    orders = context.state.tables.orders
    mine = orders.c.instance_id == context.instance.id
    rows = rows_of(context, orders, mine, orders.c.bigcommerce_id == order_id)
    lowest = select(orders.c.bigcommerce_id).where(mine).order_by(orders.c.bigcommerce_id).limit(1)
    return OrderFacts(
        order_id=order_id,
        start_date=context.instance.start_date,
        refreshing=refreshing_of(context, "orders"),
        row=rows[0] if rows else None,
        written_by=refresh_at(context, "orders", rows[0]["observed_at"]) if rows else None,
        host_says=host_word(context, order_id) if rows else None,
        host_link=host_link(context, "order", order_id) if rows else None,
        books=list(of_order(context, rows[0])) if rows else (),
        noted=[*noted("the order", rows), *_noted_lines(context, order_id)] if rows else (),
        rejected=rejected_record(context, "orders", order_id),
        lowest_id=context.session.scalar(lowest),
    )


def _noted_lines(context: RequestContext, order_id: int) -> list[Noted]:
    """The order's lines that have notes, the first of them."""
    table = context.state.tables.order_lines
    mine = (table.c.instance_id == context.instance.id, table.c.bigcommerce_order_id == order_id)
    statement = select(table.c.bigcommerce_id, table.c.notes).where(*mine, table.c.notes.is_not(None))
    rows = context.session.execute(statement.order_by(table.c.bigcommerce_id).limit(NOTED_LINES))
    return [Noted(f"its line {row.bigcommerce_id}", notes_of(row.notes)) for row in rows]
