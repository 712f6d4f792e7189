"""What findings are decided from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...models.instances import IntegrationInstance
from ..health import Health
from .books import Unbooked
from .counts import Counts


@dataclass(frozen=True)
class Standing:
    """What is known of one store; ``connected_twice`` is the warning if it is connected elsewhere too.

    ``has_key`` is whether a key of this process opens the store's access token.
    ``unbooked`` is what of its documents is not in the host's books and will not be by itself.
    """

    instance: IntegrationInstance
    health: Health
    counts: Counts
    sync_interval_s: float
    connected_twice: str | None = None
    has_key: bool = True
    unbooked: Sequence[Unbooked] = ()
