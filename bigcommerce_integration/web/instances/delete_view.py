"""``DELETE /api/big-commerce/<id>``."""

from __future__ import annotations

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...models.instances import IntegrationInstance
from ...refresh.database import is_lockable
from ...refresh.deletion import DELETING, mark_deleted
from ...refresh.fencing import lock_leases
from ...signals import instance_deleted
from ...state import State
from .. import audit, queries
from ..access import ask, caller
from ..announce import announce
from ..attempts import RowLocked, in_transaction
from .differences import TOKEN_PATH
from .versions import require_match
from .views import Answered, whole_answer


def delete_instance(instance_id: str) -> Answered:
    """Gone at once for everybody; the tick removes what it leaves. The same answer if that is under way already."""
    asked = ask("delete", instance_id, while_deleting=True)
    state, session, tenant = asked.state, asked.session, asked.instance.tenant

    def work() -> bool:
        instance = queries.instance(session, state.tables, asked.instance.id, tenant=tenant)
        if instance.status == DELETING:
            return False
        require_match(request, instance)
        _delete(state, session, instance)
        return True

    if in_transaction(session, work):
        announce(instance_deleted, instance_id=asked.instance.id)
    shown = queries.instance(session, state.tables, asked.instance.id, tenant=tenant)
    return whole_answer(state, session, shown, status=202)


def _delete(state: State, session: Session, instance: IntegrationInstance) -> None:
    table = state.tables.instances
    as_seen = (table.c.id == instance.id, table.c.version == instance.version)
    # In the order in which pages lock them; no lock is waited for, as its holder may be frozen.
    if not lock_leases(session, state.tables, instance.id) or not is_lockable(
        session, select(table.c.id).where(*as_seen)
    ):
        raise RowLocked
    mark_deleted(session, state.tables, instance.id)
    changes = {"status": {"from": instance.status, "to": DELETING}, TOKEN_PATH: "wiped"}
    audit.record(session, state.tables, instance.id, "delete", done_by=caller(), changes=changes)
