"""What documents are made of, from stored rows: a few bulk statements for many orders."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from sqlalchemy import Column, ColumnElement, Row, Table, select

from ...accounting.facts import GoodsReturn, Order, OrderLine, Refund, RefundItem, RefundPayment, Taxed
from ...errors import BadRecord
from ...models import Tables
from ...models.dialect.conditions import in_chunks
from ...resources.columns import CODE_LENGTH
from ...resources.orders import has_fees
from ...resources.refunds import REFUNDS
from ...resources.values import money, storable
from ..host.methods import HostMethods
from ..ledger import Ledger

_NOTHING = Decimal()
_NO_TAXED = Taxed(_NOTHING, _NOTHING, _NOTHING)


class Facts(Struct, frozen=True, gc=False):
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
    table = ledger.tables.orders
    may_hold = host is not None and host.may_hold
    # A host that may hold it sees the whole row.
    names = dict.fromkeys((*_OF_ORDERS, *(table.c.keys() if may_hold else ())))
    orders = sorted(_rows(ledger, table, table.c.bigcommerce_id, order_ids, names), key=itemgetter(0))
    lines = lines_of_orders(ledger, order_ids)
    refunds = _refunds(ledger, order_ids)
    returns = _returns(ledger, order_ids)
    found = []
    for row in orders:
        order_id = row[0]
        hold = host.hold(dict(row._mapping)) if host is not None and may_hold and row.is_sale else None
        found.append(_facts(row, lines.get(order_id, ()), refunds.get(order_id, ()), returns.get(order_id, ()), hold))
    return found


def _rows(
    ledger: Ledger,
    table: Table,
    key: Column[Any],
    values: Sequence[Any],
    names: Iterable[str],
    *which: ColumnElement[bool],
) -> list[Any]:
    """These columns of the rows whose ``key`` is one of ``values``."""
    statement = select(*(table.c[name] for name in names)).where(table.c.instance_id == ledger.instance.id, *which)
    found: list[Any] = []
    for condition in in_chunks(ledger.session, key, values):
        # All at once: row by row costs as much again.
        found += ledger.session.execute(statement.where(condition)).all()
    return found


# -- orders --------------------------------------------------------------------------------------------------------

_TAXED = ("total", "subtotal", "shipping_cost", "handling_cost", "wrapping_cost")
# In the order in which ``_facts`` takes them.
_OF_ORDERS = (
    *("bigcommerce_id", "status_id", "is_sale", "is_deleted", "deleted_at", "customer_id", "external_order_id"),
    *("default_currency_code", "store_default_currency_code", "store_default_to_transactional_exchange_rate"),
    *("is_tax_inclusive_pricing", "discount_amount", "coupon_discount", "store_credit_amount"),
    *("gift_certificate_amount", "date_created", "date_modified", "date_shipped"),
    *("payload", "observed_at", "change_number"),
    *(f"{name}_{tax}" for name in _TAXED for tax in ("ex_tax", "inc_tax", "tax")),
)


class _Payload(Struct):
    """What is read of an order's payload, which has no column."""

    payment_method: Any = None
    payment_provider_id: Any = None
    fees: Any = None


_PAYLOAD = Decoder(_Payload)


def _facts(
    row: Sequence[Any],
    lines: Sequence[OrderLine],
    refunds: Sequence[tuple[Refund, datetime]],
    returns: Sequence[GoodsReturn],
    hold: str | None,
) -> Facts:
    text, observed_at, change_number = row[18:21]
    payload = _payload(text)
    return Facts(
        order=_order(row, payload, tuple(lines), hold),
        refunds=[refund for refund, _ in refunds],
        returns=returns,
        read_at=max([observed_at, *(read_at for _, read_at in refunds)]),
        change_number=change_number,
        lacks_fees=not has_fees(payload.fees),
    )


