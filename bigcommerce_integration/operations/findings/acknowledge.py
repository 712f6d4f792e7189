"""A person acknowledges a change in the store: the finding ends, and the history says who knew of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from ... import history
from ...errors import Conflict
from ...models.dialect.transactions import is_lockable
from ...models.dialect.writes import affected
from ...models.instances import IntegrationInstance
from ...refresh.job.regional import Subject, acknowledged
from ..context import RequestContext, stored
from ..transactions import RowLocked, commit, undone_by_errors
from .finding import FindingCode

CHANGES: Mapping[str, Subject] = {
    FindingCode.TIMEZONE_CHANGED: "timezone",
    FindingCode.CURRENCY_CHANGED: "currency",
}
"""What a person can acknowledge, by the code of the finding, with what of the store it is about."""

NAMES: Mapping[Subject, str] = {"timezone": "time zone", "currency": "default currency"}
"""What these are called in a sentence."""


def acknowledge(context: RequestContext, code: str, after: str) -> IntegrationInstance:
    """End the finding of ``code``, if the store still says ``after``; the instance as it is then, committed.

    Nothing happens if it was acknowledged before, or if the store took the change back. ``Conflict`` if the store says
    something else by now, which nobody has seen yet; ``DatabaseBusy``.
    """
    session, subject = context.session, CHANGES[code]

    def work() -> IntegrationInstance:
        with undone_by_errors(session):
            instance = stored(context)
            now = getattr(instance, f"store_{subject}")
            if now != after:
                raise Conflict(f"The store's {NAMES[subject]} is {now or 'not known'} by now.", refresh_id=None)
            if getattr(instance, f"{subject}_before") is not None:
                _write(context, instance, subject)
            return stored(context)

    return commit(session, work)


def _write(context: RequestContext, instance: IntegrationInstance, subject: Subject) -> None:
    session, tables = context.session, context.state.tables
    table = tables.instances
    before, now = getattr(instance, f"{subject}_before"), getattr(instance, f"store_{subject}")
    as_seen = (table.c.id == instance.id, table.c[f"store_{subject}"] == now, table.c[f"{subject}_before"] == before)
    # No lock is waited for, as its holder may be frozen.
    if not is_lockable(session, select(table.c.id).where(*as_seen)):
        raise RowLocked
    if affected(session, update(table).where(*as_seen).values(acknowledged(subject))) != 1:
        raise RowLocked
    changes: dict[str, Any] = {f"store_{subject}": {"from": before, "to": now}}
    history.record(session, tables, instance.id, "acknowledge", done_by=context.name, changes=changes)
