"""What is counted of stores: few queries however many there are, none that reads more than it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from ...errors import LinkCode
from ...models import Tables
from ...refresh.write.page import QUARANTINE
from ..health import Health

MOST_COUNTED = 1000
"""Of one kind and store; it is enough to know that there are more."""
A_STATEMENT = 100


@dataclass(frozen=True)
class Rejections:
    """Records of one collection that were rejected and are not stored since; ``since`` is when the first was.

    Of ``older`` of them an older version is stored.
    """

    count: int
    since: datetime
    older: int = 0


@dataclass(frozen=True)
class Counts:
    """What is counted of one store.

    ``rejected`` and ``tried_again`` (which later refreshes try by themselves) are by collection. ``failing`` is when
    the first refresh of a collection failed after the last success. ``unlinked`` are the live variants that have no
    link for a reason, by its code; of more than ``MOST_COUNTED`` it is not known how many there are.
    """

    rejected: Mapping[str, Rejections] = field(default_factory=dict)
    tried_again: Mapping[str, Rejections] = field(default_factory=dict)
    failing: Mapping[str, datetime] = field(default_factory=dict)
    unlinked: Mapping[str, int] = field(default_factory=dict)


def counts(session: Session, tables: Tables, health: Mapping[int, Health]) -> dict[int, Counts]:
    """Of the stores whose health this is, by instance id; only those that have something to count are looked at."""
    rejected: defaultdict[int, dict[str, Rejections]] = defaultdict(dict)
    tried_again: defaultdict[int, dict[str, Rejections]] = defaultdict(dict)
    # Each by itself: for all of them as one PostgreSQL starts helpers, which take longer than the work.
    for row in (row for part in _rejected(tables, health) for row in session.execute(part)):
        kind = tried_again if row.is_kept else rejected
        kind[row.instance_id][row.resource] = Rejections(row.number, row.since, row.older)
    failing: defaultdict[int, dict[str, datetime]] = defaultdict(dict)
    for row in _rows(session, _failing(tables, health)):
        failing[row.instance_id][row.resource] = row.since
    unlinked: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in _rows(session, _unlinked(tables, health)):
        unlinked[row.instance_id][row.code] = row.number
    return {each: Counts(rejected[each], tried_again[each], failing[each], unlinked[each]) for each in health}


def _rows(session: Session, parts: Iterable[Select[Any]]) -> Iterator[Any]:
    parts = list(parts)
    for begin in range(0, len(parts), A_STATEMENT):
        yield from session.execute(union_all(*parts[begin : begin + A_STATEMENT]))


def _rejected(tables: Tables, health: Mapping[int, Health]) -> Iterator[Select[Any]]:
    """One part for each collection: what was stored since is out, also if its rejection is still kept."""
    table = tables.rejected_records
    for name in tables.registry.names:
        ids = [
            each
            for each, its in health.items()
            if any(one.has_rejected for one in its.resources if one.resource == name)
        ]
        if not ids:
            continue
        mirror = tables.mirror[name]
        both = table.outerjoin(
            mirror,
            and_(
                mirror.c.instance_id == table.c.instance_id,
                mirror.c.bigcommerce_id == table.c.bigcommerce_id,
            ),
        )
        is_older = or_(mirror.c.observed_at.is_(None), mirror.c.observed_at <= table.c.created_at)
        # Of rows of 0.1.0 the code is null.
        is_kept = case((table.c.reason_code.in_(QUARANTINE), 1), else_=0)
        yield (
            select(
                table.c.instance_id,
                table.c.resource,
                is_kept.label("is_kept"),
                # A record without an id counts by its row.
                func.count(func.coalesce(table.c.bigcommerce_id, -table.c.id).distinct()).label("number"),
                func.count(mirror.c.bigcommerce_id.distinct()).label("older"),
                func.min(table.c.created_at).label("since"),
            )
            .select_from(both)
            .where(table.c.instance_id.in_(ids), table.c.resource == name, is_older)
            .group_by(table.c.instance_id, table.c.resource, is_kept)
        )


def _failing(tables: Tables, health: Mapping[int, Health]) -> Iterator[Select[Any]]:
    table = tables.refreshes
    after: list[ColumnElement[bool]] = [
        and_(
            table.c.instance_id == instance_id,
            table.c.resource == each.resource,
            *(() if each.last_success is None else (table.c.finished_at > each.last_success.row.finished_at,)),
        )
        for instance_id, its in health.items()
        for each in its.resources
        if each.is_failing
    ]
    for begin in range(0, len(after), A_STATEMENT):
        yield (
            select(table.c.instance_id, table.c.resource, func.min(table.c.finished_at).label("since"))
            .where(table.c.status == "failed", or_(*after[begin : begin + A_STATEMENT]))
            .group_by(table.c.instance_id, table.c.resource)
        )


def _unlinked(tables: Tables, health: Mapping[int, Health]) -> Iterator[Select[Any]]:
    """One part for each store that has variants without a link for a reason."""
    table = tables.variants
    with_unsolved = [each for each, its in health.items() if any(one.has_unsolved for one in its.resources)]
    for instance_id in with_unsolved:
        few = (
            select(table.c.link_conflict_code.label("code"))
            .where(
                table.c.instance_id == instance_id,
                table.c.link_conflict_code.in_(list(LinkCode)),
                table.c.deleted_at.is_(None),
            )
            .limit(MOST_COUNTED + 1)
            .subquery()
        )
        yield (
            select(literal(instance_id).label("instance_id"), few.c.code, func.count().label("number"))
            .select_from(few)
            .group_by(few.c.code)
        )
