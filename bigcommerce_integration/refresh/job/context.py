"""What the engine is given by the app, and what one slice of a refresh works with."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from ...client.api import StoreClient
from ...client.clock import StoreClock
from ...client.http.session import KeptSessions
from ...client.http.transport import Transport
from ...client.readers.wire import IsUnwanted
from ...config import Config
from ...encryption import Secret, TokenCipher
from ...host.port import Host
from ...models import Tables
from ...models.instances import IntegrationInstance
from ...privacy.erased_people import erased_people
from .database import T, in_own_transaction
from .lease import Lease
from .parameters import Mode, Parameters

if TYPE_CHECKING:
    from ..write.behaviour import Collection


def transport_to(
    config: Config,
    store_hash: str,
    token: Secret,
    *,
    timeout_s: float,
    clock: StoreClock | None = None,
    kept: KeptSessions | None = None,
) -> Transport:
    """The way to a store's API by the app's settings; its connections end with it, or come from ``kept``."""
    return Transport(
        api_url=config.api_url,
        store_hash=store_hash,
        access_token=token,
        timeout_s=timeout_s,
        proxy=config.proxy_url,
        ca_bundle=config.ca_bundle,
        clock=clock,
        kept=kept,
    )


@dataclass(frozen=True)
class Engine:
    """Everything that outlives a slice; ``stopping`` is set when the process is to end."""

    config: Config
    # Long, and nothing that helps to find a fault.
    tables: Tables = field(repr=False)
    host: Host
    cipher: TokenCipher = field(repr=False)
    sessions: Callable[[], Session]
    # What this app mirrors, by name.
    collections: Mapping[str, Collection] = field(repr=False)
    stopping: Event = field(default_factory=Event)
    # By owner: what this process could not write when it let go (see ``owed``).
    owed: dict[str, Any] = field(default_factory=dict, repr=False)
    # Connections to stores between slices.
    kept: KeptSessions = field(default_factory=KeptSessions, repr=False)

    def transaction(self, work: Callable[[Session], T], *, is_small: bool = False) -> T:
        """``work`` in a transaction of its own, committed (see ``in_own_transaction`` and ``dialect.begin``)."""
        return in_own_transaction(self.sessions, work, pause=self.stopping.wait, is_small=is_small)

    def client(self, instance: IntegrationInstance, clock: StoreClock, *, has_erased: bool = True) -> StoreClient:
        """The API of the store, by this clock; ``KeyMissing`` if its token or erasure key cannot be decrypted.

        Who is erased, if anybody is, is looked up now, so not within a transaction: a client lives for one slice.
        """
        token, timeout_s = self.cipher.decrypt(instance.access_token), self.config.timeout_s
        transport = transport_to(
            self.config, instance.store_hash, token, timeout_s=timeout_s, clock=clock, kept=self.kept
        )
        return StoreClient(transport, is_unwanted=self._is_unwanted(instance, has_erased))

    def _is_unwanted(self, instance: IntegrationInstance, has_erased: bool) -> IsUnwanted | None:
        if self.config.person_data == "drop":
            return lambda *_: True
        if not has_erased:
            return None
        erased = self.transaction(
            lambda session: erased_people(session, self.tables, self.cipher, instance.id), is_small=True
        )
        return erased.includes if erased else None


@dataclass
class Aftermath:
    """What the end of a refresh has shown to whoever goes on from there.

    ``begun`` are the refreshes that were begun with it, by resource and id. ``has_sibling``: another one shares the
    lease and could be advanced; None: nobody has looked.
    """

    begun: Sequence[tuple[str, int]] = ()
    has_sibling: bool | None = None


@dataclass(frozen=True)
class Job:
    """One claimed refresh: what it is, for whom, and the lease that fences its writes.

    ``is_link_due``: a pass over all unlinked variants is due, or wanted. ``has_erased``: a person was erased from the
    instance before its lease was taken.
    """

    engine: Engine
    refresh_id: int
    resource: str
    mode: Mode
    parameters: Parameters
    instance: IntegrationInstance
    lease: Lease
    deadline: float
    clock: StoreClock
    is_sweep: bool = False
    is_link_due: bool = False
    has_erased: bool = True
    aftermath: Aftermath = field(default_factory=Aftermath, compare=False)

    @property
    def collection(self) -> Collection:
        """What it refreshes."""
        return self.engine.collections[self.resource]

    @property
    def is_reconciliation(self) -> bool:
        """Whether nothing is written but what was found."""
        return self.mode == "reconcile"

    @property
    def walk_mode(self) -> Mode:
        """The mode whose records it reads."""
        if not self.is_reconciliation:
            return self.mode
        return "date_range" if self.parameters.date_from or self.parameters.date_to else "full"

    @property
    def is_over(self) -> bool:
        """Whether no new fetch is to be started in this slice."""
        return self.engine.stopping.is_set() or time.monotonic() >= self.deadline


def new_owner() -> str:
    """A name for one claim of a lease."""
    return uuid.uuid4().hex
