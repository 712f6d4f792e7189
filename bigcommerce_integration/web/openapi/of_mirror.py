"""The mirror: products, variants and orders as the store has them, and their lists by cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Numeric, Table

from ...models import tables
from ...resources.products import VARIANTS
from ..mirror.orders import OrderQuery, OrdersQuery
from ..mirror.products import ProductQuery
from ..mirror.row_answers import LINE, LINK, ORDER, PRODUCT, VARIANT
from ..mirror.variants import VariantQuery
from .operation import Answer, Operation, Subject
from .shapes import (
    BOOLEAN,
    COUNT,
    HOST_PRODUCT_ID,
    INTEGER,
    MOMENT,
    STRING,
    JSONSchema,
    data,
    list_of,
    nullable,
    one_of,
    record,
    ref,
    told,
    with_optional,
)

_TAG = "Mirror"
_PAYLOAD: JSONSchema = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "The record's own text as the store sent it; given with include=payload.",
}
_LIST = (
    "By id, or by the time that a filter spans and then by id. A page may be short, or empty, and still have a next "
    "one: a request looks at no more than so many rows in search of those that pass. `changed_after` goes without "
    "filters and lists all changes by change number, what is gone from the store among them."
)


_CHOICES = {field.name: field.choices for field in VARIANTS.fields if field.choices}


def _column(column: Column[Any]) -> JSONSchema:
    shape: JSONSchema = STRING
    if column.name in _CHOICES:
        shape = one_of(_CHOICES[column.name])
    elif column.name == LINK:
        shape = ref(HOST_PRODUCT_ID)
    elif isinstance(column.type, Boolean):
        shape = BOOLEAN
    elif isinstance(column.type, BigInteger):
        shape = INTEGER
    elif isinstance(column.type, DateTime):
        shape = MOMENT
    elif isinstance(column.type, Numeric):
        decimals = f"[0-9]{{{column.type.scale}}}"
        shape = {"type": "string", "pattern": rf"^-?[0-9]+\.{decimals}$"}
    return nullable(shape) if column.nullable else shape


_NOTES: JSONSchema = nullable(
    list_of(record(field=told(STRING, "The field's name in the record, or `lines`."), reason=STRING)),
    "What of the record could not be read, and is null or cut in its column: the payload has it whole. Null if all "
    "could be read.",
)


def _row(table: Table, names: Iterable[str]) -> JSONSchema:
    return record(**{name: _NOTES if name == "notes" else _column(table.c[name]) for name in names})


def _example(table: Table, names: Iterable[str], **values: Any) -> dict[str, Any]:
    """A row in which what is not given is empty, or has any value where it may not be."""
    return {name: values.get(name, None if table.c[name].nullable else _ANY[name]) for name in names}


_ANY: Mapping[str, Any] = {
    "bigcommerce_id": 101,
    "bigcommerce_product_id": 77,
    "is_only_referenced": False,
    "is_sale": True,
    "is_deleted": False,
    "observed_at": "2026-02-01T12:00:00.000000Z",
    "change_number": 4711,
}
VARIANT_EXAMPLE = _example(
    tables.variants, VARIANT, sku="MUG-RED", price="12.5000", inventory_level=3, host_product_id=900, link_source="auto"
)
_PRODUCT_EXAMPLE = _example(
    tables.products, PRODUCT, name="Mug", sku="MUG", type="physical", price="12.5000", is_visible=True
)
_ORDER_EXAMPLE = _example(
    tables.orders, ORDER, status_id=10, customer_id=5, default_currency_code="EUR", total_inc_tax="25.0000"
)
_LINE_EXAMPLE = _example(tables.order_lines, LINE, bigcommerce_variant_id=101, sku="MUG-RED", quantity=2) | {
    "host_product_id": 900
}
_PRODUCT = with_optional(_row(tables.products, PRODUCT), payload=_PAYLOAD)
_VARIANT = _row(tables.variants, VARIANT)
_ORDER = with_optional(_row(tables.orders, ORDER), payload=_PAYLOAD)
_LINE_ROW = _row(tables.order_lines, LINE)
_LINE = with_optional(
    record(
        **_LINE_ROW["properties"],
        host_product_id=nullable(ref(HOST_PRODUCT_ID), "The host's product that the line's variant is linked to."),
    ),
    payload=nullable(_PAYLOAD, "Only of lines that were fetched apart from their order."),
)
_META = {
    "anyOf": [
        record(next=nullable(STRING, "What to give as `after` for the next page; null at the end.")),
        record(
            next_changed_after=told(COUNT, "What to give as `changed_after` for what changed since."),
            is_last=told(BOOLEAN, "Whether there was no more when this was read."),
        ),
    ]
}


def _list(
    operation_id: str, summary: str, shape: str, example: Any, query: type[Schema], *, note: str = ""
) -> Operation:
    return Operation(
        id=operation_id,
        tag=_TAG,
        summary=summary,
        description=f"{_LIST} {note}".strip(),
        query=query,
        answers={
            200: Answer(
                "One page of them.",
                record(data=list_of(ref(shape)), meta=_META),
                {"data": [example], "meta": {"next": "101"}},
            )
        },
    )


_PERSONS = "Payloads hold data about persons and need the permission `read_person_data` too."

SUBJECT = Subject(
    schemas={
        "Product": _PRODUCT,
        "Variant": _VARIANT,
        "Order": _ORDER,
        "OrderLine": _LINE,
        "OrderWithLines": with_optional(
            record(**_row(tables.orders, ORDER)["properties"], lines=list_of(ref("OrderLine"))), payload=_PAYLOAD
        ),
    },
    operations={
        ("/<instance_id>/products", "GET"): _list(
            "listProducts", "The store's products", "Product", _PRODUCT_EXAMPLE, ProductQuery
        ),
        ("/<instance_id>/variants", "GET"): _list(
            "listVariants", "The store's variants with their links", "Variant", VARIANT_EXAMPLE, VariantQuery
        ),
        ("/<instance_id>/orders", "GET"): _list(
            "listOrders", "The store's orders, without their lines", "Order", _ORDER_EXAMPLE, OrdersQuery, note=_PERSONS
        ),
        ("/<instance_id>/orders/<bigcommerce_id>", "GET"): Operation(
            id="getOrder",
            tag=_TAG,
            summary="One order with its lines",
            description=f"Also one that the store no longer has, with `deleted_at`. {_PERSONS}",
            query=OrderQuery,
            answers={
                200: Answer(
                    "The order.", data(ref("OrderWithLines")), {"data": _ORDER_EXAMPLE | {"lines": [_LINE_EXAMPLE]}}
                )
            },
        ),
    },
)
