"""Erase a person: what is stored about them is blanked, and what the store sends again later is blanked before it is
stored.

First the person's hash is committed: whichever slice of a refresh takes its lease from then on blanks what it fetches.
Those that took it before are waited for. Then the stored rows are blanked, so many a transaction; a run that is killed
leaves nothing half done within one, and running it again finishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Collection as Ids
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Table, delete, select, update
from sqlalchemy.orm import Session

from ... import history
from ...client.records import Record, single
from ...client.redaction import blanked
from ...errors import ErasureIncomplete, StoreUnavailable
from ...models import db_now
from ...models.dialect.transactions import lockable
from ...models.instances import IntegrationInstance
from ...privacy.erased_people import remember
from ...refresh.job.context import Engine, new_owner
from ...refresh.job.lease import claim
from ...refresh.run.order_lines import hash_of_blanked
from ...refresh.write.behaviour import Collection
from ...refresh.write.host_calls import notify_host
from ...refresh.write.rows import PageTransaction, stored_rows, update_rows
from ...resources.base import Resource
from ...resources.mapping import content_hash
from ...resources.orders import ORDERS
from ...resources.person_data import keep_line, keep_order

RECORDS_A_BATCH = 1000
# These may have a megabyte each.
REJECTED_A_BATCH = 50
POLL_S = 0.1


@dataclass(frozen=True)
class Erased:
    """How many rows were blanked, by collection; and how many of those that were rejected."""

    records: Mapping[str, int]
    rejected_records: int


@dataclass(frozen=True)
class _Erasure:
    """One instance, and what says whose data is to go."""

    engine: Engine
    instance: IntegrationInstance
    is_unwanted: Callable[[Resource, object], bool]

    def concerns(self, resource: Resource, record: Record) -> bool:
        """Whether the record is to be blanked: also one whose text the store damaged, as its addresses may be too."""
        is_readable = record.raw is None and "\ufffd" not in record.text
        return not is_readable or self.is_unwanted(resource, record.value)

    def lease(self, name: str) -> tuple[Any, ...]:
        """The lease of a collection."""
        leases = self.engine.tables.leases
        return leases.c.instance_id == self.instance.id, leases.c.resource == name


def erase(engine: Engine, instance: IntegrationInstance, people: Sequence[str]) -> Erased:
    """Erase these people (see ``resources.person_data``) from the instance, and note that somebody was erased, not who.

    Raises ``ErasureIncomplete`` when a refresh holds on too long, ``HostRefused`` for what the host raised when it was
    told of a batch: what was done by then stays, and nothing comes back.
    """
    erased = engine.transaction(lambda session: remember(session, engine.tables, engine.cipher, instance.id, people))
    return _blank(_Erasure(engine, instance, erased.includes))


def erase_everybody(engine: Engine, instance: IntegrationInstance) -> Erased:
    """The same of all that was stored before ``PERSON_DATA=drop`` was set: nobody needs to be known again."""
    return _blank(_Erasure(engine, instance, lambda *_: True))


def _blank(erasure: _Erasure) -> Erased:
    engine, instance = erasure.engine, erasure.instance
    # One that has never begun for this store has no lease.
    epochs = {name: engine.transaction(partial(_epoch, erasure, name)) for name in engine.collections}
    about_people = [each for each in engine.collections.values() if each.resource.keep is not None]
    concerned = [each for each in about_people if epochs[each.name] is not None]
    for each in concerned:
        _wait_for_turn(erasure, each.name)
    records = {}
    for each in concerned:
        blank = _blank_orders if each.name == ORDERS.name else partial(_blank_records, each)
        records[each.name] = _in_batches(engine, partial(blank, erasure))
    rejected = _in_batches(engine, partial(_blank_rejected, erasure))
    changes = {**records, "rejected_records": rejected}
    engine.transaction(
        lambda session: history.record(session, engine.tables, instance.id, "erased", done_by=None, changes=changes)
    )
    return Erased(records, rejected)


def _wait_for_turn(erasure: _Erasure, name: str) -> None:
    """Wait until no slice is left that began before the people were known: it would write what it has in hand.

    It need not be the lease that is waited for (one slice may follow another without a gap), only its passing on. A
    lease that has lapsed is taken and given back: its holder may be frozen, and is fenced off.
    """
    engine, turn = erasure.engine, _Turn(erasure, name)
    config = engine.config
    ends_at = time.monotonic() + 2 * (config.slice_s + config.lease_s + config.timeout_s)
    while not engine.transaction(turn.is_passed_on):
        if time.monotonic() >= ends_at:
            raise ErasureIncomplete(
                f"A refresh of the {name} of instance {erasure.instance.id} does not come to its end: nothing that is "
                "stored was blanked yet. What arrives from now on is. Run the command again."
            )
        engine.stopping.wait(POLL_S)


@dataclass
class _Turn:
    """The lease of a collection; ``seen`` is its epoch at a moment when nobody was about to take it.

    A slice that is just taking the lease may have read already that nobody is erased. Its new epoch must not count as
    that of a later slice.
    """

    erasure: _Erasure
    name: str
    seen: int | None = None

    def is_passed_on(self, session: Session) -> bool:
        """Whether no slice has the lease that had it, or was about to take it, when this was first asked."""
        engine, instance_id = self.erasure.engine, self.erasure.instance.id
        length_s, owner = engine.config.lease_s, new_owner()
        lease = claim(
            session, engine.tables, instance_id=instance_id, resource=self.name, owner=owner, length_s=length_s
        )
        if lease is not None:
            lease.release(session)
            return True
        if self.seen is not None:
            return _epoch(self.erasure, self.name, session) != self.seen
        self.seen = next(iter(lockable(session, engine.tables.leases.c.epoch, *self.erasure.lease(self.name))), None)
        return False


def _epoch(erasure: _Erasure, name: str, session: Session) -> int | None:
    found: int | None = session.scalar(select(erasure.engine.tables.leases.c.epoch).where(*erasure.lease(name)))
    return found


def _in_batches(engine: Engine, blank: Callable[[int, Session], tuple[int, int | None]]) -> int:
    """Call ``blank`` with the id above which to go on, until it gives None for the next; how many it blanked in all."""
    count, above = 0, 0
    while True:
        blanked, last = engine.transaction(partial(blank, above))
        count += blanked
        if last is None:
            return count
        above = last


# -- collections ---------------------------------------------------------------------------------------------------


def _blank_records(collection: Collection, erasure: _Erasure, above: int, session: Session) -> tuple[int, int | None]:
    """Blanked records are mapped again: nothing of a person stays in a column, nor in what is within their record."""
    resource, keep = collection.resource, collection.resource.keep
    assert keep is not None
    table = collection.table(erasure.engine.tables)
    tx = _transaction(session, erasure, collection.name)
    rows = _stored(session, erasure, table, above)
    theirs, changed = set[int](), list[dict[str, Any]]()
    for row in rows:
        record = _record(row.payload)
        if not erasure.concerns(resource, record):
            continue
        text = blanked(record, keep).text
        if text != row.payload:
            theirs.add(row.bigcommerce_id)
            mapped = collection.mapper.map_record(replace(_record(text), id=row.bigcommerce_id))
            payload = {"payload": text, "content_hash": mapped.content_hash}
            changed.append({"row_id": row.id, **mapped.columns, **payload})
    update_rows(tx, table, changed, is_observed=False)
    for child in (each for each in resource.children if each.is_personal):
        within = tx.tables.mirror[child.name]
        of_theirs = stored_rows(tx, within, within.c[child.owner], theirs, within.c.id, within.c[child.owner])
        session.execute(delete(within).where(within.c.id.in_([row.id for row in of_theirs])))
    _end(tx, erasure, collection.name, theirs)
    return len(theirs), rows[-1].id if len(rows) == RECORDS_A_BATCH else None


def _blank_orders(erasure: _Erasure, above: int, session: Session) -> tuple[int, int | None]:
    """Amounts and lines stay; lines that were fetched apart have a text of their own."""
    table, lines = erasure.engine.tables.orders, erasure.engine.tables.order_lines
    tx = _transaction(session, erasure, ORDERS.name)
    rows = _stored(session, erasure, table, above)
    theirs, changed = set[int](), dict[int, dict[str, Any]]()
    for row in rows:
        order = _record(row.payload)
        if erasure.concerns(ORDERS, order):
            theirs.add(row.bigcommerce_id)
            text = blanked(order, keep_order).text
            if text != row.payload:
                new_hash = hash_of_blanked(row.content_hash, row.payload, text)
                changed[row.bigcommerce_id] = {"row_id": row.id, "payload": text, "content_hash": new_hash}
    update_rows(tx, table, list(changed.values()), is_observed=False)
    blanked_lines = list(_blanked_lines(tx, theirs))
    update_rows(tx, lines, [values for _, values in blanked_lines], is_observed=False)
    touched = {*changed, *(order_id for order_id, _ in blanked_lines)}
    _end(tx, erasure, ORDERS.name, touched)
    return len(touched), rows[-1].id if len(rows) == RECORDS_A_BATCH else None


def _blanked_lines(tx: PageTransaction, order_ids: Iterable[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of these orders that were fetched apart and hold personal data, with their orders' ids."""
    table = tx.tables.order_lines
    columns = (table.c.id, table.c.bigcommerce_order_id, table.c.payload)
    for row in stored_rows(tx, table, table.c.bigcommerce_order_id, order_ids, *columns):
        text = row.payload and blanked(_record(row.payload), keep_line).text
        if text != row.payload:
            values = {"row_id": row.id, "payload": text, "content_hash": content_hash(text)}
            yield row.bigcommerce_order_id, values


