"""Whether to ask again, and when."""

from __future__ import annotations

import pytest

from bigcommerce_integration.client.retry import MAX_TRIES, GiveUp, Wait, decide
from bigcommerce_integration.errors import (
    BadRecord,
    RateLimited,
    RecordGone,
    ScopeMissing,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    UnexpectedAnswer,
)


@pytest.mark.parametrize(
    "error",
    [
        TokenRejected("x"),
        StoreNotFound("x"),
        ScopeMissing("x", scope="y"),
        UnexpectedAnswer("x"),
        RecordGone("x"),
        BadRecord("x"),
    ],
)
def test_what_no_retry_mends_is_given_up_at_once(error: StoreError) -> None:
    assert decide(error, 1, random=lambda: 0.5) == GiveUp()


@pytest.mark.parametrize("attempt", [1, 2, MAX_TRIES, 100])
def test_a_told_wait_is_obeyed_however_often(attempt: int) -> None:
    assert decide(RateLimited("x", wait_s=12.5), attempt, random=lambda: 0.9) == Wait(12.5)


@pytest.mark.parametrize("error", [StoreUnavailable("x"), RateLimited("x", wait_s=None)])
def test_the_waits_double_up_to_a_quarter_of_an_hour_and_end(error: StoreError) -> None:
    verdicts = [decide(error, attempt, random=lambda: 1.0) for attempt in range(1, MAX_TRIES + 1)]
    waits = [verdict.seconds for verdict in verdicts if isinstance(verdict, Wait)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] + [900] * (MAX_TRIES - 11)
    assert verdicts[-1] == GiveUp()


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.999])
def test_chance_spreads_the_upper_half_of_a_wait(chance: float) -> None:
    verdict = decide(StoreUnavailable("x"), 4, random=lambda: chance)
    assert isinstance(verdict, Wait)
    assert verdict.seconds == pytest.approx(4 + 4 * chance)


def test_from_the_second_failure_on_less_is_asked_for() -> None:
    verdicts = [decide(StoreUnavailable("x"), attempt, random=lambda: 0.5) for attempt in (1, 2, 3)]
    assert [isinstance(verdict, Wait) and verdict.smaller_page for verdict in verdicts] == [False, True, True]
    limited = decide(RateLimited("x", wait_s=None), 3, random=lambda: 0.5)
    assert isinstance(limited, Wait)
    assert not limited.smaller_page
