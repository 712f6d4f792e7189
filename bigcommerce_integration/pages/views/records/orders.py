"""The store's orders, the newest first, and one with its lines and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from ....errors import NotFound
from ....models.instances import IntegrationInstance
from ....operations.accounting.absence import why_no_document
from ....operations.accounting.documents import documents_of_order, takes_accounting, why_of
from ....operations.accounting.refunds import refunds_of_order
from ....operations.context import RequestContext
from ....operations.explain.facts import newer_rejected
from ....operations.links.your_products import your_products
from ....operations.lists import orders
from ....operations.lists.columns import child_names, record_names
from ....operations.lists.paging import page_after
from ....operations.refreshes import refresh_order
from ....refresh.job.modes import start_of_day
from ....resources.orders import ORDER_LINES, ORDERS
from ....schemas import fields
from ....schemas.lists import ListQuery, OrderFilters
from ... import login
from ...forms import read_filters
from ...render import render

_DAY = timedelta(days=1)
_WAIT_S = 5.0
_SHOWN = (
    "bigcommerce_id",
    "external_order_id",
    "status_id",
    "payment_status",
    "is_sale",
    "is_deleted",
    "items_total",
    "total_inc_tax",
    "default_currency_code",
    "date_created",
    "deleted_at",
)


class OrderPageFilters(OrderFilters):
    """The filters of the API, and days in the store's own time zone."""

    placed_from = fields.Day("The first day.")
    placed_until = fields.Day("The last day.")


class OrdersPage(ListQuery, OrderPageFilters):
    """What the page takes."""


def get_orders(instance_id: int) -> Response:
    """The orders that pass the filters in the address."""
    context = login.authorize(ORDERS.permission, instance_id)
    query = read_filters(OrdersPage())
    wanted = replace(orders.wanted(context, in_utc(context.instance, query, "placed")), is_descending=True)
    table = context.state.tables.mirror[ORDERS.name]
    rows, cursor = page_after(context, wanted, [table.c[name] for name in _SHOWN], query)
    return render("orders.html", instance=context.instance, rows=rows, next_page=cursor)


def in_utc(instance: IntegrationInstance, query: Mapping[str, Any], word: str) -> dict[str, Any]:
    """The filters of the API: days, whose names begin with ``word``, end at midnight in the store's time zone."""
    zone, meant = instance.store_timezone or "UTC", dict(query)
    if first := meant.pop(f"{word}_from", None):
        meant["created_from"] = start_of_day(first, zone)
    if last := meant.pop(f"{word}_until", None):
        meant["created_until"] = start_of_day(last + _DAY, zone)
    return meant


def get_order(instance_id: int, order_id: int) -> ResponseReturnValue:
    """One order, also one that the store no longer has; of one that is not here, why it is not."""
    context = login.authorize(ORDERS.permission, instance_id)
    try:
        return _order_page(context, login.checked_id(order_id))
    except NotFound:
        return redirect(url_for(".get_find", q=order_id))


def _order_page(context: RequestContext, order_id: int) -> Response:
    tables, variants = context.state.tables, context.state.tables.variants.c
    # A line may be about a variant that is not stored.
    stored = variants.bigcommerce_id.label("stored_variant")
    shown = [tables.mirror[ORDERS.name].c[name] for name in record_names(ORDERS)]
    lines = [tables.mirror[ORDER_LINES.name].c[name] for name in child_names(ORDER_LINES)]
    rows = orders.lines_of(context, order_id, [*lines, variants.host_product_id, stored])
    order = orders.find_order(context, order_id, shown)._mapping
    documents = _documents(context, order_id)
    return render(
        "order.html",
        instance=context.instance,
        documents=documents,
        why_no_document=why_no_document(context, dict(order)) if documents == [] else None,
        order=order,
        rejected=newer_rejected(context, ORDERS.name, order_id, order["observed_at"]),
        lines=rows,
        refunds=refunds_of_order(context, order_id),
        your_products=your_products(context, (row.host_product_id for row in rows)),
    )


def _documents(context: RequestContext, order_id: int) -> list[tuple[Row[Any], str]] | None:
    """Its documents with where each stands; None where there are no books, and for who may not see them."""
    if not takes_accounting(context) or not context.permits("read_accounting"):
        return None
    rows = documents_of_order(context, order_id)
    return list(zip(rows, why_of(context, rows), strict=True))


def post_order(instance_id: int, order_id: int) -> ResponseReturnValue:
    """Read it from the store now, and show it if that is done in time."""
    context = login.authorize("refresh", instance_id)
    number = login.checked_id(order_id)
    view = refresh_order(context, number, wait_s=_WAIT_S)
    if view.row.status == "completed" and context.permits(ORDERS.permission):
        return redirect(url_for(".get_order", instance_id=instance_id, order_id=number, done="fetched"), 303)
    return redirect(url_for(".get_refresh", instance_id=instance_id, refresh_id=view.row.id, done="started"), 303)