def _order(row: Sequence[Any], payload: _Payload, lines: tuple[OrderLine, ...], hold: str | None) -> Order:
    """By the places of the columns, as many are slow to look up by their names."""
    order_id, status_id, is_sale, is_archived, deleted_at, customer_id, external_order_id = row[:7]
    currency_code, store_default_currency_code, exchange_rate, is_tax_inclusive_pricing = row[7:11]
    discounts, coupons, store_credit, gift_certificate, created, modified, shipped = row[11:18]
    total, subtotal, shipping, handling, wrapping = (_taxed(*row[at : at + 3]) for at in range(21, 36, 3))
    return Order(
        id=order_id,
        status_id=status_id,
        is_sale=is_sale,
        is_gone=is_archived or deleted_at is not None,
        customer_id=customer_id,
        external_order_id=external_order_id,
        payment_method=_code(payload.payment_method),
        payment_provider_id=_code(payload.payment_provider_id),
        currency_code=currency_code,
        store_default_currency_code=store_default_currency_code,
        exchange_rate=exchange_rate,
        is_tax_inclusive_pricing=bool(is_tax_inclusive_pricing),
        total=total,
        subtotal=subtotal,
        shipping=shipping,
        handling=handling,
        wrapping=wrapping,
        fees=fees_of(payload.fees) if has_fees(payload.fees) and payload.fees else _NO_TAXED,
        discount_amount=discounts or _NOTHING,
        coupon_discount=coupons or _NOTHING,
        store_credit_amount=store_credit or _NOTHING,
        gift_certificate_amount=gift_certificate or _NOTHING,
        date_created=created,
        date_modified=modified,
        date_shipped=shipped,
        lines=lines,
        host_hold=hold,
    )


def _payload(text: str) -> _Payload:
    try:
        return _PAYLOAD.decode(text)
    except DecodeError:
        # What Python alone reads, as NaN; or what was erased of a text that nobody can read.
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        given = found if isinstance(found, dict) else {}
        return _Payload(*(given.get(name) for name in _Payload.__struct_fields__))


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

_OF_LINES = (
    *("bigcommerce_order_id", "bigcommerce_variant_id", "bigcommerce_id", "parent_order_product_id", "type"),
    *("quantity", "quantity_shipped", "quantity_refunded", "total_ex_tax", "total_inc_tax", "total_tax"),
    *("discounted_total_inc_tax", "cost_price_ex_tax"),
)


def lines_of_orders(ledger: Ledger, order_ids: Sequence[int]) -> Mapping[int, list[OrderLine]]:
    """The lines of each order, by their ids, with what their variants are linked to."""
    table = ledger.tables.order_lines
    present = table.c.deleted_at.is_(None)
    rows = _rows(ledger, table, table.c.bigcommerce_order_id, order_ids, _OF_LINES, present)
    linked = _linked(ledger, {row[1] for row in rows} - {None})
    found: defaultdict[int, list[OrderLine]] = defaultdict(list)
    for order_id, variant_id, *values in sorted(rows, key=itemgetter(2)):
        found[order_id].append(_line(linked.get(variant_id), *values))
    return found


def _linked(ledger: Ledger, variant_ids: Iterable[int]) -> Mapping[int, Any]:
    """The host's product of each variant that has one.

    By a statement of its own: joined to the lines, it makes a database without statistics read all variants for each.
    """
    table = ledger.tables.variants
    ids = sorted(variant_ids)
    rows = _rows(ledger, table, table.c.bigcommerce_id, ids, ("bigcommerce_id", "host_product_id"))
    return {row[0]: row[1] for row in rows if row[1] is not None}


