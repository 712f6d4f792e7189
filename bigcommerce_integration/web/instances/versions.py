"""ETags: which version of an instance's settings a caller has seen."""

from __future__ import annotations

from flask import Request

from ...errors import VersionMismatch
from ...models.instances import IntegrationInstance


def etag(instance: IntegrationInstance) -> str:
    """The value of the header; it counts changes by people, not what refreshes do."""
    return f'"{instance.version}"'


def require_match(request: Request, instance: IntegrationInstance) -> None:
    """Honour ``If-Match``, if it was sent: ``VersionMismatch`` unless it names the stored version or is ``*``."""
    if "If-Match" in request.headers and not request.if_match.contains(str(instance.version)):
        raise VersionMismatch("The instance was changed since you read it. Read it again and repeat your change.")
