"""Whether to ask again, and when."""

from __future__ import annotations

import pytest

from bigcommerce_integration.client.http.retry import MAX_TRIES, Wait, decide, is_failure
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
from bigcommerce_integration.refresh.read.fetcher import LONG_WAIT_S


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
    assert decide(error, 1, random=lambda: 0.5) is None


@pytest.mark.parametrize("attempt", [1, 2, MAX_TRIES, 100])
def test_wait_the_store_names_is_obeyed_however_often(attempt: int) -> None:
    assert decide(RateLimited("x", wait_s=12.5), attempt, random=lambda: 0.9) == Wait(12.5)


@pytest.mark.parametrize("wait_s", [0.0, 0.001, 0.4])
def test_429_without_a_wait_is_given_up(wait_s: float) -> None:
    error = RateLimited("x", wait_s=wait_s)
    verdicts = [decide(error, attempt, random=lambda: 0.9) for attempt in range(1, MAX_TRIES + 1)]
    waits = [verdict.seconds for verdict in verdicts if isinstance(verdict, Wait)]
    assert waits == sorted(waits)
    assert waits[0] == max(wait_s, 0.1)
    assert waits[6] > LONG_WAIT_S, "the slice lets go"
    assert max(waits) == 60.0
    assert verdicts[-1] is None


@pytest.mark.parametrize(("wait_s", "counts"), [(None, True), (0.0, True), (0.99, True), (1.0, False), (30.0, False)])
def test_429_with_a_wait_is_no_failure(wait_s: float | None, counts: bool) -> None:
    assert is_failure(RateLimited("x", wait_s=wait_s)) is counts


@pytest.mark.parametrize(("wait_s", "seconds"), [(None, 1.0), (0.0, 1.0), (40.0, 40.0), (3600.0, 900.0)])
def test_unavailable_store_may_name_its_wait(wait_s: float | None, seconds: float) -> None:
    assert decide(StoreUnavailable("x", wait_s=wait_s), 1, random=lambda: 1.0) == Wait(seconds)


@pytest.mark.parametrize("error", [StoreUnavailable("x"), RateLimited("x", wait_s=None)])
def test_the_waits_double_up_to_a_quarter_of_an_hour_and_end(error: StoreError) -> None:
    verdicts = [decide(error, attempt, random=lambda: 1.0) for attempt in range(1, MAX_TRIES + 1)]
    waits = [verdict.seconds for verdict in verdicts if isinstance(verdict, Wait)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] + [900] * (MAX_TRIES - 11)
    assert verdicts[-1] is None


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
