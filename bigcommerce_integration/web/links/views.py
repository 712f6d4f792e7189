"""``/api/big-commerce/<id>/variants/…``: links made and taken away by hand, one or many, and their list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from sqlalchemy import Row

from ...operations import links
from ...operations.context import RequestContext
from ..http.access import authorize, parse_id
from ..http.query_args import QueryInteger, read_query
from ..mirror.cursors import Cursor, list_answer
from ..mirror.row_answers import VARIANT, columns, row_answer
from ..schemas import ObjectSchema
from .request import MOST_LINKS, read_link_request, read_link_rows

EXPORTED = ("bigcommerce_id", "bigcommerce_product_id", "sku_key", "host_product_id")


class LinksQuery(ObjectSchema):
    """A page is as long as a request that decides on links may be."""

    after = Cursor()
    limit = QueryInteger(1, MOST_LINKS, load_default=MOST_LINKS)


def get_links(instance_id: str) -> dict[str, Any]:
    """What was decided by hand, as rows that another instance of the same store takes."""
    context = authorize("read", instance_id)
    query = read_query(request, LinksQuery())
    read = columns(context.state.tables.variants, EXPORTED)
    return list_answer(context, query, links.decided(context), read, lambda row: _link(row_answer(row, read)))


def _link(row: dict[str, Any]) -> dict[str, Any]:
    """The SKU without the blanks around it, null where there is nothing else."""
    return {"sku" if name == "sku_key" else name: value for name, value in row.items()}


def post_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Link one variant, or link it to another product of the host."""
    context = authorize("link", instance_id)
    row = links.link_variant(context, parse_id(bigcommerce_id), read_link_request(request))
    return {"data": _variants(context, [row])[0]}


def delete_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Decide that one variant has no link; also where it had none: no refresh will link it."""
    context = authorize("link", instance_id)
    return {"data": _variants(context, [links.link_variant(context, parse_id(bigcommerce_id), None)])[0]}


def put_links(instance_id: str) -> dict[str, Any]:
    """Decide on up to a thousand variants, all or nothing."""
    context = authorize("link", instance_id)
    return {"data": _variants(context, links.link_variants(context, read_link_rows(request)))}


def _variants(context: RequestContext, rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    read = columns(context.state.tables.variants, VARIANT)
    return [row_answer(row, read) for row in rows]
