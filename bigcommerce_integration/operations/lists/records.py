"""The records of a collection by its indexed fields, and one record with what is within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Row, select

from ...errors import NotFound
from ...resources.base import Child, Field, Kind, Resource
from ..context import RequestContext
from . import filters
from .columns import child_names, record_names
from .paging import Condition, Wanted


def filter_fields(resource: Resource) -> tuple[Field, ...]:
    """The fields by which a list of the collection can be filtered, where it has no filters of its own."""
    return tuple(field for field in resource.fields if field.indexed and field.shown)


def span_name(field: Field) -> str:
    """What ``…_from`` and ``…_until`` are put behind: ``created`` of ``date_created``."""
    return field.name.removeprefix("date_")


def wanted(context: RequestContext, query: Mapping[str, Any], resource: Resource) -> Wanted:
    """By the first of its indexed fields that the query has, else all by id."""
    table = context.state.tables.mirror[resource.name]
    asked = [(table.c[field.name], _asked(table.c[field.name], field, query)) for field in filter_fields(resource)]
    return filters.by_first(context, table, asked, filters.by_deletion(table, query))


def _asked(column: Column[Any], field: Field, query: Mapping[str, Any]) -> list[Condition]:
    if field.kind is Kind.MOMENT:
        return filters.by_span(column, query, span_name(field))
    return filters.by_value(column, query, field.name)


def find_record(
    context: RequestContext, resource: Resource, record_id: int, columns: Sequence[Column[Any]]
) -> Row[Any]:
    """These columns of one record, also of one that the store no longer has; ``NotFound``."""
    return one_row(context, resource.name, record_id, columns, f"There is no such {resource.noun} here.")


def children_of(
    context: RequestContext, child: Child, record_id: int, columns: Sequence[Column[Any]]
) -> Sequence[Row[Any]]:
    """These columns of what is within the record now, by id or by position."""
    table = context.state.tables.mirror[child.name]
    theirs = (table.c.instance_id == context.instance.id, table.c[child.owner] == record_id)
    statement = select(*columns).where(*theirs, table.c.deleted_at.is_(None)).order_by(table.c[child.place])
    return context.session.execute(statement).all()


def records_of(context: RequestContext, resource: Resource, column: str, value: int) -> Sequence[Row[Any]]:
    """What is shown of the records with this value, by id; also of those that the store no longer has."""
    table = context.state.tables.mirror[resource.name]
    which = (table.c.instance_id == context.instance.id, table.c[column] == value)
    statement = select(*(table.c[name] for name in record_names(resource))).where(*which)
    return context.session.execute(statement.order_by(table.c.bigcommerce_id)).all()


def children_of_many(context: RequestContext, child: Child, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """What is shown of what is within each of these records now, by their ids."""
    table = context.state.tables.mirror[child.name]
    found: dict[int, list[Row[Any]]] = {each: [] for each in ids}
    theirs = (table.c.instance_id == context.instance.id, table.c[child.owner].in_(ids), table.c.deleted_at.is_(None))
    statement = select(*(table.c[name] for name in (child.owner, *child_names(child)))).where(*theirs)
    for row in context.session.execute(statement.order_by(table.c[child.owner], table.c[child.place])) if ids else ():
        found[row[0]].append(row)
    return found


def find_child(context: RequestContext, child: Child, child_id: int, columns: Sequence[Any]) -> Row[Any]:
    """These columns of something within a record, also of one that the store no longer has; ``NotFound``."""
    problem = f"There is no {child.noun.split()[-1]} with this number here."
    return one_row(context, child.name, child_id, columns, problem)


def one_row(context: RequestContext, name: str, bigcommerce_id: int, columns: Sequence[Any], problem: str) -> Row[Any]:
    """These columns of one row of the mirror table of this name; ``NotFound`` with the ``problem``."""
    table = context.state.tables.mirror[name]
    mine = (table.c.instance_id == context.instance.id, table.c.bigcommerce_id == bigcommerce_id)
    row = context.session.execute(select(*columns).where(*mine)).one_or_none()
    if row is None:
        raise NotFound(problem)
    return row
