"""Connect a store: write the new instance and begin its refreshes."""

from __future__ import annotations

from typing import Any

from ... import history
from ...errors import Invalid
from ...models.dialect.inserts import Parts, inserted
from ...models.instances import IntegrationInstance, name_key
from ...refresh.lifecycle.transitions import new_leases, start_instance
from ...signals import announce, instance_created
from ...worker import actors
from .. import queries
from ..context import Caller
from ..health import Health, health_before, health_of_new
from ..refreshes import HINT_AFTER_S
from ..transactions import commit, end_transaction, undone_by_errors
from .draft import Draft
from .validation import NAME_TAKEN, require_valid
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
        require_valid(caller, draft, is_inserted_next=True)
        before = _before(caller, draft)
        row = _row(caller, draft, status_message, before)
        # What the host has pending fails here as its own error.
        caller.session.flush()
        # No savepoint: a statement that does not fail leaves the host's transaction as it is.
        table, parts = caller.state.tables.instances, _parts(caller, row, before)
        with undone_by_errors(caller.session):
            made = inserted(caller.session, table, [row], key="name_key", parts=parts, unique=("tenant", "name_key"))
            view = _begun(caller, IntegrationInstance.of_new(made[0]), before) if made else None
        if view is None:
            raise Invalid({"name": [NAME_TAKEN]})
        return view

    return commit(caller.session, work)


def _before(caller: Caller, draft: Draft) -> Health:
    state = caller.state
    which = {"tenant": caller.tenant, "store_hash": draft.columns["store_hash"]}
    return health_before(caller.session, state.tables, state.config, **which)


def _row(caller: Caller, draft: Draft, status_message: str | None, before: Health) -> dict[str, Any]:
    return {
        **draft.columns,
        "tenant": caller.tenant,
        "name_key": name_key(draft.columns["name"]),
        "created_by": caller.name,
        "status": "active",
        "status_message": status_message,
        "version": 1,
        "created_at": before.now,
        "updated_at": before.now,
    }


def _parts(caller: Caller, row: dict[str, Any], before: Health) -> list[Parts]:
    """What is inserted along with it: its leases, and the first entry of its history."""
    tables, now = caller.state.tables, before.now
    leases = new_leases(tables, sweep_after_s=caller.state.config.sweep_interval_s, now=now)
    entry = history.entry("create", done_by=caller.name, changes=history.created(row))
    return [Parts(tables.leases.c.instance_id, leases), Parts(tables.history.c.instance_id, [entry | {"done_at": now}])]


def _begun(caller: Caller, instance: IntegrationInstance, before: Health) -> InstanceView:
    """The new instance once its first refreshes are written; nothing is read back."""
    session, tables, now = caller.session, caller.state.tables, before.now
    begun = start_instance(session, tables, instance.id, hint_after_s=HINT_AFTER_S, requested_by=caller.name, now=now)
    views = [queries.view_of_new(tables, each, now=now, has_worker=before.has_worker) for each in begun]
    return view_of_new(caller, instance, health_of_new(before, tables, views))
