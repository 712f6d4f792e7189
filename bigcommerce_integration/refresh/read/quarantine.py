"""Records in quarantine: rejected as workers died over them, or by an error that nobody expected; tried again alone.

Being killed is weak evidence against a record. So each is tried again at the end of the refresh that rejected it, when
all else is stored, by the next incremental refreshes, and then by each sweep, so that one that does kill costs a worker
a day. A trial is noted before the record is asked for: should it kill, whoever comes next knows. Meanwhile pages that
bring such a record are stored without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from ...client.api import Reply
from ...models import Tables
from ...models.dialect.writes import affected
from ..job.context import Job
from ..job.lease import Lease
from ..write.behaviour import Collection, PageSink
from ..write.collection import write_page
from ..write.page import QUARANTINE, Counts, MappedPage, map_page
from ..write.rows import PageTransaction
from .fetcher import Fetch
from .slice import Slice, SliceEnds

OWN_TRIALS = 3
"""Trials in the refresh that rejected the record, or that was asked for it by id."""
LATER_TRIALS = 1
NEXT_REFRESHES = 2
"""Later incremental refreshes that try it again; from then on those alone that read everything, and sweeps."""


def has_held(tables: Tables, instance_id: Any, resource: Any) -> ColumnElement[bool]:
    """Whether the instance has records in quarantine; both may be another statement's columns."""
    return exists().where(*_in_quarantine(tables.rejected_records, instance_id, resource))


def held(session: Session, tables: Tables, instance_id: int, resource: str) -> frozenset[int]:
    """The ids of an instance's records in quarantine."""
    table = tables.rejected_records
    statement = select(table.c.bigcommerce_id).where(*_in_quarantine(table, instance_id, resource))
    return frozenset(session.scalars(statement))


def hasten(tx: PageTransaction, job: Job, ids: Sequence[int]) -> None:
    """Have these tried again by this refresh: it saw them, so they may have been changed in the store."""
    table = tx.tables.rejected_records
    mine = _in_quarantine(table, job.instance.id, job.resource)
    soon = NEXT_REFRESHES - 1
    tx.session.execute(
        update(table).where(*mine, table.c.bigcommerce_id.in_(ids), table.c.rounds > soon).values(rounds=soon)
    )


def try_again(slice_: Slice, collection: Collection, lease: Lease) -> None:
    """Each record in quarantine that this refresh is to try again, one after the other; ``SliceEnds`` in between."""
    job = slice_.job
    if lease is job.lease and not slice_.held and not slice_.results.values["rejected"]:
        # There was none when the lease was claimed, and nobody else writes any.
        return
    while (found := job.engine.transaction(lambda session: _next(session, job, collection.name))) is not None:
        if job.is_over:
            raise SliceEnds
        _note(slice_, found, lease)
        slice_.trial = found.id
        _Trial(slice_, found, collection, lease).run()
        slice_.trial = None


def _in_quarantine(table: Table, instance_id: Any, resource: Any) -> tuple[Any, ...]:
    return (
        table.c.instance_id == instance_id,
        table.c.resource == resource,
        table.c.bigcommerce_id.is_not(None),
        table.c.reason_code.in_(QUARANTINE),
    )


def _next(session: Session, job: Job, resource: str) -> Row[Any] | None:
    """The next one; ``is_own`` if this very refresh has rejected it or has begun to try it again."""
    table = job.engine.tables.rejected_records
    was_rejected, was_tried = table.c.refresh_id == job.refresh_id, table.c.tried_in == job.refresh_id
    most = OWN_TRIALS if job.mode == "ids" else LATER_TRIALS
    is_due = (table.c.rounds < NEXT_REFRESHES,) if job.mode == "incremental" else ()
    conditions = [
        and_(was_rejected, or_(table.c.tried_in.is_(None), table.c.tried_in != job.refresh_id)),
        and_(was_rejected, was_tried, table.c.trials < OWN_TRIALS),
    ]
    # Those of other refreshes: of products that an orders refresh fetched, the refresh of products takes care.
    if resource == job.resource:
        conditions += [
            and_(~was_rejected, was_tried, table.c.trials < most),
            and_(~was_rejected, or_(table.c.tried_in.is_(None), ~was_tried), *is_due),
        ]
    statement = (
        select(table.c.id, table.c.bigcommerce_id, or_(was_rejected, was_tried).label("is_own"))
        .where(*_in_quarantine(table, job.instance.id, resource), or_(*conditions))
        .order_by(table.c.id)
        .limit(1)
    )
    if job.mode == "ids":
        statement = statement.where(table.c.bigcommerce_id.in_(job.parameters.ids))
    return session.execute(statement).first()


def _note(slice_: Slice, found: Row[Any], lease: Lease) -> None:
    """Count a trial before it begins; a record of another refresh counts as this one's too from now on."""
    table, job = slice_.job.engine.tables.rejected_records, slice_.job

    def work(tx: PageTransaction) -> Counts:
        this = table.c.id == found.id
        again = update(table).where(this, table.c.tried_in == job.refresh_id).values(trials=table.c.trials + 1)
        if affected(tx.session, again) == 0:
            rounds = table.c.rounds + (0 if found.is_own else 1)
            tx.session.execute(update(table).where(this).values(tried_in=job.refresh_id, trials=1, rounds=rounds))
        return Counts({} if found.is_own else {"fetched": 1, "rejected": 1})

    slice_.commit(replace(slice_.step(work, lease=lease), is_progress=True))


@dataclass
class _Trial(PageSink):
    """The one record, asked for and stored: it leaves the quarantine with what came of it."""

    slice: Slice
    found: Row[Any]
    collection: Collection
    lease: Lease

    def run(self) -> None:
        """Until it is stored; ``SliceEnds`` if time is up before."""
        self.slice.fetcher.add(Fetch(self._ask, self._came))
        self.slice.settle(lambda: None)

    @property
    def _is_own(self) -> bool:
        return self.collection.name == self.slice.job.resource

    def _ask(self) -> Reply[MappedPage]:
        reply = self.slice.client.by_ids(self.collection.resource, [self.found.bigcommerce_id])
        return reply.holding(map_page(reply, self.collection.mapper.map_record))

    def _came(self, reply: Reply[MappedPage]) -> None:
        page = reply.value.only({self.found.bigcommerce_id})
        if self._is_own:
            self.collection.behaviour.before_write(self.slice, page, self)
        else:
            self.store(page)

    def store(self, page: MappedPage) -> None:
        self.slice.commit_page(page, self._write, lease=self.lease)

    def _write(self, tx: PageTransaction, page: MappedPage) -> Counts:
        counts = write_page(tx, self.collection, page, since=self.slice.checkpoint.since)
        if not self._is_own:
            counts = Counts({"referenced": counts.values["created"], "linked": counts.values["linked"]})
        _release(tx, self.found, self.collection, is_stored=bool(page.records))
        return counts + Counts({"rejected": -1})


def _release(tx: PageTransaction, found: Row[Any], collection: Collection, *, is_stored: bool) -> None:
    """Out of the quarantine: stored, gone from the store, or rejected for what it holds."""
    table = tx.tables.rejected_records
    same = _in_quarantine(table, tx.instance.id, collection.name)
    tx.session.execute(delete(table).where(*same, table.c.bigcommerce_id == found.bigcommerce_id))
    if is_stored:
        collection.behaviour.released(tx, found.bigcommerce_id)
