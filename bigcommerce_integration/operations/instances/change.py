"""Change the settings of an instance, and begin at once what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, update

from ... import history
from ...books.settings import follow
from ...errors import NotFound
from ...models import db_now
from ...models.dialect.transactions import is_lockable
from ...models.instances import IntegrationInstance, name_key
from ...refresh.job.lease import wait_for_instance
from ...signals import announce, instance_changed
from ...store_check.queries import Store
from ...worker import actors
from ...worker.messages.sender import Hint
from ..context import RequestContext, stored
from ..refreshes import HINT_AFTER_S
from ..transactions import RowLocked, commit, end_transaction, in_savepoint, undone_by_errors
from . import side_effects
from .draft import Draft
from .validation import has_records, name_refusal, require_valid, require_version
from .verification import require_reachable
from .views import InstanceView, view_of


@dataclass(frozen=True)
class Changed:
    """The instance as it is now, and the refreshes that began or go on since the store is reached in another way."""

    view: InstanceView
    started: Sequence[Hint]


@dataclass(frozen=True)
class _Written:
    """What was written; ``is_reconnected``: the store is reached in another way than before.

    ``continued`` are refreshes that had failed and go on.
    """

    is_changed: bool = False
    is_reconnected: bool = False
    continued: Sequence[Hint] = ()


def change(context: RequestContext, draft: Draft, *, verify: bool, versions: Set[str] | None) -> Changed:
    """Store what the draft changes, all of it or nothing.

    ``verify`` verifies a new token, or another store hash, with the store first, with no transaction open. Raises
    ``VersionMismatch`` unless the instance's version is among ``versions`` (None: whichever it is), ``Invalid``, and
    ``StoreSilent`` if the store did not answer in time.
    """
    session = context.session
    # Before the store is queried, and again in the transaction: others may have changed the row meanwhile.
    columns = _accepted(context, context.instance, draft, versions)
    if verify and not side_effects.REACHING.isdisjoint(columns):
        reached = {name: columns.get(name, getattr(context.instance, name)) for name in Store.__dataclass_fields__}
        end_transaction(session)
        require_reachable(context.state, Store(**reached))

    def work() -> tuple[_Written, InstanceView]:
        written = _store(context, draft, versions)
        # After the commit somebody else may have deleted it, and a worker removed what was left.
        with undone_by_errors(session):
            return written, view_of(context, stored(context))

    written, committed = commit(session, work)
    if written.is_changed:
        announce(instance_changed, instance_id=context.instance.id)
    started = _start_due(context, written)
    return Changed(_current(context, committed) if started else committed, started)


def _start_due(context: RequestContext, written: _Written) -> list[Hint]:
    """What goes on, and what was due: begun and hinted at now, so that the answer can name it."""
    if not written.is_reconnected:
        return []
    started = [*written.continued, *actors.begin_due(context.state, context.instance.id)]
    actors.send_hints(context.state, started)
    return started


def _current(context: RequestContext, committed: InstanceView) -> InstanceView:
    """The instance as it is now; as it was committed if somebody else has deleted it since."""
    try:
        return view_of(context, stored(context))
    except NotFound:
        return committed


def _accepted(
    context: RequestContext, instance: IntegrationInstance, draft: Draft, versions: Set[str] | None
) -> dict[str, Any]:
    """The columns that are to be changed; raises ``VersionMismatch`` or ``Invalid``."""
    require_version(instance, versions)
    require_valid(context, draft, instance)
    return changed_columns(instance, draft.columns)


def changed_columns(instance: IntegrationInstance, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``columns`` that are not what is stored; a token that was given always counts as a new one."""
    return {
        name: value for name, value in columns.items() if name == "access_token" or value != getattr(instance, name)
    }


def _store(context: RequestContext, draft: Draft, versions: Set[str] | None) -> _Written:
    """What there was to change. Begun anew if another request changed the row meanwhile."""
    instance = stored(context)
    columns = _accepted(context, instance, draft, versions)
    if not columns:
        return _Written()
    key = name_key(columns.get("name", instance.name))
    return in_savepoint(
        context.session,
        lambda: _write(context, instance, columns, draft.accounting_from),
        lambda: name_refusal(context, key),
    )


def _write(
    context: RequestContext, instance: IntegrationInstance, columns: Mapping[str, Any], accounting_from: date | None
) -> _Written:
    session, tables = context.session, context.state.tables
    concerns_leases = side_effects.concerns_leases(columns)
    if concerns_leases:
        wait_for_instance(session, tables, instance.id)
    _update(context, instance, columns)
    # Checked again now that no page can be committed.
    if "store_hash" in columns and has_records(context, instance.id, locking=True):
        raise RowLocked
    if concerns_leases:
        side_effects.apply(context, instance, columns)
    follow(session, tables, context.state.host, instance, columns=columns, accounting_from=accounting_from)
    changes = history.changed(instance, columns)
    if accounting_from is not None:
        changes["accounting_from"] = accounting_from.isoformat()
    history.record(session, tables, instance.id, "change", done_by=context.name, changes=changes)
    if side_effects.REACHING.isdisjoint(columns):
        return _Written(is_changed=True)
    continued = side_effects.continue_failed(session, tables, instance.id, hint_after_s=HINT_AFTER_S)
    return _Written(is_changed=True, is_reconnected=True, continued=continued)


def _update(context: RequestContext, instance: IntegrationInstance, columns: Mapping[str, Any]) -> None:
    """The instance's row; ``RowLocked`` if somebody else has it or has changed it."""
    session, table = context.session, context.state.tables.instances
    as_seen = (table.c.id == instance.id, table.c.version == instance.version)
    # No lock is waited for, as its holder may be frozen.
    if not is_lockable(session, select(table.c.id).where(*as_seen)):
        raise RowLocked
    keyed = {"name_key": name_key(columns["name"])} if "name" in columns else {}
    values = {**columns, **keyed, **side_effects.instance_values(instance, columns)}
    written: Any = session.execute(
        update(table).where(*as_seen).values(**values, version=instance.version + 1, updated_at=db_now())
    )
    if written.rowcount != 1:
        raise RowLocked
