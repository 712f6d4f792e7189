"""Call the host until it returns: one worker at a time for each row, with longer and longer pauses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from ...app_state import public_page
from ...host.port import Attention, AttentiveHost
from ...models import db_now, is_due
from ...models.dialect.transactions import bounded_waits, is_lockable
from ...models.dialect.writes import affected
from ...refresh.job.context import Engine
from ..findings.finding import FindingCode, can_wait
from .decision import LONGEST_RETRY_S, Step, next_step, retry_after_s

log = logging.getLogger(__name__)

CALLS_A_TIME = 100
LOOK_S = 2
"""Nobody needs longer to look at a row, unless it is frozen."""
_STANDS_STILL = "a-refresh-is-processing-and-its-progress-stands-still"
_NEEDS_ATTENTION = "a-store-needs-attention"
_LEFT_OUT = "a-refresh-completed-but-records-were-left-out"
_REGIONAL = "the-time-zone-or-the-currency-of-a-store-has-changed"
_BOOKS = "documents-are-held-or-your-books-did-not-take-them"
_HELP: Mapping[str, str] = {
    FindingCode.NO_WORKER: "a-refresh-stays-pending",
    FindingCode.BROKER_DOWN: "the-broker-does-not-answer",
    FindingCode.TOKEN_REFUSED: _NEEDS_ATTENTION,
    FindingCode.KEY_MISSING: "encryption-keys-where-to-keep-them-and-how-to-rotate-them",
    FindingCode.STORE_NOT_FOUND: _NEEDS_ATTENTION,
    FindingCode.OTHER_STORE: _NEEDS_ATTENTION,
    FindingCode.REFRESH_OVERDUE: _STANDS_STILL,
    FindingCode.RECORDS_REJECTED: _LEFT_OUT,
    FindingCode.RECORDS_TRIED_AGAIN: _LEFT_OUT,
    FindingCode.DRIFT_FOUND: "a-comparison-found-records-that-differ",
    FindingCode.TIMEZONE_CHANGED: _REGIONAL,
    FindingCode.CURRENCY_CHANGED: _REGIONAL,
    FindingCode.PRODUCTS_REFUSED: "variants-are-not-linked",
    FindingCode.LINK_CONFLICTS: "variants-are-not-linked",
    FindingCode.POSTINGS_FAILED: _BOOKS,
    FindingCode.DOCUMENTS_HELD: _BOOKS,
    FindingCode.DOCUMENTS_WAITING: _BOOKS,
    FindingCode.STORE_UNREACHABLE: "the-store-cannot-be-reached",
    FindingCode.RETRYING: _STANDS_STILL,
    FindingCode.WAITING_FOR_QUOTA: _STANDS_STILL,
}
"""The heading of docs/operations.md about each; of the others "A refresh failed"."""


def call(host: AttentiveHost, engine: Engine) -> None:
    """Tell the host of all that is due. What it raises is logged, and the others are told all the same."""
    table = engine.tables.alerts
    waiting = select(table, db_now().label("now")).where(is_due(table.c.next_try_at, within_s=LONGEST_RETRY_S))
    rows = engine.transaction(lambda session: session.execute(waiting.order_by(table.c.tries, table.c.id)).all())
    due = [(row, step) for row in rows if (step := next_step(row, row.now)) is not None]
    for row, step in due[:CALLS_A_TIME]:
        if engine.stopping.is_set():
            return
        if step is Step.FORGET:
            engine.transaction(partial(_forget, engine, row))
        elif _claim(engine, row):
            _tell(host, engine, row, step)


def _as_seen(engine: Engine, row: Row[Any]) -> tuple[Any, ...]:
    """The same row, for which nobody else has done this step meanwhile."""
    table = engine.tables.alerts
    told = table.c.told_at.is_(None) if row.told_at is None else table.c.told_at.is_not(None)
    gone = table.c.gone_at.is_(None) if row.gone_at is None else table.c.gone_at.is_not(None)
    return table.c.id == row.id, told, gone


def _forget(engine: Engine, row: Row[Any], session: Session) -> None:
    table, which = engine.tables.alerts, (*_as_seen(engine, row), engine.tables.alerts.c.tries == 0)
    if is_lockable(session, select(table.c.id).where(*which)):
        session.execute(delete(table).where(*which))


def _claim(engine: Engine, row: Row[Any]) -> bool:
    """Whether the call is ours: others wait for as long as for one that has failed."""
    table = engine.tables.alerts
    which = (*_as_seen(engine, row), table.c.tries == row.tries)

    def work(session: Session) -> bool:
        if not is_lockable(session, select(table.c.id).where(*which)):
            return False
        ours = {"tries": row.tries + 1, "next_try_at": db_now(retry_after_s(row.tries))}
        return affected(session, update(table).where(*which).values(ours)) == 1

    return engine.transaction(work)


def _tell(host: AttentiveHost, engine: Engine, row: Row[Any], step: Step) -> None:
    table = engine.tables.alerts
    which = (*_as_seen(engine, row), table.c.tries == row.tries + 1)
    attention = _attention(engine, row, is_over=step is Step.END)

    def work(session: Session) -> None:
        # Locked while the host is called, so that nobody else calls it however long it takes. Another worker that
        # looks whether the row is free has it for a moment; this is waited for, as the claim is ours.
        with bounded_waits(session, LOOK_S):
            ours = session.execute(select(table.c.id).where(*which).with_for_update()).first()
        if ours is None:
            return
        host.attention_needed(session, attention)
        if step is Step.END:
            session.execute(delete(table).where(table.c.id == row.id))
        else:
            done = {"told_at": db_now(), "tries": 0, "next_try_at": None}
            session.execute(update(table).where(table.c.id == row.id).values(done))

    try:
        engine.transaction(work)
    except Exception:
        log.exception(
            "attention_needed of the host failed for %s of instance %s. It is called again in %d seconds.",
            row.code,
            row.instance_id or None,
            retry_after_s(row.tries),
            extra={"action": "alert", "instance_id": row.instance_id or None, "resource": row.resource or None},
        )


def _attention(engine: Engine, row: Row[Any], *, is_over: bool) -> Attention:
    return Attention(
        id=row.id,
        is_over=is_over,
        code=row.code,
        severity=row.severity,
        sentence=row.sentence,
        verdict="A person is needed." if row.severity == "person" else "Nothing is lost.",
        can_wait=can_wait(row.code, row.severity),
        since=row.since or row.noticed_at,
        last_success_at=row.last_success_at,
        tenant=row.tenant,
        instance_id=row.instance_id or None,
        store=row.store,
        resource=row.resource or None,
        url=public_page(engine.config.public_url, row.instance_id or None, row.link),
        help=f"docs/operations.md#{_HELP.get(row.code, 'a-refresh-failed')}",
    )
