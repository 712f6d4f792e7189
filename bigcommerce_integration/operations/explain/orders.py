"""Why an order is not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from ...models.types import moment_text
from ...resources.columns import notes_of
from ...store_check.lookup import StoreAnswer, look_up_order
from ..context import RequestContext
from ..instances.verification import store_of
from ..transactions import end_transaction
from .facts import noted, refreshing_of, rejected_record, rows_of
from .reasons import (
    Explanation,
    Noted,
    Reason,
    ReasonCode,
    Refreshing,
    Rejected,
    rejection,
    store_reasons,
    unreadable,
    unseen,
)

NOTED_LINES = 20


@dataclass(frozen=True)
class OrderFacts:
    """What is stored about an order; ``row`` has its columns, None if it is not here.

    ``noted`` are the order and its lines, as far as they have notes.
    """

    order_id: int
    start_date: date
    refreshing: Refreshing
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    rejected: Rejected | None = None
    lowest_id: int | None = None
    store: StoreAnswer | None = None


def explain(context: RequestContext, order_id: int, *, ask_store: bool) -> list[Explanation]:
    """About the order with this BigCommerce id; ``ask_store`` queries the store too, with no transaction open."""
    context.require("read_orders")
    facts = order_facts(context, order_id)
    if ask_store:
        end_transaction(context.session)
        state = context.state
        store = look_up_order(state.config, state.cipher, store_of(context.instance), order_id)
        facts = replace(facts, store=store)
    return [Explanation(order_id, explain_order(facts))]


def explain_order(facts: OrderFacts) -> list[Reason]:
    """Why the order is not here, or what is special about it if it is; the surest first."""
    return list(_of_stored_order(facts.row, facts.noted) if facts.row is not None else _of_missing_order(facts))


def _of_stored_order(row: Mapping[str, Any], noted: Sequence[Noted]) -> Iterator[Reason]:
    yield Reason(ReasonCode.HERE, "The order is here.")
    if row["deleted_at"] is not None:
        yield Reason(ReasonCode.GONE, f"The store no longer had it on {moment_text(row['deleted_at'])}.")
    if row["is_deleted"]:
        yield Reason(ReasonCode.ARCHIVED, "The store has archived it, so it does not count as a sale.")
    elif not row["is_sale"]:
        status_id = row["status_id"]
        yield Reason(
            ReasonCode.NO_SALE,
            "Its status is not known." if status_id is None else f"Its status, {status_id}, is none of a sale.",
        )
    yield from unreadable(noted)


def _of_missing_order(facts: OrderFacts) -> Iterator[Reason]:
    if facts.rejected is not None:
        yield rejection(facts.rejected)
    elif facts.lowest_id is not None and facts.order_id < facts.lowest_id and _is_silent(facts.store):
        yield Reason(
            ReasonCode.PERHAPS_BEFORE_START_DATE,
            f"Its id is lower than that of every order here, {facts.lowest_id} being the lowest: it is likely older "
            f"than the start date, {facts.start_date.isoformat()}. ask_store=true asks the store.",
        )
    yield from store_reasons(facts.store, facts.start_date, "order", "was created")
    yield from unseen(facts.refreshing, "order")


def _is_silent(store: StoreAnswer | None) -> bool:
    return store is None or store.problem is not None


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
