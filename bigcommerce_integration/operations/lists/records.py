"""One record of a collection, with what is within it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Row, select

from ...errors import NotFound
from ...resources.base import Child, Resource
from ..context import RequestContext


def find_record(
    context: RequestContext, resource: Resource, record_id: int, columns: Sequence[Column[Any]]
) -> Row[Any]:
    """These columns of one record, also of one that the store no longer has; ``NotFound``."""
    table = context.state.tables.mirror[resource.name]
    mine = (table.c.instance_id == context.instance.id, table.c.bigcommerce_id == record_id)
    row = context.session.execute(select(*columns).where(*mine)).one_or_none()
    if row is None:
        raise NotFound(f"There is no such {resource.noun} here.")
    return row


def children_of(
    context: RequestContext, child: Child, record_id: int, columns: Sequence[Column[Any]]
) -> Sequence[Row[Any]]:
    """These columns of what is within the record now, by id or by position."""
    table = context.state.tables.mirror[child.name]
    theirs = (table.c.instance_id == context.instance.id, table.c[child.owner] == record_id)
    statement = select(*columns).where(*theirs, table.c.deleted_at.is_(None)).order_by(table.c[child.place])
    return context.session.execute(statement).all()


def find_child(context: RequestContext, child: Child, child_id: int, columns: Sequence[Any]) -> Row[Any]:
    """These columns of something within a record, also of one that the store no longer has; ``NotFound``."""
    table = context.state.tables.mirror[child.name]
    mine = (table.c.instance_id == context.instance.id, table.c.bigcommerce_id == child_id)
    row = context.session.execute(select(*columns).where(*mine)).one_or_none()
    if row is None:
        raise NotFound(f"There is no {child.noun.split()[-1]} with this number here.")
    return row
