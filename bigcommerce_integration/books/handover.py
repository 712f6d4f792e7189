"""Hand postings over to the host, each exactly once: one transaction holds the host's own rows and the note of it.

A posting's row is locked while the host is called, and no other row of ours is, so that one that takes its time holds
up nothing else of the store. What the host raises undoes all of it and is noted in a transaction of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, select, update
from sqlalchemy.orm import Session

from ..accounting.postings import AccountingBatch, AccountingDocument
from ..errors import Conflict, HostRefused, NotFound
from ..host.port import AccountingHost
from ..models import Tables, db_now, is_due
from ..models.dialect.databases import dialect_of
from ..models.dialect.transactions import bounded_waits, is_lockable
from ..models.instances import IntegrationInstance
from ..refresh.job.context import Engine
from ..refresh.removal.purge import DELETING
from ..refresh.write.host_calls import calling_host
from ..resources.columns import CODE_LENGTH
from ..resources.columns import message as storable_message
from ..resources.values import storable
from .host.postings import posting_batch, posting_document
from .ledger import Ledger, awaited
from .stored import document_of, key_reader, lines_of

log = logging.getLogger(__name__)

MOST_TRIES = 14
FIRST_RETRY_S = 60.0
LONGEST_RETRY_S = 6 * 3600.0
A_TIME = 200
"""How many postings are looked up at a time."""
WAIT_S = 30
"""How long a posting that the host has taken waits for the ledger, as calling the host again is the worse way."""


def retry_after_s(tries: int) -> float:
    """When the host is called again after so many tries in vain; a minute at first, six hours at last."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(tries - 1, 20))


# -- by a person ---------------------------------------------------------------------------------------------------


def retry(
    session: Session, tables: Tables, instance_id: int, *, document: int | None = None, batch: int | None = None
) -> None:
    """Have the host called again at once for this document, or this batch, by its number; its tries count anew.

    ``NotFound`` without one. ``Conflict`` if it has neither failed nor waits for its next try, if it is being handed
    over at this moment, or goes with its batch. It must be the first of its transaction (see ``ledger.awaited``); the
    caller commits.
    """
    name, number = ("document", document or 0) if batch is None else ("batch", batch)
    table = tables.accounting_documents if batch is None else tables.accounting_batches
    which = (table.c.instance_id == instance_id, table.c.number == number)
    ledger = awaited(session, tables, instance_id)
    row = session.execute(select(table).where(*which)).one_or_none()
    if ledger is None or row is None:
        raise NotFound(f"There is no accounting {name} {number}.")
    if batch is None and row.batch_number is not None:
        raise Conflict(f"Document {number} is handed over with batch {row.batch_number}: retry that.", refresh_id=None)
    if row.status != "failed" and not (row.status == "pending" and row.tries):
        raise Conflict(f"The {name} {number} is {row.status}; only one that failed is tried again.", refresh_id=None)
    if not is_lockable(session, select(table.c.id).where(*which)):
        raise Conflict(f"The {name} {number} is being handed over at this moment.", refresh_id=None)
    _note(ledger, table, row, status="pending", tries=0, next_try_at=None, message=None)


# -- by a worker ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Handover:
    """What one instance's postings are handed over with."""

    engine: Engine
    host: AccountingHost
    instance_id: int

    @property
    def tables(self) -> Tables:
        return self.engine.tables


def hand_over(engine: Engine, host: AccountingHost, instance_id: int, *, ends_at: float) -> bool:
    """Hand over what is due of one instance, the lowest numbers first; whether time was up before all had their turn.

    Each in a transaction of its own. ``ends_at`` is by ``time.monotonic``; a call that was begun is ended.
    """
    handover = _Handover(engine, host, instance_id)
    for table in (engine.tables.accounting_documents, engine.tables.accounting_batches):
        for number in _due_numbers(handover, table):
            if engine.stopping.is_set() or time.monotonic() >= ends_at:
                return True
            _hand_over(handover, table, number)
    return False


def _due_numbers(handover: _Handover, table: Table) -> Iterator[int]:
    above = 0
    while True:
        wanted = select(table.c.number).where(*_is_due(table, handover.instance_id), table.c.number > above)
        numbers = handover.engine.transaction(partial(_scalars, wanted.order_by(table.c.number).limit(A_TIME)))
        yield from numbers
        if len(numbers) < A_TIME:
            return
        above = numbers[-1]


def _scalars(statement: Select[tuple[int]], session: Session) -> list[int]:
    return list(session.scalars(statement))


def _is_due(table: Table, instance_id: int) -> tuple[ColumnElement[bool], ...]:
    due = is_due(table.c.next_try_at, within_s=LONGEST_RETRY_S)
    alone = (table.c.batch_number.is_(None),) if "batch_number" in table.c else ()
    return table.c.instance_id == instance_id, table.c.status == "pending", due, *alone


def _hand_over(handover: _Handover, table: Table, number: int) -> None:
    try:
        handover.engine.transaction(partial(_call, handover, table, number))
    except HostRefused as error:
        log.warning(
            "Accounting posting %s of instance %s stays pending: %s",
            number,
            handover.instance_id,
            error,
            extra={"action": "post_accounting", "instance_id": handover.instance_id},
        )
        handover.engine.transaction(partial(_set_back, handover, table, number, str(error)))


