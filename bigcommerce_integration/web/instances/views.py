"""``/api/big-commerce`` and ``/api/big-commerce/<id>``: connect a store, and see those that are connected."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session

from ... import tasks
from ...models.instances import IntegrationInstance
from ...signals import instance_created
from ...state import State, current_state
from ..access import ask, caller, require_login, require_permission, tenant_of
from ..announce import announce
from ..answers import instance_answer
from .creation import create
from .draft import read_draft
from .health import overview
from .versions import etag

Answered = tuple[dict[str, Any], int, dict[str, str]]


def post_instance() -> Answered:
    """Connect a store: the instance and its first refreshes, committed before anybody else is told."""
    require_login()
    state = current_state()
    require_permission(state.host, "create", None)
    created = create(state, read_draft(request, state.cipher), tenant=tenant_of(state.host), created_by=caller())
    instance = created.instance
    # The orders first, as they take longer: of two messages that one process gets, the second waits for another one.
    tasks.send_hints(state, [(view.row.resource, view.row.id) for view in reversed(created.overview.newest)])
    announce(instance_created, instance_id=instance.id)
    headers = {"Location": url_for(".get_instance", instance_id=instance.id), "ETag": etag(instance)}
    return {"data": instance_answer(instance, created.overview, state.cipher)}, 201, headers


def get_instance(instance_id: str) -> Answered:
    """One connected store with its health and the newest refresh of each resource."""
    asked = ask("read", instance_id, while_deleting=True)
    return whole_answer(asked.state, asked.session, asked.instance)


def whole_answer(state: State, session: Session, instance: IntegrationInstance, *, status: int = 200) -> Answered:
    """The instance as it is now."""
    shown = overview(session, state.tables, state.config, instance)
    return {"data": instance_answer(instance, shown, state.cipher)}, status, {"ETag": etag(instance)}
