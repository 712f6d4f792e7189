"""Who calls: the host's JWT, and the ids in the path."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask_jwt_extended import get_jwt_identity, verify_jwt_in_request

from ...app_state import current_state
from ...errors import NotFound
from ...operations import context, transactions
from ...operations.context import Caller, RequestContext
from ...operations.queries import RefreshView
from ...resources.values import INT64_MAX


def login() -> Caller:
    """The caller, once the host's JWT is verified, in the header only; its failures keep the host's own body."""
    verify_jwt_in_request(locations=["headers"])
    identity = get_jwt_identity()
    return context.caller_named(current_state(), None if identity is None else str(identity))


def authorize(action: str, instance_id: str, *, while_deleting: bool = False) -> RequestContext:
    """The caller's instance, once login, tenant and ``may`` agree; else as ``operations.context.authorize``."""
    return context.authorize(login(), action, parse_id(instance_id), while_deleting=while_deleting)


def authorize_refresh(action: str, instance_id: str, refresh_id: str) -> RefreshView:
    """One refresh of the caller's instance, once login, tenant and ``may`` agree."""
    return context.authorize_refresh(login(), action, parse_id(instance_id), parse_id(refresh_id))


def polled() -> AbstractContextManager[None]:
    """``operations.transactions.polled`` with the session of this request."""
    return transactions.polled(current_state().db.session())


def parse_id(text: str) -> int:
    """The id in a path; ``NotFound`` for whatever no row can have."""
    if text.isascii() and text.isdecimal() and not text.startswith("0") and len(text) <= 19 and int(text) <= INT64_MAX:
        return int(text)
    raise NotFound("Not found.")
