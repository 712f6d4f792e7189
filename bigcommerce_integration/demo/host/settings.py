"""What the demo's host app is started with, here and in its worker processes."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field

VARIABLE = "BIGCOMMERCE_DEMO_HOST"


@dataclass(frozen=True)
class HostSettings:
    """Where the host app's database, broker and store are; the secrets are made afresh at each start."""

    database_url: str = field(repr=False)
    api_url: str
    broker_url: str | None = field(default=None, repr=False)
    # Apart from what else is in that Redis.
    broker_namespace: str = field(default_factory=lambda: f"bigcommerce-demo-{secrets.token_hex(4)}")
    encryption_key: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), repr=False
    )
    jwt_secret_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)

    def as_environment(self) -> dict[str, str]:
        """This process's environment and these settings, for a worker process."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


def settings_from_environment() -> HostSettings:
    """The settings that the demo handed to its worker process."""
    try:
        return HostSettings(**json.loads(os.environ[VARIABLE]))
    except KeyError:
        raise SystemExit(
            "This module is for the demo's own worker processes: run the demo with --broker-url."
        ) from None
