"""The pace keeps to the quota, uses it up, and never stops for good."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigcommerce_integration.client.http.rate_limit import Pace, Quota

from ..examples import at_most
from .quota_simulation import Client, Simulation, Store

RESERVE = 0.1


def quota(left: int, reset_s: float, limit: int = 150, window_s: float = 30.0) -> Quota:
    return Quota(limit=limit, left=left, window_s=window_s, reset_s=reset_s)


def paced(requests: int, *, now: float = 0.0, limit: int = 150, sharers: int = 1) -> Pace:
    """A pace after so many requests that were answered at once."""
    pace = Pace.start(RESERVE, sharers)
    for number in range(requests):
        pace = pace.sent(now).answered(now, quota(limit - 1 - number, 30.0, limit))
    return pace


def test_nothing_is_known_at_first_so_nothing_waits() -> None:
    pace = Pace.start(RESERVE, 1)
    for _ in range(1000):
        assert pace.delay_s(5.0) == 0.0
        pace = pace.sent(5.0)


def test_without_headers_nothing_waits() -> None:
    pace = Pace.start(RESERVE, 3)
    for now in range(1000):
        pace = pace.sent(now).answered(now + 0.5, None)
        assert pace.delay_s(now + 0.5) == 0.0


def test_client_uses_its_share_and_then_waits_for_next_window() -> None:
    assert paced(134).delay_s(1.0) == 0.0
    assert paced(135).delay_s(1.0) == pytest.approx(29.01)
    assert paced(135).delay_s(30.02) == 0.0


def test_sharers_divide_the_quota() -> None:
    assert paced(44, sharers=3).delay_s(1.0) == 0.0
    assert paced(45, sharers=3).delay_s(1.0) > 0
    assert paced(45, sharers=3).with_sharers(1).delay_s(1.0) == 0.0


def test_what_others_used_counts() -> None:
    pace = Pace.start(RESERVE, 1).sent(0.0).answered(0.2, quota(16, 10.0))
    assert pace.delay_s(0.3) == 0.0
    assert pace.sent(0.3).delay_s(0.3) > 0, "the one in flight takes it to the reserve"
    assert pace.sent(0.3).answered(0.4, quota(15, 9.8)).delay_s(0.4) == pytest.approx(9.81)


def test_an_older_answer_that_comes_later_gives_nothing_back() -> None:
    pace = Pace.start(RESERVE, 1).sent(0.0).sent(0.0).answered(0.3, quota(15, 10.0)).answered(0.4, quota(16, 10.1))
    assert pace.delay_s(0.4) > 0


def test_late_answer_of_last_window_is_ignored_in_this_one() -> None:
    pace = paced(134).sent(29.9)
    pace = pace.sent(30.02)
    assert pace.answered(30.03, quota(0, 0.05)).sent(30.03).delay_s(30.03) == 0.0


def test_a_window_that_began_earlier_than_thought_is_taken_up() -> None:
    pace = paced(135).sent(3.0).answered(3.1, quota(149, 29.9))
    assert pace.delay_s(3.1) > 0 or pace.used <= 2
    late = paced(134).sent(20.0).answered(30.005, quota(149, 29.99))
    assert late.delay_s(30.005) == 0.0
    assert late.used == 1


@pytest.mark.parametrize("left", [0, 5, 15])
def test_a_store_drained_by_others_is_asked_once_a_window(left: int) -> None:
    pace, now, asked = Pace.start(RESERVE, 1), 0.0, 0
    while now < 300:
        delay = pace.delay_s(now)
        if delay:
            now += delay
            continue
        pace = pace.sent(now).answered(now, quota(left, 30 - now % 30))
        asked += 1
        now += 0.001
    assert 9 <= asked <= 12


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_a_tiny_quota_still_lets_one_request_a_window_through(limit: int) -> None:
    pace, now, asked = Pace.start(RESERVE, 10), 0.0, 0
    while now < 300:
        delay = pace.delay_s(now)
        if delay:
            now += delay
            continue
        pace = pace.sent(now).answered(now, quota(max(limit - 1, 0), 30 - now % 30, limit))
        asked += 1
    assert 9 <= asked <= 12


def test_a_429_holds_everything_back_for_as_long_as_it_says() -> None:
    pace = Pace.start(RESERVE, 1).sent(0.0).sent(0.0).limited(1.0, 7.0, 1)
    assert pace.delay_s(1.0) == pytest.approx(7.01)
    assert pace.answered(2.0, quota(100, 20.0)).delay_s(2.0) == pytest.approx(6.01)
    assert pace.delay_s(8.02) == 0.0


def test_a_429_that_says_nothing_holds_back_longer_each_time() -> None:
    waits = [Pace.start(RESERVE, 1).sent(0.0).limited(0.0, None, attempt).delay_s(0.0) for attempt in (1, 2, 3, 9, 500)]
    assert waits == pytest.approx([1.01, 2.01, 4.01, 60.01, 60.01])


def test_429_without_a_wait_holds_back_longer() -> None:
    waits = [Pace.start(RESERVE, 1).sent(0.0).limited(0.0, 0.001, attempt).delay_s(0.0) for attempt in (1, 2, 3, 500)]
    assert waits == pytest.approx([0.11, 0.21, 0.41, 60.01])


def test_incomplete_quota_headers_limit_only_what_they_name() -> None:
    for told in (Quota(None, 0, 30.0, 5.0), Quota(150, 0, None, None), Quota(None, None, 30.0, None)):
        assert Pace.start(RESERVE, 1).sent(0.0).answered(0.1, told).delay_s(0.1) == 0.0
    window_only = Pace.start(RESERVE, 1).sent(0.0).answered(0.1, Quota(150, 15, 30.0, None))
    assert 0 < window_only.delay_s(0.1) <= 30.01


quotas = st.none() | st.builds(
    Quota,
    limit=st.none() | st.integers(0, 500),
    left=st.none() | st.integers(0, 500),
    window_s=st.none() | st.floats(0, 60),
    reset_s=st.none() | st.floats(0, 60),
)
steps = st.lists(
    st.tuples(st.sampled_from(["sent", "answered", "limited"]), st.floats(0, 20), quotas, st.none() | st.floats(0, 60)),
    max_size=60,
)


@at_most(50)
@given(steps=steps, reserve=st.floats(0, 0.99), sharers=st.integers(-1, 50))
def test_whatever_comes_a_delay_ends_and_never_spins(
    steps: list[tuple[str, float, Quota | None, float | None]], reserve: float, sharers: int
) -> None:
    pace, now = Pace.start(reserve, sharers), 0.0
    for what, passed, told, wait in steps:
        now += passed
        if what == "sent":
            pace = pace.sent(now)
        elif what == "answered":
            pace = pace.answered(now, told)
        else:
            pace = pace.limited(now, wait, 1)
        delay = pace.delay_s(now)
        assert delay == 0.0 or 0.01 <= delay <= 61
        waited = now + delay
        again = pace.delay_s(waited + 0.011)
        assert again == 0.0 or delay > 0
        assert pace.delay_s(now + 200) == 0.0


crowds = given(
    seed=st.integers(0, 10**6),
    limit=st.sampled_from([25, 60, 150, 450]),
    window_s=st.sampled_from([5.0, 30.0]),
    processes=st.integers(1, 4),
    width=st.integers(1, 5),
    latency_s=st.sampled_from([0.02, 0.2, 1.0]),
    is_lazy=st.booleans(),
    phase=st.floats(0, 1),
)


@at_most(15, suppress_health_check=[HealthCheck.too_slow])
@crowds
def test_the_quota_is_used_up_and_hardly_ever_exceeded(**crowd: Any) -> None:
    assert_used_up_and_hardly_ever_exceeded(**crowd)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@crowds
def test_many_clients_use_the_quota_and_rarely_exceed_it(**crowd: Any) -> None:
    assert_used_up_and_hardly_ever_exceeded(**crowd)


def assert_used_up_and_hardly_ever_exceeded(
    seed: int, limit: int, window_s: float, processes: int, width: int, latency_s: float, is_lazy: bool, phase: float
) -> None:
    """At least 95 % of what can be had, at most 1 % refused, with windows of both kinds and any number of us."""
    random = Random(seed)
    store = Store(limit, window_s, is_lazy=is_lazy, ends_at=phase * window_s)
    store.left = limit
    clients = [Client(Pace.start(RESERVE, processes), width, begins_at=random.uniform(0, 2)) for _ in range(processes)]
    windows = 12
    Simulation(store, clients, random, latency_s).run(until=windows * window_s)
    share = max(1, int(limit * (1 - RESERVE) / processes + 1e-9))
    # What the requests in flight can carry in the busy time there is, if the quota would let them.
    reachable = min(share, window_s * width / (latency_s * 1.2)) * processes
    steady = [moment for moment in store.accepted if window_s * 2 <= moment < window_s * (windows - 1)]
    cycle_s = window_s + (latency_s + 0.02 if is_lazy else 0)
    # Whole cycles: of one that is cut off by the edges, the burst may lie outside, as may what is in flight there.
    possible = reachable * int((windows - 3) * window_s / cycle_s) - processes * width
    assert store.refused <= 0.01 * len(store.accepted)
    assert len(steady) >= 0.95 * possible - share * processes / 2 * (window_s * width / (latency_s * 1.2) < share)


@at_most(12)
@given(seed=st.integers(0, 10**6), others_every_s=st.sampled_from([0.25, 0.5, 2.0]), width=st.integers(1, 4))
def test_the_reserve_is_left_to_others(seed: int, others_every_s: float, width: int) -> None:
    store = Store(150, 30.0, ends_at=30.0, left=150)
    random = Random(seed)
    clients = [Client(Pace.start(RESERVE, 1), width)]
    Simulation(store, clients, random, 0.1, others_every_s=others_every_s).run(until=300)
    assert store.refused == 0
    assert store.lowest_left >= 15 - width - 3


def test_new_client_takes_little_more_than_the_window_has_left() -> None:
    store = Store(150, 30.0, ends_at=30.0, left=150)
    first, second = (Client(Pace.start(RESERVE, 1), 4, begins_at=when) for when in (0.0, 20.0))
    Simulation(store, [first, second], Random(1), 0.2).run(until=29)
    assert store.refused == 0
    assert len(store.accepted) <= 135 + 2 * 4


def test_without_headers_a_limited_store_is_not_hammered() -> None:
    store = Store(150, 30.0, ends_at=30.0, left=150)
    clients = [Client(Pace.start(RESERVE, 1), 4)]
    Simulation(store, clients, Random(1), 0.2, headers=lambda quota: None).run(until=600)
    assert store.refused <= 0.2 * len(store.accepted)
    assert len(store.accepted) >= 0.75 * 150 * 20
