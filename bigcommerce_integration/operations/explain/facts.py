"""What is stored about a record and its refreshes, gathered for an explanation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select

from ...refresh.write.page import QUARANTINE
from ...resources.columns import notes_of
from ...store_check.lookup import StoreAnswer
from ..context import RequestContext
from ..health import health_of
from ..instances.verification import store_of
from ..transactions import end_transaction

_SECOND = timedelta(seconds=1)
MODES: Mapping[str, str] = {
    "initial": "First import",
    "incremental": "Changes",
    "full": "Everything",
    "date_range": "Dates",
    "ids": "Chosen records",
    "create": "Make products",
    "reconcile": "Comparison",
}
"""What people call the modes of a refresh."""


@dataclass(frozen=True)
class Refreshing:
    """What is known of the refreshes of one resource; times are naive UTC."""

    resource: str
    watermark: datetime | None = None
    open_refresh: int | None = None
    next_at: datetime | None = None
    last_failure: str | None = None
    attention: str | None = None


@dataclass(frozen=True)
class Rejected:
    """A record that could not be stored."""

    id: int
    reason: str
    at: datetime
    is_tried_again: bool = False

    def is_newer_than(self, observed_at: datetime) -> bool:
        """Whether what is stored, read at this moment, is an older version; as the findings count it."""
        return observed_at <= self.at


@dataclass(frozen=True)
class Noted:
    """A stored row with notes on what could not be read; ``what`` names it in a sentence."""

    what: str
    notes: Sequence[Mapping[str, str]]


def rejected_record(context: RequestContext, resource: str, bigcommerce_id: int) -> Rejected | None:
    """The newest record of this id that could not be stored."""
    table = context.state.tables.rejected_records
    row = context.session.execute(
        select(table.c.id, table.c.reason, table.c.reason_code, table.c.created_at)
        .where(
            table.c.instance_id == context.instance.id,
            table.c.resource == resource,
            table.c.bigcommerce_id == bigcommerce_id,
        )
        .order_by(table.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Rejected(row.id, row.reason, row.created_at, row.reason_code in QUARANTINE)


def newer_rejected(
    context: RequestContext, resource: str, bigcommerce_id: int, observed_at: datetime
) -> Rejected | None:
    """The same, if it is newer than what is stored, which was read at ``observed_at``."""
    found = rejected_record(context, resource, bigcommerce_id)
    return found if found is not None and found.is_newer_than(observed_at) else None


@dataclass(frozen=True)
class Refreshed:
    """The refresh in whose time a row was read."""

    id: int
    mode: str


def refresh_at(context: RequestContext, resource: str, moment: datetime) -> Refreshed | None:
    """The only refresh of the collection that ran at this moment (naive UTC); None if several did, or it is gone."""
    table = context.state.tables.refreshes
    # A moment that the store tells is cut to its second.
    soonest, latest = moment - _SECOND, moment + _SECOND
    rows = context.session.execute(
        select(table.c.id, table.c.mode)
        .where(
            table.c.instance_id == context.instance.id,
            table.c.resource == resource,
            # It writes no row.
            table.c.mode != "reconcile",
            table.c.started_at <= latest,
            or_(table.c.finished_at.is_(None), table.c.finished_at >= soonest),
        )
        .order_by(table.c.id.desc())
        .limit(2)
    ).all()
    return Refreshed(rows[0].id, rows[0].mode) if len(rows) == 1 else None


def from_store(context: RequestContext, look_up: Callable[..., StoreAnswer], *asked: Any) -> StoreAnswer:
    """What the store answers, asked with no transaction open."""
    end_transaction(context.session)
    return look_up(context.state.config, context.state.cipher, store_of(context.instance), *asked)


def noted(what: str, rows: Sequence[Mapping[str, Any]]) -> list[Noted]:
    """Those of the rows that have notes; ``what`` names such a row in a sentence."""
    return [Noted(what, notes_of(row["notes"])) for row in rows if row["notes"] is not None]


def rows_of(context: RequestContext, table: Table, *which: ColumnElement[bool]) -> list[Mapping[str, Any]]:
    """The rows without payloads, by BigCommerce id."""
    read = [column for column in table.c if column.name != "payload"]
    statement = select(*read).where(*which).order_by(table.c.bigcommerce_id)
    return [dict(row._mapping) for row in context.session.execute(statement)]


def refreshing_of(context: RequestContext, resource: str) -> Refreshing:
    """How the refreshes of one resource stand."""
    state, instance = context.state, context.instance
    health = health_of(context.session, state.tables, state.config, instance)
    found = next(each for each in health.resources if each.resource == resource)
    opened, success, failure = found.open_refresh, found.last_success, found.last_failure
    if success is not None and failure is not None and success.row.id > failure.row.id:
        failure = None
    return Refreshing(
        resource=resource,
        watermark=found.watermark,
        open_refresh=None if opened is None else opened.row.id,
        next_at=found.next_refresh_at,
        last_failure=None if failure is None else failure.row.message,
        attention=instance.status_message if instance.status == "needs_attention" else None,
    )