def _stored(session: Session, erasure: _Erasure, table: Table, above: int) -> Sequence[Any]:
    """The next rows of a collection."""
    return session.execute(
        select(table.c.id, table.c.bigcommerce_id, table.c.payload, table.c.content_hash)
        .where(table.c.instance_id == erasure.instance.id, table.c.id > above)
        .order_by(table.c.id)
        .limit(RECORDS_A_BATCH)
    ).all()


def _transaction(session: Session, erasure: _Erasure, name: str) -> PageTransaction:
    """One that takes turns with those of a refresh's pages: each begins with a write to the lease's row."""
    engine = erasure.engine
    leases, mine = engine.tables.leases, erasure.lease(name)
    session.execute(update(leases).where(*mine).values(change_number=leases.c.change_number))
    number, now = session.execute(select(leases.c.change_number, db_now()).where(*mine)).one()
    return PageTransaction(session, engine.tables, engine.host, erasure.instance, now, number)


def _end(tx: PageTransaction, erasure: _Erasure, name: str, touched: Ids[int]) -> None:
    """Tell the host, and keep the last change number."""
    if touched:
        notify_host(tx, name, sorted(touched))
        leases = erasure.engine.tables.leases
        tx.session.execute(update(leases).where(*erasure.lease(name)).values(change_number=tx.change_number))


