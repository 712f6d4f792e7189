"""Secrets that this process has no key for: the process steps back, and others go on."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select, update

from ...encryption import TokenCipher
from ...errors import KeyMissing
from ...models import db_now
from ...models.refreshes import OPEN
from ...privacy.erased_people import erasure_key
from ..job.context import Engine

KEYLESS_S = 30.0
"""How long a process leaves a refresh alone whose secrets it cannot decrypt."""
LOG_EVERY_S = 60.0
MOST_REMEMBERED = 500
KEYLESS = (
    "A worker that lacks the encryption key of this instance has left the refresh to the others. If it does not go on, "
    "give every worker the same BIGCOMMERCE_ENCRYPTION_KEYS."
)
"""The message of a refresh that waits for a worker with the key."""


def require_keys(cipher: TokenCipher, instance: Any, *, prefix: str = "") -> None:
    """``KeyMissing`` if the token or the erasure key of the instance (a row, its columns with this prefix) cannot be
    decrypted here.
    """
    instance_id, token, key = (instance._mapping[prefix + name] for name in ("id", "access_token", "erasure_key"))
    cipher.decrypt(token)
    if key is not None:
        erasure_key(cipher, instance_id, key)


@dataclass
class Keyless:
    """The refreshes that one process keeps away from for now; times are ``time.monotonic``."""

    _until: dict[int, float] = field(default_factory=dict)
    _log_at: float = 0.0

    def refresh_ids(self) -> Collection[int]:
        """Their ids."""
        if self._until:
            now = time.monotonic()
            self._until = {refresh_id: until for refresh_id, until in self._until.items() if until > now}
        return self._until.keys()

    def add(self, refresh_id: int) -> bool:
        """Keep away from one more; whether that is to be logged, which it is once a minute at most."""
        now = time.monotonic()
        kept = list(self._until.items())[1 - MOST_REMEMBERED :]
        self._until = {**dict(kept), refresh_id: now + KEYLESS_S}
        if now < self._log_at:
            return False
        self._log_at = now + LOG_EVERY_S
        return True


def say_keyless(engine: Engine, refresh_id: int) -> None:
    """Have the refresh show why it does not go on; whoever claims it takes that away."""
    refreshes = engine.tables.refreshes
    statement = (
        update(refreshes)
        .where(
            refreshes.c.id == refresh_id,
            refreshes.c.status.in_(OPEN),
            or_(refreshes.c.message.is_(None), refreshes.c.message != KEYLESS),
        )
        .values(message=KEYLESS)
    )
    engine.transaction(lambda session: session.execute(statement))


def free_keyless(engine: Engine) -> None:
    """Make instances active again that version 0.1.0 put out of service for a key which is here."""
    instances = engine.tables.instances
    marked = select(
        instances.c.id, instances.c.access_token, instances.c.erasure_key, instances.c.status_message
    ).where(
        instances.c.status == "needs_attention",
        instances.c.status_message.like("%cannot be decrypted with any of BIGCOMMERCE_ENCRYPTION_KEYS%"),
    )
    for row in engine.transaction(lambda session: session.execute(marked).all(), is_small=True):
        try:
            require_keys(engine.cipher, row)
        except KeyMissing:
            continue
        _free(engine, row)


def _free(engine: Engine, row: Any) -> None:
    instances = engine.tables.instances
    statement = (
        update(instances)
        .where(instances.c.id == row.id, instances.c.status_message == row.status_message)
        .values(status="active", status_message=None, updated_at=db_now())
    )
    engine.transaction(lambda session: session.execute(statement))
