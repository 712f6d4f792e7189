"""Why a refund is not here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from ...models.types import when_text
from ...resources.refunds import REFUNDS
from ...store_check.lookup import StoreAnswer, look_up
from ..context import RequestContext
from .books import of_refund
from .facts import Noted, Refreshing, Rejected, from_store, noted, refreshing_of, rejected_record, rows_of
from .reasons import Explanation, Reason, ReasonCode, rejection, store_reasons, unreadable, unseen


@dataclass(frozen=True)
class RefundFacts:
    """What is stored about a refund; ``row`` has its columns, None if it is not here.

    ``declined`` tells of each of its payments whether it was declined; ``has_order`` whether its order is here.
    ``books`` says where the documents about it for the host's books stand, to who may see them.
    """

    start_date: date
    refreshing: Refreshing
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    declined: Sequence[bool] = ()
    has_order: bool = True
    books: Sequence[Reason] = ()
    rejected: Rejected | None = None
    store: StoreAnswer | None = None


def explain(context: RequestContext, refund_id: int, *, ask_store: bool) -> list[Explanation]:
    """About the refund with this BigCommerce id; ``ask_store`` queries the store too, with no transaction open."""
    context.require(REFUNDS.permission)
    facts = refund_facts(context, refund_id)
    if ask_store:
        facts = replace(facts, store=from_store(context, look_up, REFUNDS, refund_id))
    return [Explanation(refund_id, explain_refund(facts))]


def explain_refund(facts: RefundFacts) -> list[Reason]:
    """Why the refund is not here, or what is special about it if it is; the surest first."""
    return list(_of_stored(facts, facts.row) if facts.row is not None else _of_missing(facts))


def _of_stored(facts: RefundFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    read_at = when_text(row["observed_at"])
    order_id = row["bigcommerce_order_id"]
    yield Reason(
        ReasonCode.HERE,
        f"The refund is here. It was read from the store on {read_at} and belongs to order {order_id}.",
    )
    if row["deleted_at"] is not None:
        yield Reason(ReasonCode.GONE, f"The store no longer had it on {when_text(row['deleted_at'])}.")
    if not facts.has_order:
        yield Reason(
            ReasonCode.ORDER_NOT_HERE,
            f"Its order {order_id} is not here: it may be older than your first day. Ask why about the order.",
        )
    if facts.declined and all(facts.declined):
        yield Reason(ReasonCode.DECLINED, "All its payments were declined, so nothing was given back by it.")
    elif any(facts.declined):
        count = sum(facts.declined)
        yield Reason(ReasonCode.DECLINED, f"{count} of its {len(facts.declined)} payments were declined.")
    yield from facts.books
    yield from unreadable(facts.noted)


def _of_missing(facts: RefundFacts) -> Iterator[Reason]:
    if facts.rejected is not None:
        yield rejection(facts.rejected)
    yield from store_reasons(facts.store, facts.start_date, "refund", ", made")
    if facts.store is None or facts.store.is_there is not False:
        yield from unseen(facts.refreshing, "refund")


def refund_facts(context: RequestContext, refund_id: int) -> RefundFacts:
    """About the refund with this BigCommerce id."""
    tables, instance = context.state.tables, context.instance
    refunds, payments, orders = tables.refunds, tables.refund_payments, tables.orders
    rows = rows_of(context, refunds, refunds.c.instance_id == instance.id, refunds.c.bigcommerce_id == refund_id)
    declined: Sequence[bool] = ()
    has_order = True
    if rows:
        theirs = (payments.c.instance_id == instance.id, payments.c.bigcommerce_refund_id == refund_id)
        its_order = orders.c.bigcommerce_id == rows[0]["bigcommerce_order_id"]
        found = select(orders.c.id).where(orders.c.instance_id == instance.id, its_order)
        declined = [bool(each) for each in context.session.scalars(select(payments.c.is_declined).where(*theirs))]
        has_order = context.session.scalar(found) is not None
    return RefundFacts(
        start_date=instance.start_date,
        refreshing=refreshing_of(context, REFUNDS.name),
        row=rows[0] if rows else None,
        noted=noted("the refund", rows),
        declined=declined,
        has_order=has_order,
        books=list(of_refund(context, rows[0])) if rows else (),
        rejected=rejected_record(context, REFUNDS.name, refund_id),
    )
