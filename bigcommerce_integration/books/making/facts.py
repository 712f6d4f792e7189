"""What documents are made of, from stored rows: a few bulk statements for many orders."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Row, Select, Table, select

from ...accounting.facts import GoodsReturn, Order, OrderLine, Refund, RefundItem, RefundPayment, Taxed
from ...errors import BadRecord
from ...models import Tables
from ...models.dialect import in_chunks
from ...resources.columns import CODE_LENGTH
from ...resources.orders import has_fees
from ...resources.refunds import REFUNDS
from ...resources.values import money, storable
from ..host.methods import HostMethods
from ..ledger import Ledger

_NOTHING = Decimal()


@dataclass(frozen=True)
class Facts:
    """All that is stored about one order. ``read_at`` is when the newest of it was read, naive UTC.

    ``lacks_fees``: its payload does not say whether it has any.
    """

    order: Order
    refunds: Sequence[Refund]
    returns: Sequence[GoodsReturn]
    read_at: datetime
    change_number: int
    lacks_fees: bool


def facts_of(ledger: Ledger, host: HostMethods | None, order_ids: Sequence[int]) -> list[Facts]:
    """Of those of these orders that are stored, by their ids. ``host`` is asked for reasons to hold them, if given."""
    if not order_ids:
        return []
    tables = ledger.tables
    orders = sorted(_rows(ledger, tables.orders, tables.orders.c.bigcommerce_id, order_ids), key=_id)
    lines = _by_order(_lines(ledger, order_ids))
    refunds = _refunds(ledger, order_ids)
    returns = _returns(ledger, order_ids)
    return [_facts(row, lines[row.bigcommerce_id], refunds[row.bigcommerce_id], returns, host) for row in orders]


def _id(row: Row[Any]) -> int:
    return int(row.bigcommerce_id)


def _rows(ledger: Ledger, table: Table, key: Column[Any], values: Sequence[Any]) -> Iterator[Row[Any]]:
    return _in(ledger, select(table).where(table.c.instance_id == ledger.instance.id), key, values)


def _in(ledger: Ledger, statement: Select[Any], key: Column[Any], values: Sequence[Any]) -> Iterator[Row[Any]]:
    for condition in in_chunks(ledger.session, key, values):
        # All at once: row by row costs as much again.
        yield from ledger.session.execute(statement.where(condition)).all()


# -- orders --------------------------------------------------------------------------------------------------------


def _facts(
    row: Row[Any],
    lines: Sequence[Row[Any]],
    refunds: Sequence[tuple[Refund, datetime]],
    returns: Mapping[int, list[GoodsReturn]],
    host: HostMethods | None,
) -> Facts:
    payload = _payload(row.payload)
    is_asked = row.is_sale and host is not None and host.may_hold
    hold = host.hold(dict(row._mapping)) if is_asked and host is not None else None
    return Facts(
        order=_order(row, payload, tuple(map(_line, lines)), hold),
        refunds=[refund for refund, _ in refunds],
        returns=returns.get(row.bigcommerce_id, []),
        read_at=max([row.observed_at, *(read_at for _, read_at in refunds)]),
        change_number=row.change_number,
        lacks_fees=not has_fees(payload),
    )


def _payload(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        # What was erased of a text that could not be read.
        return {}
    return found if isinstance(found, dict) else {}


def _order(row: Row[Any], payload: Mapping[str, Any], lines: tuple[OrderLine, ...], hold: str | None) -> Order:
    return Order(
        id=row.bigcommerce_id,
        status_id=row.status_id,
        is_sale=row.is_sale,
        is_gone=row.is_deleted or row.deleted_at is not None,
        customer_id=row.customer_id,
        external_order_id=row.external_order_id,
        payment_method=_code(payload.get("payment_method")),
        payment_provider_id=_code(payload.get("payment_provider_id")),
        currency_code=row.default_currency_code,
        store_default_currency_code=row.store_default_currency_code,
        exchange_rate=row.store_default_to_transactional_exchange_rate,
        is_tax_inclusive_pricing=bool(row.is_tax_inclusive_pricing),
        total=_taxed(row.total_ex_tax, row.total_inc_tax, row.total_tax),
        subtotal=_taxed(row.subtotal_ex_tax, row.subtotal_inc_tax, row.subtotal_tax),
        shipping=_taxed(row.shipping_cost_ex_tax, row.shipping_cost_inc_tax, row.shipping_cost_tax),
        handling=_taxed(row.handling_cost_ex_tax, row.handling_cost_inc_tax, row.handling_cost_tax),
        wrapping=_taxed(row.wrapping_cost_ex_tax, row.wrapping_cost_inc_tax, row.wrapping_cost_tax),
        fees=fees_of(payload["fees"] if has_fees(payload) else ()),
        discount_amount=row.discount_amount or _NOTHING,
        coupon_discount=row.coupon_discount or _NOTHING,
        store_credit_amount=row.store_credit_amount or _NOTHING,
        gift_certificate_amount=row.gift_certificate_amount or _NOTHING,
        date_created=row.date_created,
        date_modified=row.date_modified,
        date_shipped=row.date_shipped,
        lines=lines,
        host_hold=hold,
    )


def _taxed(ex_tax: Decimal | None, inc_tax: Decimal | None, tax: Decimal | None) -> Taxed:
    return Taxed(ex_tax or _NOTHING, inc_tax or _NOTHING, tax or _NOTHING)


def _code(value: object) -> str | None:
    """Text that a column for codes holds; None for a blank one, and for what is no text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return storable(value.strip())[:CODE_LENGTH] or None if isinstance(value, str) else None


