"""The lists as CSV files, with the filters of the page that they stand on."""

from __future__ import annotations

from flask import Response

from ....answers.files import file_answer
from ....operations.context import RequestContext
from ....operations.exports.mapping import export_variants
from ....operations.exports.records import export_records
from ....operations.exports.rejected import export_rejected
from ....operations.lists import orders, products, variants
from ....resources.orders import ORDERS
from ....resources.products import PRODUCTS
from ....resources.refunds import REFUNDS
from ....schemas.lists import ProductFilters, RejectedFilters, VariantFilters
from ... import login
from ...forms import read_filters
from . import refunds
from .orders import OrderPageFilters, in_utc
from .refunds import RefundPageFilters

# What a shopper gave is not for a spreadsheet that is sent about: who may have it uses the API.
_NO_PAYLOAD = ("include",)


def get_products_file(instance_id: int) -> Response:
    """The products."""
    context = _authorize(instance_id, PRODUCTS.permission)
    query = read_filters(ProductFilters(exclude=_NO_PAYLOAD))
    return file_answer(export_records(context, PRODUCTS, products.wanted(context, query), query))


def get_variants_file(instance_id: int) -> Response:
    """The variants: the file to be filled in and sent back."""
    context = _authorize(instance_id, PRODUCTS.permission)
    query = read_filters(VariantFilters())
    return file_answer(export_variants(context, variants.wanted(context, query), query))


def get_orders_file(instance_id: int) -> Response:
    """The orders, without their lines."""
    context = _authorize(instance_id, ORDERS.permission)
    query = in_utc(context.instance, read_filters(OrderPageFilters(exclude=_NO_PAYLOAD)), "placed")
    return file_answer(export_records(context, ORDERS, orders.wanted(context, query), query))


def get_refunds_file(instance_id: int) -> Response:
    """The refunds, without their items and payments."""
    context = _authorize(instance_id, REFUNDS.permission)
    query = read_filters(RefundPageFilters())
    return file_answer(export_records(context, REFUNDS, refunds.wanted(context, query), query))


def get_rejected_file(instance_id: int) -> Response:
    """What was rejected."""
    context = _authorize(instance_id, "read")
    return file_answer(export_rejected(context, **read_filters(RejectedFilters(exclude=_NO_PAYLOAD))))


def _authorize(instance_id: int, permission: str) -> RequestContext:
    context = login.authorize("export", instance_id)
    context.require(permission)
    return context
