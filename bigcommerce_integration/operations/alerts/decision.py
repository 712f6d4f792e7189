"""Whether the host is to be told of a finding now: decisions over one row of ``bigcommerce_alerts``."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from ..findings.finding import FindingCode

HOLDS_S = 60.0
"""How long a finding that needs a person stands before the host is told."""
LATE_S = 3600.0
"""The same of one that should mend itself."""
ENDS_S = 300.0
"""How long a finding is gone before it has ended, so that one that comes and goes is one."""
FIRST_RETRY_S = 60.0
LONGEST_RETRY_S = 3600.0
CHOSEN = frozenset({FindingCode.SYNC_OFF, FindingCode.STORE_CONNECTED_TWICE, FindingCode.BEING_DELETED})
"""What a person has just brought about: it is shown, and nobody is called for it."""


class Step(Enum):
    """What is to be done with a row."""

    BEGIN = "tell the host that it has begun"
    END = "tell the host that it has ended"
    FORGET = "it passed before the host was told"


def next_step(row: Any, now: datetime) -> Step | None:
    """What is due; None if nothing is. ``row`` is one of ``bigcommerce_alerts``, ``now`` the database's clock."""
    has_ended = row.gone_at is not None and _seconds(row.gone_at, now) >= ENDS_S
    if row.told_at is not None:
        return Step.END if has_ended else None
    if row.tries > 0:
        # The host may have heard of it, whatever became of that call; so it is told of the end too.
        return Step.BEGIN
    if row.gone_at is not None:
        return Step.FORGET if has_ended else None
    holds_s = HOLDS_S if row.severity == "person" else LATE_S
    return Step.BEGIN if _seconds(row.noticed_at, now) >= holds_s else None


def retry_after_s(tries: int) -> float:
    """When the host is called again that was called so often in vain; a minute at first, an hour at last."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(tries, 20))


def _seconds(since: datetime, now: datetime) -> float:
    # A time that lies ahead was noted while the database's clock was wrong.
    return abs((now - since).total_seconds())
