"""The store's refunds, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response

from ....operations.accounting.refunds import shown_columns, views_of
from ....operations.context import RequestContext
from ....operations.lists import records
from ....operations.lists.filters import by_value
from ....operations.lists.paging import Wanted, page_after
from ....resources.refunds import REFUNDS
from ....schemas import fields
from ....schemas.base import ObjectSchema
from ....schemas.lists import ListQuery, deleted
from ....schemas.query import QueryInteger
from ... import login
from ...forms import read_filters
from ...render import render
from .orders import in_utc


class RefundPageFilters(ObjectSchema):
    """A refund by its number, those of an order, and days in the store's own time zone."""

    bigcommerce_id = QueryInteger("The number of the refund.")
    bigcommerce_order_id = QueryInteger("The number of its order.")
    made_from = fields.Day("The first day.")
    made_until = fields.Day("The last day.")
    deleted = deleted()


class RefundsPage(ListQuery, RefundPageFilters):
    """What the page takes."""


def get_refunds(instance_id: int) -> Response:
    """The refunds that pass the filters in the address."""
    context = login.authorize(REFUNDS.permission, instance_id)
    query = read_filters(RefundsPage())
    rows, cursor = page_after(
        context, replace(wanted(context, query), is_descending=True), shown_columns(context), query
    )
    return render("refunds.html", instance=context.instance, refunds=views_of(context, rows), next_page=cursor)


def wanted(context: RequestContext, query: Mapping[str, Any]) -> Wanted:
    """Those that pass the filters of the page."""
    found = records.wanted(context, in_utc(context.instance, query, "made"), REFUNDS)
    number = by_value(found.table.c.bigcommerce_id, query, "bigcommerce_id")
    return replace(found, stretch=[*found.stretch, *number])
