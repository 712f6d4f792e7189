"""Erase a person: what is stored about them is blanked, and what the store sends again later is blanked before it is
stored.

First the person's hash is committed: whichever slice of a refresh begins from then on blanks what it fetches. Those
that began before are waited for. Then the stored rows are blanked, so many a transaction; a run that is killed leaves
nothing half done within one, and running it again finishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .. import history
from ..client.records import Record, single
from ..client.redaction import blanked_line, blanked_order
from ..errors import ErasureIncomplete, StoreUnavailable
from ..models import db_now
from ..models.instances import IntegrationInstance
from ..privacy.erased_people import remember
from ..refresh.job.context import Engine, new_owner
from ..refresh.job.lease import claim
from ..refresh.run.order_lines import hash_of_blanked
from ..refresh.write.host_calls import tell_host
from ..refresh.write.rows import PageTransaction, stored_rows, update_rows
from ..resources.mapping import content_hash
from ..resources.orders import ORDERS

ORDERS_A_BATCH = 1000
# These may have a megabyte each.
REJECTED_A_BATCH = 50
POLL_S = 0.1


@dataclass(frozen=True)
class Erased:
    """How many rows were blanked."""

    orders: int
    rejected_records: int


def erase(engine: Engine, instance: IntegrationInstance, people: Sequence[str]) -> Erased:
    """Erase these people (see ``privacy.erased_people``) from the instance, and note that somebody was erased, not who.

    Raises ``ErasureIncomplete`` when a refresh holds on too long, ``HostRefused`` for what the host raised when it was
    notified of a batch: what was done by then stays, and nothing comes back.
    """
    erased = engine.transaction(
        lambda session: remember(session, engine.tables, engine.cipher, instance.id, people),
    )
    return _blank(engine, instance, erased.includes)


def erase_everybody(engine: Engine, instance: IntegrationInstance) -> Erased:
    """The same of all that was stored before ``PERSON_DATA=drop`` was set: nobody needs to be known again."""
    return _blank(engine, instance, lambda _: True)


def _blank(engine: Engine, instance: IntegrationInstance, is_unwanted: Callable[[object], bool]) -> Erased:
    _wait_for_slices(engine, instance)
    orders = _in_batches(engine, partial(_blank_orders, engine, instance, is_unwanted))
    rejected = _in_batches(engine, partial(_blank_rejected, engine, instance, is_unwanted))
    changes = {"orders": orders, "rejected_records": rejected}
    engine.transaction(
        lambda session: history.record(session, engine.tables, instance.id, "erased", done_by=None, changes=changes)
    )
    return Erased(orders, rejected)


def _wait_for_slices(engine: Engine, instance: IntegrationInstance) -> None:
    """Wait until no slice is running that began before the people were known: it would write what it has fetched.

    It is enough that the lease passes on, as one slice may follow another without a gap. A lease that has lapsed is
    claimed and released: its holder may be frozen, and is fenced off.
    """
    config, seen = engine.config, engine.transaction(lambda session: _epoch(session, engine, instance))
    ends_at = time.monotonic() + 2 * (config.slice_s + config.lease_s + config.timeout_s)
    while not engine.transaction(lambda session: _is_passed_on(session, engine, instance, seen)):
        if time.monotonic() >= ends_at:
            raise ErasureIncomplete(
                f"A refresh of the orders of instance {instance.id} does not end: nothing that is stored was "
                "blanked yet. What arrives from now on is. Run the command again."
            )
        engine.stopping.wait(POLL_S)


def _is_passed_on(session: Session, engine: Engine, instance: IntegrationInstance, seen: int) -> bool:
    length_s, owner = engine.config.lease_s, new_owner()
    lease = claim(session, engine.tables, instance_id=instance.id, resource=ORDERS.name, owner=owner, length_s=length_s)
    if lease is None:
        return _epoch(session, engine, instance) != seen
    lease.release(session)
    return True


def _epoch(session: Session, engine: Engine, instance: IntegrationInstance) -> int:
    leases = engine.tables.leases
    epoch: int = session.execute(select(leases.c.epoch).where(*_lease(engine, instance))).scalar_one()
    return epoch


def _in_batches(engine: Engine, blank: Callable[[int, Session], tuple[int, int | None]]) -> int:
    """Call ``blank`` with the id above which to go on, until it gives None for the next; how many it blanked in all."""
    count, above = 0, 0
    while True:
        blanked, last = engine.transaction(partial(blank, above))
        count += blanked
        if last is None:
            return count
        above = last


# -- orders --------------------------------------------------------------------------------------------------------


def _blank_orders(
    engine: Engine, instance: IntegrationInstance, is_unwanted: Callable[[object], bool], above: int, session: Session
) -> tuple[int, int | None]:
    table, lines = engine.tables.orders, engine.tables.order_lines
    tx = _transaction(session, engine, instance)
    rows = session.execute(
        select(table.c.id, table.c.bigcommerce_id, table.c.payload, table.c.content_hash)
        .where(table.c.instance_id == instance.id, table.c.id > above)
        .order_by(table.c.id)
        .limit(ORDERS_A_BATCH)
    ).all()
    theirs, changed = set[int](), dict[int, dict[str, Any]]()
    for row in rows:
        order = _record(row.payload)
        if is_unwanted(order.value) or not _has_readable_person(order):
            theirs.add(row.bigcommerce_id)
            text = blanked_order(order).text
            if text != row.payload:
                new_hash = hash_of_blanked(row.content_hash, row.payload, text)
                changed[row.bigcommerce_id] = {"row_id": row.id, "payload": text, "content_hash": new_hash}
    update_rows(tx, table, list(changed.values()), is_observed=False)
    blanked = list(_blanked_lines(tx, theirs))
    update_rows(tx, lines, [values for _, values in blanked], is_observed=False)
    touched = sorted({*changed, *(order_id for order_id, _ in blanked)})
    if touched:
        tell_host(tx, ORDERS.name, touched)
        session.execute(
            update(engine.tables.leases).where(*_lease(engine, instance)).values(change_number=tx.change_number)
        )
    return len(touched), rows[-1].id if len(rows) == ORDERS_A_BATCH else None


def _blanked_lines(tx: PageTransaction, order_ids: Iterable[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of these orders that were fetched apart and hold personal data, with their orders' ids."""
    table = tx.tables.order_lines
    columns = (table.c.id, table.c.bigcommerce_order_id, table.c.payload)
    for row in stored_rows(tx, table, table.c.bigcommerce_order_id, order_ids, *columns):
        text = row.payload and blanked_line(_record(row.payload)).text
        if text != row.payload:
            values = {"row_id": row.id, "payload": text, "content_hash": content_hash(text)}
            yield row.bigcommerce_order_id, values