def fees_of(fees: Iterable[object]) -> Taxed:
    """The sum of an order's fees; of the three amounts of a fee the one that is missing follows from the others.

    The example of BigCommerce's own description spells one of them ``cost_exc_tax`` (orders.v2.oas2.yml).
    """
    ex_tax = inc_tax = tax = _NOTHING
    for fee in fees:
        if isinstance(fee, dict):
            with_tax, its_tax = _amount(fee, "cost_inc_tax"), _amount(fee, "cost_tax")
            without = _amount(fee, "cost_ex_tax")
            if without is None:
                without = _amount(fee, "cost_exc_tax")
            if with_tax is None:
                with_tax = (without or _NOTHING) + (its_tax or _NOTHING)
            if without is None:
                without = with_tax - (its_tax or _NOTHING)
            ex_tax, inc_tax = ex_tax + without, inc_tax + with_tax
            tax += with_tax - without if its_tax is None else its_tax
    return Taxed(ex_tax, inc_tax, tax)


def _amount(fee: Mapping[str, Any], name: str) -> Decimal | None:
    try:
        return money(fee.get(name), name)
    except BadRecord:
        # The sum of the order then does not add up, and a person looks at it.
        return None


# -- lines ---------------------------------------------------------------------------------------------------------


def _lines(ledger: Ledger, order_ids: Sequence[int]) -> Iterator[Row[Any]]:
    """The orders' lines with what their variants are linked to."""
    lines, variants = ledger.tables.order_lines, ledger.tables.variants
    names = ("bigcommerce_order_id", "bigcommerce_id", "parent_order_product_id", "type", "quantity")
    more = ("quantity_shipped", "quantity_refunded", "total_ex_tax", "total_inc_tax", "total_tax")
    last = ("discounted_total_inc_tax", "cost_price_ex_tax")
    columns = [lines.c[name] for name in (*names, *more, *last)]
    linked = lines.outerjoin(
        variants,
        (variants.c.instance_id == lines.c.instance_id) & (variants.c.bigcommerce_id == lines.c.bigcommerce_variant_id),
    )
    statement = (
        select(*columns, variants.c.host_product_id)
        .select_from(linked)
        .where(lines.c.instance_id == ledger.instance.id, lines.c.deleted_at.is_(None))
    )
    return _in(ledger, statement, lines.c.bigcommerce_order_id, order_ids)