def _call(handover: _Handover, table: Table, number: int, session: Session) -> None:
    # Locked while the host is called, so that nobody else calls it however long it takes.
    row = _locked(session, table, *_is_due(table, handover.instance_id), table.c.number == number)
    instance = None if row is None else _instance(handover, session)
    if row is None or instance is None:
        return
    posting = _posting(handover, session, table, row)
    with calling_host("post_accounting"):
        said: Any = handover.host.post_accounting(session, instance, posting)
        # What it left pending fails here as its own.
        session.flush()
    reference = _reference(said)
    change = _next_change(session, handover)
    if change is None:
        # The instance is being deleted.
        session.rollback()
        return
    values = {"host_reference": reference, "posted_at": db_now(), "message": None, "next_try_at": None}
    _write(session, handover.tables, table, row, change, status="posted", **values)


def _locked(session: Session, table: Table, *which: ColumnElement[bool]) -> Row[Any] | None:
    """The row, unless another transaction has it; in one statement where there are row locks, as there are many."""
    if dialect_of(session).has_row_locks:
        return session.execute(select(table).where(*which).with_for_update(skip_locked=True)).one_or_none()
    # A write, since only that takes SQLite's lock; it says the same as before.
    session.execute(update(table).where(*which).values(status=table.c.status))
    return session.execute(select(table).where(*which)).one_or_none()


def _next_change(session: Session, handover: _Handover) -> int | None:
    """The next change number of the ledger, which is waited for; None if it is gone."""
    table = handover.tables.accounting
    mine = table.c.instance_id == handover.instance_id
    is_free = is_lockable(session, select(table.c.instance_id).where(mine))
    with nullcontext() if is_free else bounded_waits(session, WAIT_S):
        session.execute(update(table).where(mine).values(change_number=table.c.change_number + 1))
    return session.scalar(select(table.c.change_number).where(mine))


def _instance(handover: _Handover, session: Session) -> IntegrationInstance | None:
    """None if it is being deleted, or if its settings have just changed what its postings are."""
    table, ledgers = handover.tables.instances, handover.tables.accounting
    mine = table.c.id == handover.instance_id
    found = session.execute(
        select(table).join(ledgers, ledgers.c.instance_id == table.c.id).where(mine, ledgers.c.renew_from.is_(None))
    ).one_or_none()
    return None if found is None or found.status == DELETING else IntegrationInstance.from_row(found)


def _posting(
    handover: _Handover, session: Session, table: Table, row: Row[Any]
) -> AccountingDocument | AccountingBatch:
    read_key = key_reader(session, handover.tables)
    documents = handover.tables.accounting_documents
    if table is documents:
        return posting_document(document_of(row, read_key))
    mine = (documents.c.instance_id == row.instance_id, documents.c.batch_number == row.number)
    its = session.execute(select(documents).where(*mine).order_by(documents.c.number))
    return posting_batch(row, lines_of(row.lines, read_key), (document_of(each, read_key) for each in its))


def _reference(said: object) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= CODE_LENGTH or storable(said) != said:
        raise HostRefused(
            f"The host's post_accounting returned {type(said).__name__}; it must return its reference, a string of 1 "
            f"to {CODE_LENGTH} characters."
        )
    return said


def _set_back(handover: _Handover, table: Table, number: int, message: str, session: Session) -> None:
    """Note that the host was called in vain, unless somebody else has the posting by now."""
    which = (*_is_due(table, handover.instance_id), table.c.number == number)
    ledger = awaited(session, handover.tables, handover.instance_id, wait_s=WAIT_S)
    row = None if ledger is None else _locked(session, table, *which)
    if ledger is None or row is None:
        return
    values: dict[str, Any] = {"tries": row.tries + 1, "message": storable_message(message)}
    if row.tries + 1 >= MOST_TRIES:
        _note(ledger, table, row, status="failed", next_try_at=None, **values)
    else:
        _note(ledger, table, row, status="pending", next_try_at=db_now(retry_after_s(row.tries + 1)), **values)


def _note(ledger: Ledger, table: Table, row: Row[Any], *, status: str, **values: Any) -> None:
    change = ledger.next_change()
    ledger.save()
    _write(ledger.session, ledger.tables, table, row, change, status=status, **values)


def _write(
    session: Session, tables: Tables, table: Table, row: Row[Any], change: int, *, status: str, **values: Any
) -> None:
    """Write it of a posting, and the same of a batch's documents: what is said of one posting is one change."""
    documents = tables.accounting_documents
    if table is documents:
        values["change_number"] = change
    session.execute(update(table).where(table.c.id == row.id).values(status=status, **values))
    if table is documents:
        return
    its = (documents.c.instance_id == row.instance_id, documents.c.batch_number == row.number)
    of_documents = {name: values[name] for name in ("host_reference", "posted_at", "message") if name in values}
    session.execute(update(documents).where(*its).values(status=status, change_number=change, **of_documents))
