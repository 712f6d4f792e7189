"""What follows a slice: one decision from its outcome, for the hint that it was done for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..refresh.lifecycle.claim import Outcome

BUSY_DELAY_S = 0.2
"""When a hint that met a busy process is sent again; as many times as long as there are such hints."""
KEYLESS_DELAY_S = 2.0
"""When a hint that met a process without the key is sent again; one that has the key may find it sooner by itself."""


@dataclass(frozen=True)
class NextStep:
    """What the dispatcher does next.

    ``send_after_s``: send the hint again so many seconds later, None for not at all. ``is_done``: notify the host that
    the refresh has ended. ``is_busy``: snooze the hint, as another worker has the refresh. ``is_keyless``: keep away
    from the refresh for a while. ``frees_lease``: hint at a refresh that shares the lease, and can take it up at once.
    ``is_idle``: no slice was done, so another refresh may be tried.
    """

    send_after_s: float | None = None
    is_done: bool = False
    is_busy: bool = False
    is_keyless: bool = False
    frees_lease: bool = False
    is_idle: bool = False


_STEPS: Mapping[Outcome, NextStep] = {
    Outcome.ENDED: NextStep(is_done=True, frees_lease=True),
    Outcome.CANCELLED: NextStep(frees_lease=True),
    Outcome.NOTHING: NextStep(is_idle=True),
    Outcome.CONTINUE: NextStep(send_after_s=0.0),
    Outcome.WAITING: NextStep(frees_lease=True),
    Outcome.BUSY: NextStep(is_busy=True, is_idle=True),
    Outcome.YIELDS: NextStep(frees_lease=True, is_idle=True),
    Outcome.KEYLESS: NextStep(send_after_s=KEYLESS_DELAY_S, is_keyless=True, is_idle=True),
}


def is_idle(outcome: Outcome) -> bool:
    """Whether no slice was done."""
    return _STEPS[outcome].is_idle


def next_step(outcome: Outcome, *, has_deferred: bool) -> NextStep:
    """What follows a slice that has ended so; ``has_deferred``: a hint that waited for this process was sent again."""
    step = _STEPS[outcome]
    if outcome is Outcome.CONTINUE and has_deferred:
        # Behind the one that waited: stores take turns.
        return replace(step, send_after_s=BUSY_DELAY_S)
    return step
