"""What findings are decided from."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.instances import IntegrationInstance
from ..health import Health
from .counts import Counts


@dataclass(frozen=True)
class Standing:
    """What is known of one store; ``connected_twice`` is the warning if it is connected elsewhere too."""

    instance: IntegrationInstance
    health: Health
    counts: Counts
    sync_interval_s: float
    connected_twice: str | None = None
