"""``/api/big-commerce`` and ``/api/big-commerce/<id>``: connect a store, and see those that are connected."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session

from ...app_state import State, current_state
from ...models.instances import IntegrationInstance
from ...operations.health import overview
from ...operations.warnings import of_instance, warnings
from ...signals import instance_created
from ...worker import actors
from ..http.access import ask, caller, require_login, require_permission, tenant_of
from ..http.announce import announce
from ..http.answers import instance_answer
from ..http.query_args import QueryBoolean, read_query
from ..schemas import ObjectSchema
from .checks import require_valid
from .creation import create
from .draft import read_draft
from .trial import end_transaction, store_of_columns, try_store
from .versions import etag

Answered = tuple[dict[str, Any], int, dict[str, str]]


class CreateQuery(ObjectSchema):
    """What may stand in the query string; ``verify=false`` connects the store with a token that was not tried."""

    verify = QueryBoolean(load_default=True)


def post_instance() -> Answered:
    """Connect a store: the instance and its first refreshes, committed before anybody else is told.

    The token is tried first, with no transaction open. A store that cannot be reached does not prevent the answer.
    """
    require_login()
    state = current_state()
    require_permission(state.host, "create", None)
    is_tried = read_query(request, CreateQuery())["verify"]
    draft, tenant = read_draft(request, state.cipher), tenant_of(state.host)
    unreached = None
    if is_tried:
        session = state.db.session()
        require_valid(draft, session=session, tables=state.tables, host=state.host, tenant=tenant)
        end_transaction(session)
        unreached = try_store(state, store_of_columns(draft.columns))
    created = create(state, draft, tenant=tenant, created_by=caller(), status_message=unreached)
    instance = created.instance
    # The orders first, as they take longer: of two messages that one process gets, the second waits for another one.
    actors.send_hints(state, [(view.row.resource, view.row.id) for view in reversed(created.overview.newest)])
    announce(instance_created, instance_id=instance.id)
    headers = {"Location": url_for(".get_instance", instance_id=instance.id), "ETag": etag(instance)}
    told = _warnings(state, state.db.session(), instance)
    answer = instance_answer(instance, created.overview, state.cipher, told)
    return {"data": answer, "warnings": told}, 201, headers


def get_instance(instance_id: str) -> Answered:
    """One connected store with its health and the newest refresh of each resource."""
    asked = ask("read", instance_id, while_deleting=True)
    return whole_answer(asked.state, asked.session, asked.instance)


def whole_answer(state: State, session: Session, instance: IntegrationInstance, *, status: int = 200) -> Answered:
    """The instance as it is now."""
    shown = overview(session, state.tables, state.config, instance)
    answer = instance_answer(instance, shown, state.cipher, _warnings(state, session, instance))
    return {"data": answer}, status, {"ETag": etag(instance)}


def _warnings(state: State, session: Session, instance: IntegrationInstance) -> list[dict[str, str]]:
    (told,) = warnings(session, state.tables, state.host, instance.tenant, [of_instance(instance)])
    return told
