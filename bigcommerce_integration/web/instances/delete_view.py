"""``DELETE /api/big-commerce/<id>``."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from ... import history
from ...app_state import State
from ...models.instances import IntegrationInstance
from ...operations import queries
from ...operations.transactions import in_transaction, undone_by_errors
from ...refresh.job.fencing import LOCK_WAIT_S, wait_for_instance
from ...refresh.removal.deletion import DELETING, mark_deleted
from ...signals import instance_deleted
from ..http.access import ask, caller
from ..http.announce import announce
from .differences import TOKEN_PATH
from .versions import require_match
from .views import Answered, whole_answer


def delete_instance(instance_id: str) -> Answered:
    """Gone at once for everybody; the tick removes what it leaves. The same answer if that is under way already."""
    asked = ask("delete", instance_id, while_deleting=True)
    state, session, tenant = asked.state, asked.session, asked.instance.tenant

    def work() -> tuple[bool, Answered]:
        # Before the instance is read: what is read then stays as it is until the commit.
        wait_for_instance(session, state.tables, asked.instance.id, LOCK_WAIT_S)
        instance = queries.instance(session, state.tables, asked.instance.id, tenant=tenant, locking=True)
        if instance.status == DELETING:
            return False, whole_answer(state, session, instance, status=202)
        require_match(request, instance)
        # After the commit a worker may have removed the last of it.
        with undone_by_errors(session):
            _delete(state, session, instance)
            shown = queries.instance(session, state.tables, asked.instance.id, tenant=tenant)
            return True, whole_answer(state, session, shown, status=202)

    is_marked, answer = in_transaction(session, work)
    if is_marked:
        announce(instance_deleted, instance_id=asked.instance.id)
    return answer


def _delete(state: State, session: Session, instance: IntegrationInstance) -> None:
    mark_deleted(session, state.tables, instance.id)
    changes = {"status": {"from": instance.status, "to": DELETING}, TOKEN_PATH: "wiped"}
    history.record(session, state.tables, instance.id, "delete", done_by=caller(), changes=changes)
