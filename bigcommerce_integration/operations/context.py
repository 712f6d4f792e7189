"""Who calls, and the instance that they may act on: what every operation begins with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from ..app_state import State
from ..errors import ConfigError, Forbidden, NotFound
from ..host.port import Host
from ..models.instances import IntegrationInstance
from ..models.types import NAME_LENGTH
from ..refresh.removal.purge import DELETING
from . import queries
from .queries import RefreshView


@dataclass(frozen=True)
class Caller:
    """Who calls one app: their tenant, and their name for the audit trail (None: the command line)."""

    state: State
    session: Session
    tenant: str
    name: str | None

    def require_permission(self, action: str, instance: IntegrationInstance | None = None) -> None:
        """Raises ``Forbidden`` if the host's ``may`` refuses the action."""
        if not self.state.host.may(action, instance):
            raise Forbidden("You are not permitted to do this.")


@dataclass(frozen=True)
class RequestContext(Caller):
    """A caller who may act on this instance."""

    instance: IntegrationInstance

    def require(self, action: str) -> None:
        """Raises ``Forbidden`` if the host's ``may`` refuses another action on the same instance."""
        self.require_permission(action, self.instance)


def caller_named(state: State, name: str | None) -> Caller:
    """The caller of this name, in the tenant and the session that the app has at this moment."""
    return Caller(state, state.db.session(), _tenant_of(state.host), name if name is None else name[:NAME_LENGTH])


def authorize(caller: Caller, action: str, instance_id: int, *, while_deleting: bool = False) -> RequestContext:
    """The caller's instance, once tenant and ``may`` agree; ``NotFound`` or ``Forbidden``.

    An instance that is being deleted is not found, except by those who may see just that (``while_deleting``).
    """
    instance = queries.instance(caller.session, caller.state.tables, instance_id, tenant=caller.tenant)
    return _permitted(caller, instance, action, while_deleting=while_deleting)


def authorize_refresh(caller: Caller, action: str, instance_id: int, refresh_id: int) -> RefreshView:
    """One refresh of the caller's instance, as ``authorize``, in one query: progress is polled again and again."""
    state, session = caller.state, caller.session
    found = queries.with_refreshes(
        session, state.tables, state.config, instance_id, tenant=caller.tenant, refresh_id=refresh_id
    )
    if found is None:
        # ``may`` is asked only if it is not the instance that is missing.
        authorize(caller, action, instance_id)
        raise NotFound(queries.NO_REFRESH)
    instance, (view,) = found
    _permitted(caller, instance, action)
    return view


def _permitted(
    caller: Caller, instance: IntegrationInstance, action: str, *, while_deleting: bool = False
) -> RequestContext:
    if instance.status == DELETING and not while_deleting:
        raise NotFound("This BigCommerce integration instance is being deleted.")
    caller.require_permission(action, instance)
    return RequestContext(caller.state, caller.session, caller.tenant, caller.name, instance)


def _tenant_of(host: Host) -> str:
    """The caller's tenant; ``ConfigError`` for one that the databases could not distinguish from another.

    MariaDB takes "a" and "a " for equal, so blanks around it are refused.
    """
    tenant = host.tenant()
    if not isinstance(tenant, str) or tenant != tenant.strip() or len(tenant) > NAME_LENGTH:
        raise ConfigError(
            f"Host.tenant() must return a string of at most {NAME_LENGTH} characters without blanks around it."
        )
    return tenant
