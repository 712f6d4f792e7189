"""A collection: ``/api/big-commerce/<id>/<name>``, its file, and one record with what is within it.

A collection that has filters of its own has a file of its name beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from flask import Response, request
from marshmallow import Schema
from sqlalchemy import Column

from ...answers.files import file_answer
from ...operations.context import RequestContext
from ...operations.exports.records import export_records
from ...operations.lists import records
from ...operations.lists.columns import child_names, record_names
from ...operations.lists.paging import Wanted
from ...operations.lists.records import children_of, filter_fields, find_record, span_name
from ...resources.base import Field, Kind, Resource
from ...schemas.base import ObjectSchema
from ...schemas.lists import ListQuery, deleted, include, span
from ...schemas.query import QueryInteger, QueryText, read_query
from ..http.access import authorize, parse_id
from ..openapi.fields import Part
from ..openapi.operation import Operation, answer_of
from .cursors import list_answer, lists, read_list_query
from .exports import authorize_export, exports
from .row_answers import columns, row_answer
from .schemas import child_schema, record_schema

Want = Callable[[RequestContext, Mapping[str, Any]], Wanted]


class CollectionFilters(ObjectSchema):
    """What the list of a collection takes."""

    deleted = deleted()
    include = include()


class RecordQuery(ObjectSchema):
    """What one record takes."""

    include = include()


@cache
def filters_of(resource: Resource) -> type[Schema]:
    """The filters of a collection that has none of its own: a value, or a span of time, of each indexed field."""
    found: dict[str, Any] = {}
    for field in filter_fields(resource):
        found |= _filters(field)
    return CollectionFilters.from_dict(found, name=f"{resource.noun.capitalize()}Filters")


def _filters(field: Field) -> dict[str, Any]:
    if field.kind is Kind.MOMENT:
        name = span_name(field)
        begin, end = span(name.capitalize())
        return {f"{name}_from": begin, f"{name}_until": end}
    made = QueryInteger if field.kind is Kind.INTEGER else QueryText
    return {field.name: made(field.description)}


@cache
def list_view(
    resource: Resource, filters: type[Schema] | None = None, wanted: Want | None = None, *, but: str = ""
) -> Callable[[str], dict[str, Any]]:
    """What lists the records of a collection: those that its filters ask for are ``wanted``; ``but`` is left out."""
    want: Want = wanted or partial(records.wanted, resource=resource)

    class Query(ListQuery, filters or filters_of(resource)):  # type: ignore[misc]
        pass

    def get_list(instance_id: str) -> dict[str, Any]:
        context = authorize(resource.permission, instance_id)
        query = read_list_query(request, Query)
        read = record_columns(context, resource, query)
        return list_answer(context, query, want(context, query), read, lambda row: row_answer(row, read))

    get_list.__name__ = f"get_{resource.name}"
    described = lists(
        f"list{resource.name.capitalize()}",
        f"The store's {resource.name}{but}",
        record_schema(resource),
        Query,
        note=payload_note(resource),
    )
    return described(get_list)


@cache
def export_view(
    resource: Resource, filters: type[Schema] | None = None, wanted: Want | None = None, example: str | None = None
) -> Callable[[str], Response]:
    """What gives the list of a collection as a file."""
    filters = filters or filters_of(resource)
    want: Want = wanted or partial(records.wanted, resource=resource)
    names = record_names(resource)[:2]
    example = example or f"{','.join(names)}\r\n101,{next(each.example for each in resource.fields)}\r\n"

    def get_export(instance_id: str) -> Response:
        context = authorize_export(instance_id, resource.permission)
        query = read_query(request, filters)
        return file_answer(export_records(context, resource, want(context, query), query))

    get_export.__name__ = f"get_{resource.name}_export"
    what = f"The store's {resource.name}"
    return exports(resource.name.capitalize(), what, filters, example, note=payload_note(resource))(get_export)


@cache
def record_view(resource: Resource) -> Callable[[str, str], dict[str, Any]]:
    """What shows one record, with what is within it; also one that the store no longer has."""

    def get_record(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
        context, record_id = authorize(resource.permission, instance_id), parse_id(bigcommerce_id)
        read = record_columns(context, resource, read_query(request, RecordQuery))
        answer = row_answer(find_record(context, resource, record_id, read), read)
        for child in resource.children:
            shown = columns(context.state.tables.mirror[child.name], child_names(child))
            rows = children_of(context, child, record_id, shown)
            answer[child.shown_as] = [row_answer(each, shown) for each in rows]
        return {"data": answer}

    get_record.__name__ = f"get_{resource.name}_record"
    within = {
        child.shown_as: Part(child_schema(child), f"Its {child.shown_as}.", many=True) for child in resource.children
    }
    described = Operation(
        id=f"get{resource.noun.capitalize()}",
        tag="Mirror",
        summary=f"One {resource.noun} with what is within it",
        description=f"Also one that the store no longer has, with `deleted_at`. {payload_note(resource)}".strip(),
        query=RecordQuery,
        answers={200: answer_of(record_schema(resource, **within), f"The {resource.noun}.")},
    )
    return described(get_record)


def record_columns(context: RequestContext, resource: Resource, query: Mapping[str, Any]) -> list[Column[Any]]:
    """The columns to answer; ``Forbidden`` if payloads are wanted and need a permission that the caller has not."""
    with_payload = "include" in query
    if with_payload and resource.payload_permission is not None:
        context.require(resource.payload_permission)
    return columns(context.state.tables.mirror[resource.name], record_names(resource), with_payload=with_payload)


def payload_note(resource: Resource) -> str:
    """What the document says of that permission."""
    if resource.payload_permission is None:
        return ""
    return f"Payloads hold data about persons and need the permission `{resource.payload_permission}` too."
