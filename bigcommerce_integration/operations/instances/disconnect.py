"""Disconnect a store: the instance is gone at once for everybody; the tick removes the rows that it leaves."""

from __future__ import annotations

from collections.abc import Set

from ... import history
from ...models.instances import TOKEN_PATH, IntegrationInstance
from ...refresh.job.lease import wait_for_instance
from ...refresh.removal.purge import DELETING, mark_deleted
from ...signals import announce, instance_deleted
from .. import queries
from ..context import RequestContext
from ..transactions import commit, undone_by_errors
from .validation import require_version
from .views import InstanceView, view_of


def disconnect(context: RequestContext, versions: Set[str] | None) -> InstanceView:
    """The instance as it is being deleted; the same if that is under way already.

    Raises ``VersionMismatch`` unless its version is among ``versions`` (None: whichever it is).
    """
    session, tables = context.session, context.state.tables

    def work() -> tuple[bool, InstanceView]:
        # Before the instance is read: what is read then stays as it is until the commit.
        wait_for_instance(session, tables, context.instance.id)
        instance = queries.instance(session, tables, context.instance.id, tenant=context.tenant, locking=True)
        if instance.status == DELETING:
            return False, view_of(context, instance)
        require_version(instance, versions)
        # After the commit a worker may have removed the last of it.
        with undone_by_errors(session):
            _delete(context, instance)
            deleted = queries.instance(session, tables, context.instance.id, tenant=context.tenant)
            return True, view_of(context, deleted)

    is_marked, view = commit(session, work)
    if is_marked:
        announce(instance_deleted, instance_id=context.instance.id)
    return view


def _delete(context: RequestContext, instance: IntegrationInstance) -> None:
    session, tables = context.session, context.state.tables
    mark_deleted(session, tables, instance.id)
    changes = {"status": {"from": instance.status, "to": DELETING}, TOKEN_PATH: "wiped"}
    history.record(session, tables, instance.id, "delete", done_by=context.name, changes=changes)
