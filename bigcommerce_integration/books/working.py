"""What a worker does for the books beside its tick: make documents, close batches, hand over to the host."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, or_, select, update
from sqlalchemy.orm import Session

from ..client.clock import local_now
from ..errors import HostRefused
from ..host.port import AccountingHost
from ..models import Tables, db_now, is_due
from ..models.instances import IntegrationInstance
from ..refresh.job.context import Engine
from ..refresh.job.database import is_conflict, shortage
from ..refresh.job.lease import lease_of
from ..refresh.removal.purge import DELETING
from ..resources.columns import message as storable_message
from ..resources.orders import ORDERS
from ..resources.refunds import REFUNDS
from .handover import LONGEST_RETRY_S, hand_over
from .keeping import keep
from .ledger import create
from .making.batches import OPEN
from .rules import Books

log = logging.getLogger(__name__)

A_TURN_S = 10.0
"""How long the making, and then the handing over, of one store may take before the next one has its turn."""
RETRY_S = 60.0
"""When documents are tried again that could not be made."""
_FARTHEST_EAST = timedelta(hours=14)


def keep_books(engine: Engine) -> None:
    """Bring the books of all stores up to date; nothing, without a single statement, for a host that keeps none.

    Commits in sessions of its own. It takes as long as the host's methods do. Stores take turns until nothing is left;
    one that fails does not hold up the others.
    """
    if not isinstance(engine.host, AccountingHost):
        return
    books = Books(engine.config, engine.tables, engine.host)
    waiting = engine.transaction(partial(_waiting, engine.tables))
    while waiting:
        waiting = [row for row in waiting if not engine.stopping.is_set() and _turn(engine, books, row)]


def _waiting(tables: Tables, session: Session) -> list[Row[Any]]:
    """The stores for which there may be something to do: their ids, and what of it there is beside handing over."""
    return list(session.execute(_wanted(tables)).all())


def _wanted(tables: Tables) -> Select[Any]:
    """The stores with work: whether the ledger is new, and whether documents are to be made."""
    instances, ledgers = tables.instances, tables.accounting
    is_made = is_due(ledgers.c.next_try_at, within_s=RETRY_S) & _is_to_make(tables)
    return (
        select(instances.c.id, ledgers.c.instance_id.is_(None).label("is_new"), is_made.label("is_to_make"))
        .select_from(instances.outerjoin(ledgers, ledgers.c.instance_id == instances.c.id))
        # The first refresh asks for the zone, which says what day it is.
        .where(instances.c.status != DELETING, instances.c.store_timezone.is_not(None))
        .where(or_(ledgers.c.instance_id.is_(None), is_made, *_is_to_hand_over(tables)))
        .order_by(instances.c.id)
    )


def _is_to_make(tables: Tables) -> ColumnElement[bool]:
    ledgers, returns, batches, refreshes = (
        tables.accounting,
        tables.returns,
        tables.accounting_batches,
        tables.refreshes,
    )
    this = tables.instances.c.id

    def written(resource: str) -> Any:
        lease = lease_of(tables, 0, resource)[1]
        return select(tables.leases.c.change_number).where(tables.leases.c.instance_id == this, lease).scalar_subquery()

    behind = [written(ORDERS.name) > ledgers.c.orders_read]
    if REFUNDS.name in tables.mirror:
        behind.append(written(REFUNDS.name) > ledgers.c.refunds_read)
    is_completed = (
        refreshes.c.instance_id == this,
        refreshes.c.resource == ORDERS.name,
        refreshes.c.status == "completed",
        or_(ledgers.c.costs_asked_at.is_(None), refreshes.c.finished_at > ledgers.c.costs_asked_at),
    )
    is_over = batches.c.date < (local_now() + _FARTHEST_EAST).date()
    return or_(
        *behind,
        ledgers.c.renew_from.is_not(None),
        ledgers.c.costs_from.is_not(None),
        exists().where(*is_completed),
        exists().where(returns.c.instance_id == this, returns.c.id > ledgers.c.returns_read),
        exists().where(batches.c.instance_id == this, batches.c.status == OPEN, is_over),
    )


def _is_to_hand_over(tables: Tables) -> list[ColumnElement[bool]]:
    documents = tables.accounting_documents
    return [
        exists().where(
            table.c.instance_id == tables.instances.c.id,
            table.c.status == "pending",
            is_due(table.c.next_try_at, within_s=LONGEST_RETRY_S),
            *((table.c.batch_number.is_(None),) if table is documents else ()),
        )
        for table in (documents, tables.accounting_batches)
    ]


def _turn(engine: Engine, books: Books, row: Row[Any]) -> bool:
    """One store's turn; whether it wants another."""
    try:
        if row.is_new:
            engine.transaction(partial(_create, engine.tables, row.id))
        is_to_make = row.is_new or row.is_to_make
        has_more = is_to_make and _make(engine, books, row.id, time.monotonic() + A_TURN_S)
        assert isinstance(engine.host, AccountingHost)
        return hand_over(engine, engine.host, row.id, ends_at=time.monotonic() + A_TURN_S) or has_more
    except Exception as error:
        what = shortage(error)
        if what is None and not is_conflict(error):
            log.exception("The books of instance %s cannot be kept.", row.id, extra=_extra(row.id))
        else:
            log.warning("The books of instance %s wait: %s", row.id, what, extra=_extra(row.id))
        return False


def _make(engine: Engine, books: Books, instance_id: int, ends_at: float) -> bool:
    """Documents and batches; whether more are left. What the host raises is noted, and tried again later."""
    try:
        while engine.transaction(partial(keep, books=books, instance_id=instance_id)):
            if engine.stopping.is_set() or time.monotonic() >= ends_at:
                return True
    except HostRefused as error:
        log.error("Documents of instance %s cannot be made: %s", instance_id, error, extra=_extra(instance_id))
        engine.transaction(partial(_note, engine.tables, instance_id, str(error)))
    return False


def _create(tables: Tables, instance_id: int, session: Session) -> None:
    found = session.execute(select(tables.instances).where(tables.instances.c.id == instance_id)).one_or_none()
    if found is not None and found.status != DELETING:
        create(session, tables, IntegrationInstance.from_row(found))


def _note(tables: Tables, instance_id: int, message: str, session: Session) -> None:
    table = tables.accounting
    values = {"message": storable_message(message), "next_try_at": db_now(RETRY_S)}
    session.execute(update(table).where(table.c.instance_id == instance_id).values(values))


def _extra(instance_id: int) -> dict[str, object]:
    return {"action": "accounting", "instance_id": instance_id}
