"""What is stored about an order or a variant, gathered for its explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, select

from ...models.product_key import Key
from ...operations import health
from ...refresh.write.page import QUARANTINE
from ...resources.columns import notes_of
from ..http.access import Asked
from ..mirror.listing import Condition
from .reasons import Noted, OrderFacts, Refreshing, SetAside, VariantFacts

NOTED_LINES = 20


def order_facts(asked: Asked, order_id: int) -> OrderFacts:
    """About the order with this BigCommerce id."""
    orders = asked.state.tables.orders
    mine = orders.c.instance_id == asked.instance.id
    rows = _rows(asked, orders, mine, orders.c.bigcommerce_id == order_id)
    lowest = select(orders.c.bigcommerce_id).where(mine).order_by(orders.c.bigcommerce_id).limit(1)
    return OrderFacts(
        order_id=order_id,
        start_date=asked.instance.start_date,
        refreshing=_refreshing(asked, "orders"),
        row=rows[0] if rows else None,
        noted=[*_noted("the order", rows), *_noted_lines(asked, order_id)] if rows else (),
        set_aside=set_aside(asked, "orders", order_id),
        lowest_id=asked.session.scalar(lowest),
    )


def variant_facts(asked: Asked, variant_id: int) -> list[VariantFacts]:
    """About the variant with this BigCommerce id."""
    table = asked.state.tables.variants
    rows = _rows(asked, table, table.c.instance_id == asked.instance.id, table.c.bigcommerce_id == variant_id)
    return _of_rows(asked, f"the id {variant_id}", rows)


def sku_facts(asked: Asked, sku: str) -> list[VariantFacts]:
    """About all variants that have this (trimmed) SKU; those that are gone only where no other has it."""
    table = asked.state.tables.variants
    rows = _rows(asked, table, table.c.instance_id == asked.instance.id, table.c.sku_key == sku)
    # MariaDB takes more for equal.
    rows = [row for row in rows if row["sku_key"] == sku]
    return _of_rows(asked, f"the SKU {sku}", [row for row in rows if row["deleted_at"] is None] or rows)


def set_aside(asked: Asked, resource: str, bigcommerce_id: int) -> SetAside | None:
    """The newest record of this id that could not be stored."""
    table = asked.state.tables.rejected_records
    row = asked.session.execute(
        select(table.c.id, table.c.reason, table.c.reason_code, table.c.created_at)
        .where(
            table.c.instance_id == asked.instance.id,
            table.c.resource == resource,
            table.c.bigcommerce_id == bigcommerce_id,
        )
        .order_by(table.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else SetAside(row.id, row.reason, row.created_at, row.reason_code in QUARANTINE)


def _of_rows(asked: Asked, described: str, rows: Sequence[Mapping[str, Any]]) -> list[VariantFacts]:
    refreshing = _refreshing(asked, "products")
    return [_variant(asked, described, refreshing, row) for row in (rows or (None,))]


def _variant(asked: Asked, described: str, refreshing: Refreshing, row: Mapping[str, Any] | None) -> VariantFacts:
    product_id = None if row is None else row["bigcommerce_product_id"]
    products = [] if product_id is None else _product(asked, product_id)
    return VariantFacts(
        asked=described,
        start_date=asked.instance.start_date,
        refreshing=refreshing,
        auto_link=asked.instance.auto_link_products,
        auto_create=asked.instance.auto_create_products,
        row=row,
        noted=[*_noted("the variant", [] if row is None else [row]), *_noted("its product", products)],
        is_only_referenced=any(each["is_only_referenced"] for each in products),
        host_products=() if row is None else _host_products(asked, row),
        set_aside=None if product_id is None else set_aside(asked, "products", product_id),
    )


def _product(asked: Asked, product_id: int) -> list[Mapping[str, Any]]:
    """The one row of the product, or none."""
    table = asked.state.tables.products
    return _rows(asked, table, table.c.instance_id == asked.instance.id, table.c.bigcommerce_id == product_id)


def _noted(what: str, rows: Sequence[Mapping[str, Any]]) -> list[Noted]:
    return [Noted(what, notes_of(row["notes"])) for row in rows if row["notes"] is not None]


def _noted_lines(asked: Asked, order_id: int) -> list[Noted]:
    """The order's lines that have notes, the first of them."""
    table = asked.state.tables.order_lines
    mine = (table.c.instance_id == asked.instance.id, table.c.bigcommerce_order_id == order_id)
    statement = select(table.c.bigcommerce_id, table.c.notes).where(*mine, table.c.notes.is_not(None))
    rows = asked.session.execute(statement.order_by(table.c.bigcommerce_id).limit(NOTED_LINES))
    return [Noted(f"its line {row.bigcommerce_id}", notes_of(row.notes)) for row in rows]


def _host_products(asked: Asked, row: Mapping[str, Any]) -> list[Key]:
    """The host's products that have the variant's SKU at this moment, spelt just so."""
    sku = row["sku_key"]
    # A conflict says itself why there is no link; it may be that the host cannot be asked for such a SKU.
    if sku is None or row["host_product_id"] is not None or row["link_conflict"] is not None:
        return []
    found = asked.state.host.products_by_sku(asked.session, asked.instance, [sku])
    return [each for spelling, ids in found.items() if spelling.strip() == sku for each in ids]


def _rows(asked: Asked, table: Table, *which: Condition) -> list[Mapping[str, Any]]:
    """Without payloads, by BigCommerce id."""
    read = [column for column in table.c if column.name != "payload"]
    statement = select(*read).where(*which).order_by(table.c.bigcommerce_id)
    return [dict(row._mapping) for row in asked.session.execute(statement)]


def _refreshing(asked: Asked, resource: str) -> Refreshing:
    state, instance = asked.state, asked.instance
    overview = health.overview(asked.session, state.tables, state.config, instance)
    standing = next(each for each in overview.standings if each.resource == resource)
    opened, success, failure = standing.open_refresh, standing.last_success, standing.last_failure
    if success is not None and failure is not None and success.row.id > failure.row.id:
        failure = None
    return Refreshing(
        resource=resource,
        watermark=standing.watermark,
        open_refresh=None if opened is None else opened.row.id,
        next_at=standing.next_refresh_at,
        last_failure=None if failure is None else failure.row.message,
        attention=instance.status_message if instance.status == "needs_attention" else None,
    )