def _by_order(rows: Iterable[Row[Any]]) -> Mapping[int, list[Row[Any]]]:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in sorted(rows, key=_id):
        found[row.bigcommerce_order_id].append(row)
    return found


def _line(row: Row[Any]) -> OrderLine:
    total = _taxed(row.total_ex_tax, row.total_inc_tax, row.total_tax)
    discounted = row.discounted_total_inc_tax
    return OrderLine(
        id=row.bigcommerce_id,
        # 0 is none.
        parent_id=row.parent_order_product_id or None,
        type=row.type,
        host_product_id=row.host_product_id,
        quantity=row.quantity or 0,
        quantity_shipped=row.quantity_shipped or 0,
        quantity_refunded=row.quantity_refunded or 0,
        total=total,
        discounted_total_inc_tax=total.inc_tax if discounted is None else discounted,
        cost_price_ex_tax=row.cost_price_ex_tax,
    )


# -- refunds and returns -------------------------------------------------------------------------------------------


def _refunds(ledger: Ledger, order_ids: Sequence[int]) -> Mapping[int, list[tuple[Refund, datetime]]]:
    """The refunds of each order, with when they were read; none where the app does not mirror them."""
    found: defaultdict[int, list[tuple[Refund, datetime]]] = defaultdict(list)
    tables = refund_tables(ledger.tables)
    if tables is None:
        return found
    table, items, payments = tables
    rows = sorted(_rows(ledger, table, table.c.bigcommerce_order_id, order_ids), key=_id)
    its_items = _within(ledger, items, rows)
    its_payments = _within(ledger, payments, rows)
    for row in rows:
        refund = Refund(
            id=row.bigcommerce_id,
            created=row.date_created or row.observed_at,
            total_amount=row.total_amount or _NOTHING,
            total_tax=row.total_tax or _NOTHING,
            items=tuple(map(_item, its_items[row.bigcommerce_id])),
            payments=tuple(map(_payment, its_payments[row.bigcommerce_id])),
        )
        found[row.bigcommerce_order_id].append((refund, row.observed_at))
    return found


def refund_tables(tables: Tables) -> tuple[Table, Table, Table] | None:
    """The tables of refunds, their items and their payments; None where the app does not mirror them."""
    if REFUNDS.name not in tables.mirror:
        return None
    return tables.refunds, tables.refund_items, tables.refund_payments


def _within(ledger: Ledger, table: Table, refunds: Sequence[Row[Any]]) -> Mapping[int, list[Row[Any]]]:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    ids = [_id(row) for row in refunds]
    for row in sorted(_rows(ledger, table, table.c.bigcommerce_refund_id, ids), key=lambda row: row.position):
        if row.deleted_at is None:
            found[row.bigcommerce_refund_id].append(row)
    return found


def _item(row: Row[Any]) -> RefundItem:
    return RefundItem(row.item_type, row.item_id, row.quantity, row.requested_amount)


def _payment(row: Row[Any]) -> RefundPayment:
    return RefundPayment(row.provider_id, row.amount or _NOTHING, bool(row.is_declined))


def _returns(ledger: Ledger, order_ids: Sequence[int]) -> Mapping[int, list[GoodsReturn]]:
    found: defaultdict[int, list[GoodsReturn]] = defaultdict(list)
    table = ledger.tables.returns
    for row in sorted(_rows(ledger, table, table.c.bigcommerce_order_id, order_ids), key=lambda row: row.id):
        quantities = {int(line_id): quantity for line_id, quantity in json.loads(row.quantities).items()}
        found[row.bigcommerce_order_id].append(GoodsReturn(row.reference, row.received_at, quantities))
    return found