def _transaction(session: Session, engine: Engine, instance: IntegrationInstance) -> PageTransaction:
    """One that takes turns with those of a refresh's pages: each begins with a write to the lease's row."""
    leases = engine.tables.leases
    mine = _lease(engine, instance)
    session.execute(update(leases).where(*mine).values(change_number=leases.c.change_number))
    number, now = session.execute(select(leases.c.change_number, db_now()).where(*mine)).one()
    return PageTransaction(session, engine.tables, engine.host, instance, now, number)


def _lease(engine: Engine, instance: IntegrationInstance) -> tuple[Any, ...]:
    leases = engine.tables.leases
    return leases.c.instance_id == instance.id, leases.c.resource == ORDERS.name


# -- rejected records ----------------------------------------------------------------------------------------------


def _blank_rejected(
    engine: Engine, instance: IntegrationInstance, is_unwanted: Callable[[object], bool], above: int, session: Session
) -> tuple[int, int | None]:
    """What cannot be read (cut off, or no JSON object) cannot be searched either: nothing of it is kept."""
    table = engine.tables.rejected_records
    rows = session.execute(
        select(table.c.id, table.c.payload)
        .where(
            table.c.instance_id == instance.id,
            table.c.resource == ORDERS.name,
            table.c.payload.is_not(None),
            table.c.id > above,
        )
        .order_by(table.c.id)
        .limit(REJECTED_A_BATCH)
    ).all()
    count = 0
    for row in rows:
        order = _record(row.payload)
        if is_unwanted(order.value) or not _has_readable_person(order):
            payload = blanked_order(order).text.encode() or None
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


def _has_readable_person(order: Record) -> bool:
    """Whether the addresses in it can be believed; not in a text that the store damaged."""
    return order.raw is None and "\ufffd" not in order.text
