"""Connect a store: write the new instance and begin its refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert

from ... import history
from ...models.instances import IntegrationInstance, name_key
from ...refresh.lifecycle.transitions import start_instance
from ...signals import announce, instance_created
from ...worker import actors
from .. import queries
from ..context import Caller
from ..health import Health, health_before, health_of_new
from ..refreshes import HINT_AFTER_S
from ..transactions import commit, end_transaction, in_savepoint, undone_by_errors
from .draft import Draft
from .validation import name_refusal, require_valid
from .verification import store_of_columns, verify_credentials
from .views import InstanceView, view_of_new


def connect(caller: Caller, draft: Draft, *, verify: bool) -> InstanceView:
    """The new instance with its first refreshes, committed before hints and signals are sent.

    ``verify`` verifies the token first, with no transaction open; a store that does not answer is connected all the
    same, and its status message has the reason. Raises ``Invalid`` for a draft that cannot be accepted, also if another
    request took its name in this very moment.
    """
    status_message = None
    if verify:
        require_valid(caller, draft)
        end_transaction(caller.session)
        status_message = verify_credentials(caller.state, store_of_columns(draft.columns))
    view = _create(caller, draft, status_message)
    # The orders first, as they take longer: of two messages that one process gets, the second waits for another one.
    actors.send_hints(caller.state, [(each.row.resource, each.row.id) for each in reversed(view.health.newest)])
    announce(instance_created, instance_id=view.instance.id)
    return view


def _create(caller: Caller, draft: Draft, status_message: str | None) -> InstanceView:
    def work() -> InstanceView:
        require_valid(caller, draft)
        own = {
            "tenant": caller.tenant,
            "name_key": name_key(draft.columns["name"]),
            "created_by": caller.name,
            "status_message": status_message,
        }
        instance, health = _insert(caller, draft.columns | own)
        with undone_by_errors(caller.session):
            return view_of_new(caller, instance, health)

    return commit(caller.session, work)


def _insert(caller: Caller, row: Mapping[str, Any]) -> tuple[IntegrationInstance, Health]:
    """All of it in one savepoint, with a write first.

    pysqlite begins no transaction before a SAVEPOINT, so that the release of the outermost one commits: a second
    savepoint could be lost alone. And SQLite refuses the step from reader to writer when another writer is at work.
    """
    state, store_hash = caller.state, row["store_hash"]
    before = health_before(caller.session, state.tables, state.config, tenant=caller.tenant, store_hash=store_hash)
    values = {**row, "status": "active", "version": 1, "created_at": before.now, "updated_at": before.now}
    return in_savepoint(
        caller.session, lambda: _write(caller, values, before), lambda: name_refusal(caller, row["name_key"])
    )


def _write(caller: Caller, row: Mapping[str, Any], before: Health) -> tuple[IntegrationInstance, Health]:
    session, tables = caller.session, caller.state.tables
    result: Any = session.execute(insert(tables.instances), row)
    instance = IntegrationInstance.of_new({**row, "id": result.inserted_primary_key[0]})
    begun = start_instance(
        session,
        tables,
        instance.id,
        hint_after_s=HINT_AFTER_S,
        sweep_after_s=caller.state.config.sweep_interval_s,
        requested_by=caller.name,
        now=before.now,
    )
    history.record(session, tables, instance.id, "create", done_by=caller.name, changes=history.created(instance))
    views = [queries.view_of_new(tables, each, now=before.now, has_worker=before.has_worker) for each in begun]
    return instance, health_of_new(before, tables, views)
