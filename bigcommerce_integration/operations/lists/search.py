"""What a person types into a search box: by an index where one serves, else so many rows a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, and_, false, or_, select

from ...models.dialect.texts import like_escaped
from ..context import RequestContext
from .filters import indexed_by
from .paging import Condition, Wanted

MOST_FOUND = 500
"""How many rows an index finds at most; of more, the list is scanned."""
SCANS = 20
"""How many times as many rows as for a filter a request scans in search of a name."""


def by_index(context: RequestContext, wanted: Wanted, conditions: Sequence[Condition]) -> Wanted | None:
    """Of the wanted rows those that meet any of ``conditions``, by id; None if none does.

    Each condition is asked by itself, and first without what else is wanted: so its own index serves, and no row is
    read.
    """
    key = wanted.table.c.bigcommerce_id
    mine = wanted.table.c.instance_id == context.instance.id
    found: set[int] = set()
    for condition in conditions:
        few = set(context.session.scalars(select(key).where(mine, condition).limit(MOST_FOUND + 1)))
        which = (*wanted.stretch, *wanted.also, key.in_(sorted(few)) if len(few) <= MOST_FOUND else condition)
        found |= set(context.session.scalars(select(key).where(*which).limit(MOST_FOUND + 1))) if few else set()
    if not found:
        return None
    if len(found) > MOST_FOUND:
        return by_scan(context, wanted, or_(*conditions))
    by_id = _by_id(context, wanted)
    return replace(by_id, stretch=[*by_id.stretch, key.in_(sorted(found))])


def by_scan(context: RequestContext, wanted: Wanted, condition: Condition) -> Wanted:
    """Of the wanted rows those that meet ``condition``, by id."""
    by_id = _by_id(context, wanted)
    return replace(by_id, also=[*by_id.also, condition], times=SCANS)


def nothing(context: RequestContext, wanted: Wanted) -> Wanted:
    """None of the wanted rows."""
    by_id = _by_id(context, wanted)
    return replace(by_id, stretch=[*by_id.stretch, false()])


def has_words(column: Column[Any], text: str) -> Condition:
    """Whether the column has each of the text's words somewhere, in any case."""
    return and_(*(column.ilike(f"%{like_escaped(word)}%", escape="/") for word in text.split()))


def _by_id(context: RequestContext, wanted: Wanted) -> Wanted:
    table = wanted.table
    mine = table.c.instance_id == context.instance.id
    return Wanted(table, [mine], [table.c.bigcommerce_id], indexed_by(), [*wanted.stretch, *wanted.also])
