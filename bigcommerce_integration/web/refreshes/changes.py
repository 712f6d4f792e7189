"""Begin, cancel and retry a refresh: each in one transaction, and none of them waits long for a frozen worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ...errors import Conflict, NotFound
from ...models import Tables
from ...operations import queries
from ...operations.transactions import Unexplained, in_transaction
from ...refresh.job.database import bounded_waits
from ...refresh.lifecycle.reopen import reopen
from ...refresh.lifecycle.start import join_ids, open_key, start
from ...refresh.lifecycle.stop import cancel
from ..http.access import Asked
from .request import Wanted

# As for a new instance: the request's own hint goes out within a second of the commit.
HINT_AFTER_S = 10.0
LOCK_WAIT_S = 2
TRY_FOR_S = 5.0


def begin_refresh(asked: Asked, resource: str, wanted: Wanted, *, requested_by: str | None) -> queries.RefreshView:
    """The new refresh, committed; ``Conflict`` if it would walk what is being walked already.

    Ids join those of a refresh that has not begun yet, so that many who ask for a few do not fill the queue.
    """
    ids = wanted.parameters.ids

    def work(session: Session, tables: Tables) -> int:
        known = join_ids(session, tables, instance_id=asked.instance.id, resource=resource, ids=ids) if ids else None
        return known or start(
            session,
            tables,
            instance_id=asked.instance.id,
            resource=resource,
            mode=wanted.mode,
            parameters=wanted.parameters,
            hint_after_s=HINT_AFTER_S,
            requested_by=requested_by,
        )

    return _committed(asked, work, resource=None if wanted.mode == "ids" else resource)


def retry_refresh(asked: Asked, refresh_id: int) -> queries.RefreshView:
    """The refresh, open again where it stopped, committed; ``Conflict`` if it did not, or another walk is open."""
    row = _view(asked, refresh_id).row

    def work(session: Session, tables: Tables) -> int:
        if not reopen(session, tables, refresh_id, hint_after_s=HINT_AFTER_S):
            raise Conflict("Only a refresh that failed or was cancelled can be retried.", refresh_id=refresh_id)
        return refresh_id

    return _committed(asked, work, resource=None if row.mode == "ids" else row.resource, but=refresh_id)


def cancel_refresh(asked: Asked, refresh_id: int) -> queries.RefreshView:
    """The refresh, cancelled and committed; ``Conflict`` if it had ended before."""
    _view(asked, refresh_id)

    def work(session: Session, tables: Tables) -> int:
        if not cancel(session, tables, refresh_id):
            raise Conflict("This refresh has ended already.", refresh_id=refresh_id)
        return refresh_id

    return _committed(asked, work, resource=None)


def _committed(
    asked: Asked, work: Callable[[Session, Tables], int], *, resource: str | None, but: int | None = None
) -> queries.RefreshView:
    """The refresh whose id ``work`` gives, all of it in one savepoint; ``resource`` is what it is to walk, if it is.

    ``but`` is the refresh that is no other. The host's pending rows are written first, to fail as its own.
    """
    session, tables = asked.session, asked.state.tables

    def attempt() -> queries.RefreshView:
        session.flush()
        with bounded_waits(session, LOCK_WAIT_S):
            # Looked at first: a database would wait for the transaction that a page of the open one is in.
            if resource is not None:
                _refuse_second_walk(asked, resource, but)
            unexplained = None
            try:
                with session.begin_nested():
                    _hold_instance(asked)
                    view = _view(asked, work(session, tables))
            except IntegrityError as error:
                unexplained = Unexplained(error)
            if unexplained is None:
                return view
            # Outside of the handler, so that the refusal does not carry the failed statement along.
            if resource is not None:
                _refuse_second_walk(asked, resource, but, locking=True)
            raise unexplained

    return in_transaction(session, attempt, try_for_s=TRY_FOR_S)


def _refuse_second_walk(asked: Asked, resource: str, but: int | None, *, locking: bool = False) -> None:
    table = asked.state.tables.refreshes
    found = select(table.c.id).where(table.c.open_key == open_key(asked.instance.id, resource))
    # Read what is committed now, also where the transaction reads from an older snapshot (MariaDB).
    open_id = asked.session.scalar(found.with_for_update(read=True) if locking else found)
    if open_id is not None and open_id != but:
        raise Conflict(
            f"Refresh {open_id} of the {resource} is open already: wait for its end, or cancel it.", refresh_id=open_id
        )


def _hold_instance(asked: Asked) -> None:
    """Held until the commit, so that no refresh is begun of an instance whose deletion has ended all of them.

    In the order in which the end of a refresh locks, and by a write: SQLite refuses the step from reader to writer.
    """
    table = asked.state.tables.instances
    held: Any = asked.session.execute(
        update(table).where(table.c.id == asked.instance.id, table.c.status != "deleting").values(status=table.c.status)
    )
    if held.rowcount != 1:
        raise NotFound("This BigCommerce integration instance is being deleted.")


def _view(asked: Asked, refresh_id: int) -> queries.RefreshView:
    return queries.refresh(
        asked.session, asked.state.tables, asked.state.config, instance_id=asked.instance.id, refresh_id=refresh_id
    )
