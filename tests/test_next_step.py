"""What a worker does with its hint after a slice, by how the slice has ended."""

from __future__ import annotations

import pytest

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.worker.next_step import BUSY_DELAY_S, KEYLESS_DELAY_S, NextStep, next_step

STEPS = {
    Outcome.ENDED: NextStep(is_done=True, frees_lease=True),
    Outcome.NOTHING: NextStep(is_idle=True),
    Outcome.CONTINUE: NextStep(send_after_s=0.0),
    Outcome.WAITING: NextStep(frees_lease=True),
    Outcome.BUSY: NextStep(is_busy=True, is_idle=True),
    Outcome.YIELDS: NextStep(frees_lease=True, is_idle=True),
    Outcome.CANCELLED: NextStep(frees_lease=True),
    Outcome.KEYLESS: NextStep(send_after_s=KEYLESS_DELAY_S, is_keyless=True, is_idle=True),
}


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_has_one_next_step(outcome: Outcome) -> None:
    assert next_step(outcome, has_deferred=False) == STEPS[outcome]


@pytest.mark.parametrize("outcome", Outcome)
def test_only_an_unfinished_slice_makes_room_for_a_deferred_hint(outcome: Outcome) -> None:
    expected = NextStep(send_after_s=BUSY_DELAY_S) if outcome is Outcome.CONTINUE else STEPS[outcome]
    assert next_step(outcome, has_deferred=True) == expected
