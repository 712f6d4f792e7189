"""Who asks, whether they may, and for which tenant."""

from __future__ import annotations

from flask_jwt_extended import get_jwt_identity, verify_jwt_in_request

from ..errors import ConfigError, Forbidden
from ..host import Host
from ..models.instances import IntegrationInstance

_TEXT_LIMIT = 255


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
