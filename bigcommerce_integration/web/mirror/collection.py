"""A collection without filters of its own: ``/api/big-commerce/<id>/<name>``, and one record with what is within it.

A collection that has filters has a file of its name beside this one instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import request

from ...operations.context import RequestContext
from ...operations.lists import filters
from ...operations.lists.columns import child_names, record_names
from ...operations.lists.paging import Wanted
from ...operations.lists.records import children_of, find_record
from ...resources.base import Resource
from ...schemas.base import ObjectSchema
from ...schemas.query import read_query
from ..http.access import authorize, parse_id
from ..openapi.operation import Operation, answer_of
from ..openapi.shapes import Part
from .cursors import ListQuery, deleted, include, list_answer, lists, read_list_query
from .row_answers import columns, row_answer
from .schemas import child_schema, record_schema


class CollectionQuery(ListQuery):
    """What the list of a collection takes."""

    deleted = deleted()
    include = include()


class RecordQuery(ObjectSchema):
    """What one record takes."""

    include = include()


@cache
def list_view(resource: Resource) -> Callable[[str], dict[str, Any]]:
    """What lists the records of a collection."""

    def get_list(instance_id: str) -> dict[str, Any]:
        context = authorize(resource.permission, instance_id)
        query = read_list_query(request, CollectionQuery())
        read = _columns(context, resource, with_payload="include" in query)
        table = context.state.tables.mirror[resource.name]
        mine = table.c.instance_id == context.instance.id
        also = filters.by_deletion(table, query)
        wanted = Wanted(table, [mine], [table.c.bigcommerce_id], filters.indexed_by(), also)
        return list_answer(context, query, wanted, read, lambda row: row_answer(row, read))

    get_list.__name__ = f"get_{resource.name}"
    described = lists(
        f"list{resource.name.capitalize()}",
        f"The store's {resource.name}",
        record_schema(resource),
        CollectionQuery,
        note=_note(resource),
    )
    return described(get_list)


@cache
def record_view(resource: Resource) -> Callable[[str, str], dict[str, Any]]:
    """What shows one record, with what is within it; also one that the store no longer has."""

    def get_record(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
        context, record_id = authorize(resource.permission, instance_id), parse_id(bigcommerce_id)
        with_payload = "include" in read_query(request, RecordQuery())
        read = _columns(context, resource, with_payload=with_payload)
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
        description=f"Also one that the store no longer has, with `deleted_at`. {_note(resource)}".strip(),
        query=RecordQuery,
        answers={200: answer_of(record_schema(resource, **within), f"The {resource.noun}.")},
    )
    return described(get_record)


def _columns(context: RequestContext, resource: Resource, *, with_payload: bool) -> list[Any]:
    if with_payload and resource.payload_permission is not None:
        context.require(resource.payload_permission)
    return columns(context.state.tables.mirror[resource.name], record_names(resource), with_payload=with_payload)


def _note(resource: Resource) -> str:
    if resource.payload_permission is None:
        return ""
    return f"Payloads need the permission `{resource.payload_permission}` too."
