"""Start, cancel and retry a refresh: each in one transaction, and none of them waits long for a frozen worker."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..errors import Conflict, NotFound, RefreshCode
from ..models import Tables
from ..models.dialect.transactions import bounded_waits
from ..models.refreshes import OPEN
from ..refresh.job.lease import LOCK_WAIT_S
from ..refresh.job.parameters import BESIDE_WALKS, Mode, Parameters
from ..refresh.lifecycle.transitions import cancel, join_ids, open_key, reopen, start
from ..refresh.removal.purge import DELETING, NOT_FOUND
from ..resources.orders import ORDERS
from ..signals import announce, refresh_finished
from ..worker import actors
from ..worker.messages.sender import Hint
from . import queries
from .context import RequestContext
from .queries import RefreshView
from .transactions import QUICK_TRY_S, Unexplained, commit, end_transaction

# The request's own hint goes out within a second of the commit; the tick needs to send one only if that was lost.
HINT_AFTER_S = 10.0
MOST_CONTINUED = 100
"""Failed refreshes of ids that are continued at once, of each collection."""
SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.05, 0.5
"""How long a request that waits for a refresh pauses between two looks."""


def list_refreshes(
    context: RequestContext, *, page: int, per_page: int, **filters: str
) -> tuple[list[RefreshView], int]:
    """One page of an instance's refreshes, the newest first, and how many there are; ``filters`` by column."""
    state = context.state
    return queries.refreshes_of(
        context.session, state.tables, state.config, context.instance.id, page=page, per_page=per_page, **filters
    )


def latest_refreshes(context: RequestContext, count: int) -> list[RefreshView]:
    """The instance's newest, at most so many."""
    state = context.state
    mine = state.tables.refreshes.c.instance_id == context.instance.id
    return queries.latest_refreshes(context.session, state.tables, state.config, mine, limit=count)


def changes_a_day(context: RequestContext, days: int) -> list[tuple[date, int]]:
    """How many records were made, changed or marked as deleted on each of the last days (UTC), the oldest first."""
    table = context.state.tables.refreshes
    number = table.c.created + table.c.updated + table.c.deleted
    today = datetime.now(UTC).date()
    first = today - timedelta(days=days - 1)
    wanted = select(table.c.finished_at, number).where(
        table.c.instance_id == context.instance.id,
        table.c.finished_at >= datetime(first.year, first.month, first.day),
        number > 0,
    )
    found: Counter[date] = Counter()
    for finished_at, count in context.session.execute(wanted):
        found[finished_at.date()] += count
    return [(day, found[day]) for day in (first + timedelta(days=each) for each in range(days))]


def refresh_now(context: RequestContext, refresh_id: int) -> RefreshView:
    """A refresh of the instance as it is at this moment; ends the transaction, so that it can be asked for again."""
    context.session.rollback()
    view = _view(context, refresh_id)
    context.session.rollback()
    return view


def start_refresh(context: RequestContext, resource: str, mode: Mode, parameters: Parameters) -> RefreshView:
    """The new refresh, committed and hinted at; ``Conflict`` if it would walk what is being walked already.

    Ids join those of a refresh that has not begun yet, so that many small requests do not fill the queue.
    """
    ids = () if parameters.is_repair else parameters.ids

    def work(session: Session, tables: Tables) -> int:
        _require_begun(context, session, resource)
        known = join_ids(session, tables, instance_id=context.instance.id, resource=resource, ids=ids) if ids else None
        return known or start(
            session,
            tables,
            instance_id=context.instance.id,
            resource=resource,
            mode=mode,
            parameters=parameters,
            hint_after_s=HINT_AFTER_S,
            requested_by=context.name,
        )

    return _hinted(context, _committed(context, work, resource=None if mode in BESIDE_WALKS else resource))


def start_beside(context: RequestContext, work: Callable[[Session, Tables], int]) -> RefreshView:
    """The refresh whose id ``work`` gives, which is no walk, committed and hinted at."""
    return _hinted(context, _committed(context, work, resource=None))


def refresh_order(context: RequestContext, order_id: int, *, wait_s: float = 0.0) -> RefreshView:
    """The refresh that fetches one order by its BigCommerce id, as it stands once it has ended or the time is up.

    It is committed before. Waits ``wait_s`` seconds at most and looks at the database in between, with no transaction
    open. Once the refresh is completed the order is as the store has it, if it is to be here at all.
    """
    ends_at = time.monotonic() + wait_s
    view = start_refresh(context, ORDERS.name, "ids", Parameters(ids=(order_id,)))
    pause_s = SHORTEST_LOOK_S
    while view.row.status in OPEN and (left_s := ends_at - time.monotonic()) > 0:
        # A transaction would go on to see what it has seen before.
        end_transaction(context.session)
        time.sleep(min(pause_s, left_s))
        pause_s = min(2 * pause_s, LONGEST_LOOK_S)
        view = _view(context, view.row.id)
    return view


def _require_begun(context: RequestContext, session: Session, resource: str) -> None:
    """Raises ``Conflict`` for a collection that is newer than the instance and has not begun by itself yet."""
    tables = context.state.tables
    if tables.registry[resource].since is None:
        return
    leases = tables.leases
    mine = (leases.c.instance_id == context.instance.id, leases.c.resource == resource)
    if session.execute(select(leases.c.epoch).where(*mine)).first() is None:
        begins = tables.registry[resource].begins
        first = "" if begins is None else f"once the first refresh of the {begins.collection} is completed, and "
        raise Conflict(
            f"The {resource} of this store have not begun yet: they do by themselves, {first}about a minute after the "
            "last worker of an older version has ended.",
            refresh_id=None,
        )


