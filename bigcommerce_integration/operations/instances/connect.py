"""Connect a store: write the new instance and begin its refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from ... import history
from ...models import db_now
from ...models.instances import IntegrationInstance, name_key
from ...refresh.lifecycle.transitions import start_instance
from ...signals import announce, instance_created
from ...worker import actors
from .. import queries
from ..context import Caller
from ..health import Health, health_of_new
from ..transactions import commit, end_transaction, in_savepoint
from .draft import Draft
from .validation import name_refusal, require_valid
from .verification import store_of_columns, verify_credentials
from .views import InstanceView, view_of_new

# The request's own hint goes out within a second of the commit; the tick needs to send one only if that was lost.
HINT_AFTER_S = 10.0


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
    instance, health = _create(caller, draft, status_message)
    # The orders first, as they take longer: of two messages that one process gets, the second waits for another one.
    actors.send_hints(caller.state, [(view.row.resource, view.row.id) for view in reversed(health.newest)])
    announce(instance_created, instance_id=instance.id)
    # Begun anew after a deadlock as well: it is connected by now, and an error would tell the caller otherwise.
    return commit(caller.session, lambda: view_of_new(caller, instance, health))


def _create(caller: Caller, draft: Draft, status_message: str | None) -> tuple[IntegrationInstance, Health]:
    def work() -> tuple[IntegrationInstance, Health]:
        require_valid(caller, draft)
        own = {
            "tenant": caller.tenant,
            "name_key": name_key(draft.columns["name"]),
            "created_by": caller.name,
            "status_message": status_message,
        }
        return _insert(caller, draft.columns | own)

    return commit(caller.session, work)


def _insert(caller: Caller, row: Mapping[str, Any]) -> tuple[IntegrationInstance, Health]:
    """All of it in one savepoint, with a write first.

    pysqlite begins no transaction before a SAVEPOINT, so that the release of the outermost one commits: a second
    savepoint could be lost alone. And SQLite refuses the step from reader to writer when another writer is at work.
    """
    # Read once: the database's clock moves within a statement too.
    now = caller.session.scalar(select(db_now()))
    values = {**row, "status": "active", "created_at": now, "updated_at": now}
    return in_savepoint(caller.session, lambda: _write(caller, values), lambda: name_refusal(caller, row["name_key"]))


def _write(caller: Caller, row: Mapping[str, Any]) -> tuple[IntegrationInstance, Health]:
    session, state = caller.session, caller.state
    result: Any = session.execute(insert(state.tables.instances).values(**row))
    instance_id: int = result.inserted_primary_key[0]
    start_instance(
        session,
        state.tables,
        instance_id,
        hint_after_s=HINT_AFTER_S,
        sweep_after_s=state.config.sweep_interval_s,
        requested_by=caller.name,
    )
    found = queries.with_refreshes(session, state.tables, state.config, instance_id, tenant=caller.tenant)
    assert found is not None
    instance, begun = found
    history.record(session, state.tables, instance_id, "create", done_by=caller.name, changes=history.created(instance))
    return instance, health_of_new(session, state.tables, state.config, begun)
