"""Who asks, whether they may, and for which tenant."""

from __future__ import annotations

from dataclasses import dataclass

from flask_jwt_extended import get_jwt_identity, verify_jwt_in_request
from sqlalchemy.orm import Session

from ...app_state import State, current_state
from ...errors import ConfigError, Forbidden, NotFound
from ...host.port import Host
from ...models.instances import IntegrationInstance
from ...operations import queries

_TEXT_LIMIT = 255


@dataclass(frozen=True)
class Asked:
    """A permitted question about one instance: what every view of it begins with."""

    state: State
    session: Session
    instance: IntegrationInstance


def ask(action: str, instance_id: str, *, while_deleting: bool = False) -> Asked:
    """The caller's instance, once login, tenant and ``may`` agree; ``NotFound`` or ``Forbidden``.

    One that is being deleted is not there any more, but for those who want to see just that.
    """
    require_login()
    state = current_state()
    session = state.db.session()
    instance = queries.instance(session, state.tables, queries.parse_id(instance_id), tenant=tenant_of(state.host))
    return _permitted(state, session, instance, action, while_deleting=while_deleting)


def ask_for_refresh(action: str, instance_id: str, refresh_id: str) -> queries.RefreshView:
    """One refresh of the caller's instance, as ``ask``, in one query: progress is asked for again and again."""
    require_login()
    state = current_state()
    session = state.db.session()
    ids = queries.parse_id(instance_id), queries.parse_id(refresh_id)
    tenant = tenant_of(state.host)
    found = queries.with_refreshes(session, state.tables, state.config, ids[0], tenant=tenant, refresh_id=ids[1])
    if found is None:
        # Which of the two is missing decides whether ``may`` is asked.
        instance = queries.instance(session, state.tables, ids[0], tenant=tenant)
        _permitted(state, session, instance, action)
        raise NotFound(queries.NO_REFRESH)
    instance, (view,) = found
    _permitted(state, session, instance, action)
    return view


def _permitted(
    state: State, session: Session, instance: IntegrationInstance, action: str, *, while_deleting: bool = False
) -> Asked:
    if instance.status == "deleting" and not while_deleting:
        raise NotFound("This BigCommerce integration instance is being deleted.")
    require_permission(state.host, action, instance)
    return Asked(state, session, instance)


def require_login() -> None:
    """The host's JWT, in the header only; its failures keep the host's own body."""
    verify_jwt_in_request(locations=["headers"])


def caller() -> str | None:
    """The JWT's identity as text, as long as its column is."""
    identity = get_jwt_identity()
    return None if identity is None else str(identity)[:_TEXT_LIMIT]


def require_permission(host: Host, action: str, instance: IntegrationInstance | None) -> None:
    """Raises ``Forbidden`` if the host's ``may`` says no."""
    if not host.may(action, instance):
        raise Forbidden("You are not permitted to do this.")


def tenant_of(host: Host) -> str:
    """The caller's tenant; ``ConfigError`` for one that the databases could not tell from another.

    MariaDB takes "a" and "a " for equal, so blanks around it are refused.
    """
    tenant = host.tenant()
    if not isinstance(tenant, str) or tenant != tenant.strip() or len(tenant) > _TEXT_LIMIT:
        raise ConfigError(
            f"Host.tenant() must return a string of at most {_TEXT_LIMIT} characters without blanks around it."
        )
    return tenant
