"""Who calls, and the instance that they may act on: what every operation begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..app_state import State
from ..errors import ConfigError, Forbidden, NotFound
from ..host.port import Host
from ..models.instances import IntegrationInstance
from ..models.types import NAME_LENGTH
from ..refresh.removal.purge import DELETING, NOT_FOUND
from . import queries
from .health import Leases, with_leases
from .queries import RefreshView


@dataclass(frozen=True)
class Caller:
    """Who calls one app: their tenant, and their name for the audit trail.

    ``has_shell``: they call from the command line, where ``may`` is not asked, as who has the shell has the database.
    """

    state: State
    session: Session
    tenant: str
    name: str | None
    has_shell: bool = field(default=False, kw_only=True)

    def may(self, action: str, instance: IntegrationInstance | None = None) -> bool:
        """Whether the caller may do this."""
        return self.has_shell or self.state.host.may(action, instance)

    def on(self, instance: IntegrationInstance) -> RequestContext:
        """The same caller, who may act on this instance."""
        return RequestContext(self.state, self.session, self.tenant, self.name, instance, has_shell=self.has_shell)

    def require_permission(self, action: str, instance: IntegrationInstance | None = None) -> None:
        """Raises ``Forbidden`` if the host's ``may`` refuses the action."""
        if not self.may(action, instance):
            raise Forbidden("You are not permitted to do this.")


@dataclass(frozen=True)
class RequestContext(Caller):
    """A caller who may act on this instance."""

    instance: IntegrationInstance

    def permits(self, action: str) -> bool:
        """Whether the caller may do another thing to the same instance."""
        return self.may(action, self.instance)

    def require(self, action: str) -> None:
        """Raises ``Forbidden`` if the host's ``may`` refuses another action on the same instance."""
        self.require_permission(action, self.instance)


def caller_named(state: State, name: str | None) -> Caller:
    """The caller of this name, in the tenant and the session that the app has at this moment."""
    return Caller(state, state.db.session(), _tenant_of(state.host), name if name is None else name[:NAME_LENGTH])


def caller_with_shell(state: State, tenant: str, name: str) -> Caller:
    """Somebody at the command line, who works for this tenant; ``ConfigError`` for one that cannot be."""
    return Caller(state, state.db.session(), _checked(tenant, "A tenant must be"), name[:NAME_LENGTH], has_shell=True)


def tenant_without_request(state: State) -> str:
    """The tenant of a command that names none; ``ConfigError`` for a host that reads it from the request."""
    try:
        return _tenant_of(state.host)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError("This app has tenants, and a command has no request: say whose with --tenant.") from error


def tenant_of_instance(state: State, instance_id: int) -> str:
    """The tenant to whom an instance belongs; ``NotFound``."""
    table = state.tables.instances
    tenant: str | None = state.db.session().scalar(select(table.c.tenant).where(table.c.id == instance_id))
    if tenant is None:
        raise NotFound(f"There is no instance {instance_id}. `flask bigcommerce list` shows those that there are.")
    return tenant


def instance_of_refresh(state: State, refresh_id: int) -> int:
    """The id of the instance to which a refresh belongs; ``NotFound``."""
    table = state.tables.refreshes
    found: int | None = state.db.session().scalar(select(table.c.instance_id).where(table.c.id == refresh_id))
    if found is None:
        raise NotFound(f"There is no refresh {refresh_id}.")
    return found


def authorize(caller: Caller, action: str, instance_id: int, *, while_deleting: bool = False) -> RequestContext:
    """The caller's instance, once tenant and ``may`` agree; ``NotFound`` or ``Forbidden``.

    An instance that is being deleted is not found, except by those who may see just that (``while_deleting``).
    """
    instance = queries.instance(caller.session, caller.state.tables, instance_id, tenant=caller.tenant)
    return _permitted(caller, instance, action, while_deleting=while_deleting)


def authorize_with_leases(
    caller: Caller, action: str, instance_id: int, *, while_deleting: bool = False
) -> tuple[RequestContext, Leases]:
    """As ``authorize``, with the instance's leases in the same query: the state of a store is polled too."""
    state = caller.state
    instance, leases = with_leases(caller.session, state.tables, state.config, instance_id, tenant=caller.tenant)
    return _permitted(caller, instance, action, while_deleting=while_deleting), leases


def authorize_refresh(caller: Caller, action: str, instance_id: int, refresh_id: int) -> RefreshView:
    """One refresh of the caller's instance, as ``authorize``, in one query: progress is polled again and again."""
    state, session = caller.state, caller.session
    found = queries.with_refresh(
        session, state.tables, state.config, instance_id, tenant=caller.tenant, refresh_id=refresh_id
    )
    if found is None:
        # ``may`` is asked only if it is not the instance that is missing.
        authorize(caller, action, instance_id)
        raise NotFound(queries.NO_REFRESH)
    instance, view = found
    _permitted(caller, instance, action)
    return view


def stored(context: RequestContext) -> IntegrationInstance:
    """The instance as it is by now; ``NotFound`` if it is being deleted."""
    instance = queries.instance(
        context.session, context.state.tables, context.instance.id, tenant=context.instance.tenant
    )
    return _undeleted(instance)


def _permitted(
    caller: Caller, instance: IntegrationInstance, action: str, *, while_deleting: bool = False
) -> RequestContext:
    if not while_deleting:
        _undeleted(instance)
    caller.require_permission(action, instance)
    return caller.on(instance)


def _undeleted(instance: IntegrationInstance) -> IntegrationInstance:
    if instance.status == DELETING:
        raise NotFound(NOT_FOUND)
    return instance


def _tenant_of(host: Host) -> str:
    """The caller's tenant; ``ConfigError`` as ``_checked``."""
    return _checked(host.tenant(), "Host.tenant() must return")


def _checked(tenant: object, must: str) -> str:
    """The tenant; ``ConfigError`` for one that the databases could not distinguish from another.

    MariaDB takes "a" and "a " for equal, so blanks around it are refused.
    """
    if not isinstance(tenant, str) or tenant != tenant.strip() or len(tenant) > NAME_LENGTH:
        raise ConfigError(f"{must} a string of at most {NAME_LENGTH} characters without blanks around it.")
    return tenant