def retry_refresh(context: RequestContext, refresh_id: int) -> RefreshView:
    """The refresh, open again where it stopped, committed and hinted at.

    ``Conflict`` if it did not stop, or another walk is open.
    """
    row = _view(context, refresh_id).row

    def work(session: Session, tables: Tables) -> int:
        if not reopen(session, tables, refresh_id, hint_after_s=HINT_AFTER_S):
            raise Conflict("Only a refresh that failed or was cancelled can be retried.", refresh_id=refresh_id)
        return refresh_id

    resource = None if row.mode in BESIDE_WALKS else row.resource
    return _hinted(context, _committed(context, work, resource=resource, but=refresh_id))


def retry_failed(context: RequestContext) -> list[RefreshView]:
    """Retry what has failed since the last success of its collection; the refreshes that go on."""
    found = failed_refreshes(context.session, context.state.tables, context.instance.id)
    return [retry_refresh(context, refresh_id) for _, refresh_id in found]


def failed_refreshes(session: Session, tables: Tables, instance_id: int) -> list[Hint]:
    """The newest walk of each collection if it has failed, and refreshes of ids that have since its last success."""
    refreshes = tables.refreshes
    found: list[Hint] = []
    for resource in tables.registry.names:
        mine = (refreshes.c.instance_id == instance_id, refreshes.c.resource == resource)
        walks = select(refreshes.c.id, refreshes.c.status, refreshes.c.error_code).where(
            *mine, refreshes.c.mode.not_in(BESIDE_WALKS)
        )
        newest = session.execute(walks.order_by(refreshes.c.id.desc()).limit(1)).one_or_none()
        completed = walks.where(refreshes.c.status == "completed").order_by(refreshes.c.id.desc()).limit(1)
        since = session.scalar(completed) or 0
        ids = select(refreshes.c.id).where(
            *mine, refreshes.c.mode == "ids", refreshes.c.status == "failed", refreshes.c.id > since
        )
        failed = [newest.id] if newest is not None and _has_failed(newest) else []
        few = session.scalars(ids.order_by(refreshes.c.id).limit(MOST_CONTINUED))
        found += [(resource, refresh_id) for refresh_id in (*failed, *few)]
    return found


def _has_failed(walk: Any) -> bool:
    """Also one that ended as the token lacked the scope of a collection that a store can do without."""
    is_off = walk.status == "cancelled" and walk.error_code == RefreshCode.SCOPE_MISSING
    return bool(walk.status == "failed" or is_off)


def cancel_refresh(context: RequestContext, refresh_id: int) -> RefreshView:
    """The refresh, cancelled and committed: it stops at its next page. ``Conflict`` if it had ended before."""
    _view(context, refresh_id)

    def work(session: Session, tables: Tables) -> int:
        if not cancel(session, tables, refresh_id):
            raise Conflict("This refresh has ended already.", refresh_id=refresh_id)
        return refresh_id

    cancelled = _committed(context, work, resource=None)
    announce(refresh_finished, instance_id=context.instance.id, refresh_id=refresh_id)
    return cancelled


def _hinted(context: RequestContext, view: RefreshView) -> RefreshView:
    actors.send_hints(context.state, [(view.row.resource, view.row.id)])
    return view


def _committed(
    context: RequestContext, work: Callable[[Session, Tables], int], *, resource: str | None, but: int | None = None
) -> RefreshView:
    """The refresh whose id ``work`` gives, all of it in one savepoint; ``resource`` is what it is to walk, if it is.

    ``but`` is the refresh that is no other. The host's pending rows are written first, to fail as its own.
    """
    session, tables = context.session, context.state.tables

    def attempt() -> RefreshView:
        session.flush()
        with bounded_waits(session, LOCK_WAIT_S):
            # Checked first: a database would wait for the transaction that a page of the open one is in.
            if resource is not None:
                _refuse_second_walk(context, resource, but)
            unexplained = None
            try:
                with session.begin_nested():
                    _hold_instance(context)
                    view = _view(context, work(session, tables))
            except IntegrityError as error:
                unexplained = Unexplained(error)
            if unexplained is None:
                return view
            # Outside of the handler, so that the refusal does not carry the failed statement along.
            if resource is not None:
                _refuse_second_walk(context, resource, but, locking=True)
            raise unexplained

    return commit(session, attempt, try_for_s=QUICK_TRY_S)


def _refuse_second_walk(context: RequestContext, resource: str, but: int | None, *, locking: bool = False) -> None:
    table = context.state.tables.refreshes
    found = select(table.c.id).where(table.c.open_key == open_key(context.instance.id, resource))
    # Read what is committed now, also where the transaction reads from an older snapshot (MariaDB).
    open_id = context.session.scalar(found.with_for_update(read=True) if locking else found)
    if open_id is not None and open_id != but:
        raise Conflict(
            f"Refresh {open_id} of the {resource} is open already: wait for its end, or cancel it.", refresh_id=open_id
        )


def _hold_instance(context: RequestContext) -> None:
    """Held until the commit, so that no refresh is begun of an instance whose deletion has ended all of them.

    In the order in which the end of a refresh locks, and by a write: SQLite refuses the step from reader to writer.
    """
    table = context.state.tables.instances
    held: Any = context.session.execute(
        update(table).where(table.c.id == context.instance.id, table.c.status != DELETING).values(status=table.c.status)
    )
    if held.rowcount != 1:
        raise NotFound(NOT_FOUND)


def _view(context: RequestContext, refresh_id: int) -> RefreshView:
    return queries.refresh(
        context.session,
        context.state.tables,
        context.state.config,
        instance_id=context.instance.id,
        refresh_id=refresh_id,
    )
