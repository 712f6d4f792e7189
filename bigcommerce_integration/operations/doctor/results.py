"""What a check has found, and what is to be done first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..findings.remedy import wait_text

Outcome = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True)
class Result:
    """One line: ``message`` is what was found, ``remedy`` what to do about it.

    ``can_wait``: nothing is lost and nothing gets worse until working hours. ``instance_id`` is the store that it is
    about, None for all. ``is_advice``: nothing is wrong now, and it would save trouble later. ``verdict`` says in other
    words than the usual ones whether it can wait.
    """

    check: str
    outcome: Outcome
    message: str
    remedy: str | None = None
    can_wait: bool = True
    instance_id: int | None = None
    is_advice: bool = False
    verdict: str | None = None


def first_step(results: Sequence[Result]) -> str:
    """The last line: the worst that was found, its cure, and whether it can wait."""
    bad = [each for each in results if each.outcome in ("failure", "warning")]
    if not bad:
        skipped = sum(each.outcome == "skipped" for each in results)
        number = "1 check was" if skipped == 1 else f"{skipped} checks were"
        return "All is well." if not skipped else f"All that was checked is well; {number} skipped."
    # Of equals the first: what comes later may follow from it.
    worst = min(bad, key=lambda each: (each.can_wait, each.outcome != "failure", each.is_advice))
    more = "" if len(bad) == 1 else f" {len(bad) - 1} more after that."
    safe = "" if worst.can_wait else " Nothing that is stored is lost."
    wait = worst.verdict or f"{wait_text(can_wait=worst.can_wait)}{safe}"
    return f"Do first: {worst.message} {worst.remedy or ''}".rstrip() + f" {wait}{more}"


def duration(seconds: float) -> str:
    """In the largest unit that tells enough."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