def _line(  # noqa: PLR0917 - as many columns as it has
    host_product_id: Any,
    line_id: int,
    parent_id: int | None,
    line_type: str | None,
    quantity: int | None,
    shipped: int | None,
    refunded: int | None,
    ex_tax: Decimal | None,
    inc_tax: Decimal | None,
    tax: Decimal | None,
    discounted: Decimal | None,
    cost_price: Decimal | None,
) -> OrderLine:
    total = _taxed(ex_tax, inc_tax, tax)
    return OrderLine(
        id=line_id,
        # 0 is none.
        parent_id=parent_id or None,
        type=line_type,
        host_product_id=host_product_id,
        quantity=quantity or 0,
        quantity_shipped=shipped or 0,
        quantity_refunded=refunded or 0,
        total=total,
        discounted_total_inc_tax=total.inc_tax if discounted is None else discounted,
        cost_price_ex_tax=cost_price,
    )


# -- refunds and returns -------------------------------------------------------------------------------------------

_OF_REFUNDS = ("bigcommerce_id", "bigcommerce_order_id", "date_created", "observed_at", "total_amount", "total_tax")


def _refunds(ledger: Ledger, order_ids: Sequence[int]) -> Mapping[int, list[tuple[Refund, datetime]]]:
    """The refunds of each order, with when they were read; none where the app does not mirror them."""
    found: defaultdict[int, list[tuple[Refund, datetime]]] = defaultdict(list)
    tables = refund_tables(ledger.tables)
    if tables is None:
        return found
    table, items, payments = tables
    rows = sorted(_rows(ledger, table, table.c.bigcommerce_order_id, order_ids, _OF_REFUNDS), key=itemgetter(0))
    its_items = _within(ledger, items, rows, ("item_type", "item_id", "quantity", "requested_amount"))
    its_payments = _within(ledger, payments, rows, ("provider_id", "amount", "is_declined"))
    for refund_id, order_id, created, observed_at, total_amount, total_tax in rows:
        refund = Refund(
            id=refund_id,
            created=created or observed_at,
            total_amount=total_amount or _NOTHING,
            total_tax=total_tax or _NOTHING,
            items=tuple(map(_item, its_items[refund_id])),
            payments=tuple(map(_payment, its_payments[refund_id])),
        )
        found[order_id].append((refund, observed_at))
    return found


def refund_tables(tables: Tables) -> tuple[Table, Table, Table] | None:
    """The tables of refunds, their items and their payments; None where the app does not mirror them."""
    if REFUNDS.name not in tables.mirror:
        return None
    return tables.refunds, tables.refund_items, tables.refund_payments


def _within(
    ledger: Ledger, table: Table, refunds: Sequence[Row[Any]], names: Sequence[str]
) -> Mapping[int, list[Sequence[Any]]]:
    """The present rows of each refund, in their order; ``names`` come first."""
    found: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
    key, present = table.c.bigcommerce_refund_id, table.c.deleted_at.is_(None)
    rows = _rows(ledger, table, key, [row[0] for row in refunds], (*names, "position", key.name), present)
    for row in sorted(rows, key=itemgetter(-2)):
        found[row[-1]].append(row)
    return found


def _item(row: Sequence[Any]) -> RefundItem:
    item_type, item_id, quantity, requested_amount, *_ = row
    return RefundItem(item_type, item_id, quantity, requested_amount)


def _payment(row: Sequence[Any]) -> RefundPayment:
    provider_id, amount, is_declined, *_ = row
    return RefundPayment(provider_id, amount or _NOTHING, bool(is_declined))


def _returns(ledger: Ledger, order_ids: Sequence[int]) -> Mapping[int, list[GoodsReturn]]:
    found: defaultdict[int, list[GoodsReturn]] = defaultdict(list)
    table = ledger.tables.returns
    names = ("id", "bigcommerce_order_id", "reference", "received_at", "quantities")
    rows = _rows(ledger, table, table.c.bigcommerce_order_id, order_ids, names)
    for row in sorted(rows, key=lambda row: row.id):
        quantities = {int(line_id): quantity for line_id, quantity in json.loads(row.quantities).items()}
        found[row.bigcommerce_order_id].append(GoodsReturn(row.reference, row.received_at, quantities))
    return found
