"""``/api/big-commerce/<id>/variants/…``: links made and taken away by hand, one or many, and their list."""

from __future__ import annotations

from typing import Any

from flask import request

from ...operations.queries import parse_id
from ...refresh.linking.manual import SOURCE
from ..http.access import ask, caller
from ..http.query_args import QueryInteger, read_query
from ..mirror import filters
from ..mirror.cursors import Cursor, list_answer
from ..mirror.listing import Wanted
from ..mirror.row_answers import columns, row_answer
from ..schemas import ObjectSchema
from .changes import link_variant, link_variants
from .request import MOST_LINKS, read_link_request, read_link_rows

EXPORTED = ("bigcommerce_id", "bigcommerce_product_id", "sku_key", "host_product_id")


class LinksQuery(ObjectSchema):
    """A page is as long as a request that decides on links may be."""

    after = Cursor()
    limit = QueryInteger(1, MOST_LINKS, load_default=MOST_LINKS)


def get_links(instance_id: str) -> dict[str, Any]:
    """What was decided by hand, as rows that another instance of the same store takes.

    Not of variants that the store has no longer: a new instance never had them.
    """
    asked = ask("read", instance_id)
    query = read_query(request, LinksQuery())
    table = asked.state.tables.variants
    read = columns(table, EXPORTED)
    mine = table.c.instance_id == asked.instance.id
    decided = [table.c.link_source == SOURCE, table.c.deleted_at.is_(None)]
    wanted = Wanted(table, [mine], [table.c.bigcommerce_id], filters.indexed_by(), decided)
    return list_answer(asked, query, wanted, read, lambda row: _link(row_answer(row, read)))


def _link(row: dict[str, Any]) -> dict[str, Any]:
    """The SKU without the blanks around it, null where there is nothing else."""
    return {"sku" if name == "sku_key" else name: value for name, value in row.items()}


def post_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Link one variant, or link it to another product of the host."""
    asked = ask("link", instance_id)
    return {"data": link_variant(asked, parse_id(bigcommerce_id), read_link_request(request), done_by=caller())}


def delete_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Decide that one variant has no link; also where it had none: no refresh will link it."""
    asked = ask("link", instance_id)
    return {"data": link_variant(asked, parse_id(bigcommerce_id), None, done_by=caller())}


def put_links(instance_id: str) -> dict[str, Any]:
    """Decide on up to a thousand variants, all or nothing."""
    asked = ask("link", instance_id)
    return {"data": link_variants(asked, read_link_rows(request), done_by=caller())}
