"""``/api/big-commerce`` and ``/api/big-commerce/<id>``."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from .. import tasks
from ..signals import instance_created
from ..state import current_state
from . import queries
from .access import ask, caller, require_login, require_permission, tenant_of
from .announce import announce
from .answers import instance_answer
from .creation import create
from .draft import read_draft


def post_instance() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Connect a store: the instance and its first refreshes, committed before anybody else is told."""
    require_login()
    state = current_state()
    require_permission(state.host, "create", None)
    created = create(state, read_draft(request, state.cipher), tenant=tenant_of(state.host), created_by=caller())
    instance = created.instance
    tasks.send_hints(state, [(view.row.resource, view.row.id) for view in created.refreshes])
    announce(instance_created, instance_id=instance.id)
    location = url_for(".get_instance", instance_id=instance.id)
    return {"data": instance_answer(instance, created.refreshes, state.cipher)}, 201, {"Location": location}


def get_instance(instance_id: str) -> dict[str, Any]:
    """One connected store with the newest refresh of each resource."""
    asked = ask("read", instance_id, while_deleting=True)
    state = asked.state
    refreshes = queries.newest_refreshes(asked.session, state.tables, state.config, asked.instance.id)
    return {"data": instance_answer(asked.instance, refreshes, state.cipher)}
