"""``/api/big-commerce/<id>/variants/…``: links made and taken away by hand, one or many, and their list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from sqlalchemy import Row

from ...operations.context import RequestContext
from ...operations.links import decisions
from ...schemas.base import ObjectSchema
from ...schemas.lists import Cursor
from ...schemas.query import QueryInteger, read_query
from ..http.access import authorize, parse_id
from ..mirror.cursors import list_answer
from ..mirror.row_answers import VARIANT, columns, row_answer
from ..mirror.schemas import NextPage, Variant
from ..openapi.fields import AnswerSchema, Part, Shown
from ..openapi.next_steps import FROM_VARIANT
from ..openapi.operation import Operation, answer_of
from ..openapi.shapes import HOST_PRODUCT_ID, INTEGER, STRING
from .request import MOST_LINKS, ROWS_SHAPE, LinkRequest, read_link_request, read_link_rows

_TAG, _NOW, _BY_HAND = "Links", "The variant as it stands now.", {"link_source": "manual"}
EXPORTED = ("bigcommerce_id", "bigcommerce_product_id", "sku_key", "host_product_id")


class LinksQuery(ObjectSchema):
    """A page is as long as a request that decides on links may be."""

    after = Cursor("The `meta.next` of the page before, or the id of a variant.")
    limit = QueryInteger("How many rows a page has at most.", 1, MOST_LINKS, load_default=MOST_LINKS)


class Link(AnswerSchema):
    """A decision by hand; a null host_product_id is the one to leave the variant without a link."""

    bigcommerce_id = Shown(INTEGER, "The id of the variant in the store.", 101)
    bigcommerce_product_id = Shown(INTEGER, "The id of its product in the store.", 77)
    sku = Shown(STRING, "Without the blanks around it.", "MUG-RED", is_null=True)
    host_product_id = Shown(HOST_PRODUCT_ID, "The host's product that it is linked to.", 900, is_null=True)


@Operation(
    id="listLinks",
    tag=_TAG,
    description=(
        "By the variant's id; those that the store has no longer are left out. The rows of a page are a body for "
        "`PUT …/variants/links` of another instance once it has read the products: so the decisions survive a store "
        "that is disconnected and connected again. A page may be short and have a next one."
    ),
    query=LinksQuery,
    answers={200: answer_of(Link, "One page of them.", many=True, meta=Part(NextPage, "Where the next page begins."))},
)
def get_links(instance_id: str) -> dict[str, Any]:
    """What was decided by hand, to be put into another instance of the same store."""
    context = authorize("read", instance_id)
    query = read_query(request, LinksQuery)
    read = columns(context.state.tables.variants, EXPORTED)
    return list_answer(context, query, decisions.decided(context), read, lambda row: _link(row_answer(row, read)))


def _link(row: dict[str, Any]) -> dict[str, Any]:
    """The SKU without the blanks around it, null where there is nothing else."""
    return {"sku" if name == "sku_key" else name: value for name, value in row.items()}


@Operation(
    id="linkVariant",
    tag=_TAG,
    description="Or to another one than before. No refresh changes what was decided by hand.",
    body=LinkRequest,
    body_examples={"product": {"host_product_id": 900}},
    answers={200: answer_of(Variant, _NOW, example=_BY_HAND)},
    step="variant",
    leads_to=FROM_VARIANT,
)
def post_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Link a variant to a product of the host."""
    context = authorize("link", instance_id)
    row = decisions.link_variant(context, parse_id(bigcommerce_id), read_link_request(request))
    return {"data": _variants(context, [row])[0]}


@Operation(
    id="unlinkVariant",
    tag=_TAG,
    description="Also where it has none: no refresh will link it.",
    answers={200: answer_of(Variant, _NOW, example=_BY_HAND | {"host_product_id": None})},
    step="variant",
    leads_to=FROM_VARIANT,
)
def delete_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Decide that a variant has no link."""
    context = authorize("link", instance_id)
    return {"data": _variants(context, [decisions.link_variant(context, parse_id(bigcommerce_id), None)])[0]}


@Operation(
    id="linkVariants",
    tag=_TAG,
    description=(
        f"Up to {MOST_LINKS} rows, each with the BigCommerce id of a variant or the SKU of a live one; a "
        "`host_product_id` of null unlinks. Bad rows are named by their place, such as `0.sku`. The body may have 2 "
        "MiB. Rows as `GET` answers them are taken as they are: the `bigcommerce_id` names the variant."
    ),
    body=ROWS_SHAPE,
    body_examples={
        "rows": [{"sku": "MUG-RED", "host_product_id": 900}, {"bigcommerce_id": 102, "host_product_id": None}]
    },
    answers={
        200: answer_of(
            Variant, "The variants as they stand now, in the order of the rows.", many=True, example=_BY_HAND
        )
    },
)
def put_links(instance_id: str) -> dict[str, Any]:
    """Decide on the links of many variants, all or nothing."""
    context = authorize("link", instance_id)
    return {"data": _variants(context, decisions.link_variants(context, read_link_rows(request)))}


def _variants(context: RequestContext, rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    read = columns(context.state.tables.variants, VARIANT)
    return [row_answer(row, read) for row in rows]
