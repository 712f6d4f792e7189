"""Answers cut into records for the bound: each with its own text, and of its values those that the bound writes."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import msgspec

from bigcommerce_integration.client.records import Record, split_v2, split_v3

from . import bound_tables


class Parsed(NamedTuple):
    """One record."""

    id: int
    text: str
    value: Any


def _shape(name: str, *fields: str, **kinds: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, [("id", int), *((each, Any) for each in fields), *kinds.items()])


VARIANT = _shape("Variant", "sku", "price", "inventory_level")
PRODUCT = _shape(
    "Product",
    *("name", "sku", "type", "price", "is_visible", "date_created", "date_modified"),
    variants=list[VARIANT],  # type: ignore[valid-type]
)
ORDER = _shape(
    "Order",
    *("status_id", "is_deleted", "customer_id", "channel_id", "payment_status", "external_order_id"),
    *("currency_code", "default_currency_code", "store_default_currency_code"),
    *("store_default_to_transactional_exchange_rate", "is_tax_inclusive_pricing"),
    *bound_tables.ORDER_AMOUNTS,
    *("items_total", "date_created", "date_modified", "date_shipped", "consignments"),
)


class _Pagination(msgspec.Struct):
    total: int


class _Meta(msgspec.Struct):
    pagination: _Pagination


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: _Meta


_ANSWER, _LIST = msgspec.json.Decoder(_Answer), msgspec.json.Decoder(list[msgspec.Raw])


def records_v3(body: bytes, shape: Any) -> tuple[list[Parsed], int]:
    """The records of a V3 answer, and how many there are in all."""
    try:
        answer = _ANSWER.decode(body)
        return _parsed(answer.data, shape), answer.meta.pagination.total
    except msgspec.DecodeError:
        records, pagination = split_v3(body)
        assert pagination is not None
        return _converted(records, shape), pagination.total


def records_v2(body: bytes, shape: Any) -> list[Parsed]:
    """The records of a V2 answer."""
    try:
        return _parsed(_LIST.decode(body), shape) if body else []
    except msgspec.DecodeError:
        return _converted(split_v2(body), shape)


def _parsed(raws: list[msgspec.Raw], shape: Any) -> list[Parsed]:
    decode = _decoder(shape).decode
    values = [decode(raw) for raw in raws]
    return [
        Parsed(value["id"] if isinstance(value, dict) else value.id, str(memoryview(raw), "utf-8"), value)
        for raw, value in zip(raws, values, strict=True)
    ]


def _converted(records: list[Record], shape: Any) -> list[Parsed]:
    """Of a page that is not clean JSON; there is one."""
    return [Parsed(each.id or 0, each.text, msgspec.convert(each.value, shape)) for each in records]


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)