# -- rejected records ----------------------------------------------------------------------------------------------


def _blank_rejected(erasure: _Erasure, above: int, session: Session) -> tuple[int, int | None]:
    """What cannot be read (cut off, or no JSON object) cannot be searched either: nothing of it is kept."""
    table, collections = erasure.engine.tables.rejected_records, erasure.engine.collections
    concerned = [name for name, each in collections.items() if each.resource.keep is not None]
    rows = session.execute(
        select(table.c.id, table.c.resource, table.c.payload)
        .where(
            table.c.instance_id == erasure.instance.id,
            table.c.resource.in_(concerned),
            table.c.payload.is_not(None),
            table.c.id > above,
        )
        .order_by(table.c.id)
        .limit(REJECTED_A_BATCH)
    ).all()
    count = 0
    for row in rows:
        resource, record = collections[row.resource].resource, _record(row.payload)
        assert resource.keep is not None
        if erasure.concerns(resource, record):
            payload = blanked(record, resource.keep).text.encode() or None
            if payload != row.payload:
                session.execute(update(table).where(table.c.id == row.id).values(payload=payload))
                count += 1
    return count, rows[-1].id if len(rows) == REJECTED_A_BATCH else None


def _record(payload: str | bytes) -> Record:
    """What is stored, as it came; without a value if it cannot be read."""
    text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
    try:
        return replace(single(payload), text=text)
    except StoreUnavailable:
        return Record(text, None, None)
