"""What deaths lead to: a page in parts, its records one by one, few records, one, and at last that one is set aside."""

from __future__ import annotations

from itertools import islice

import pytest

from bigcommerce_integration.refresh.read.crash_guard import (
    CAREFUL_PAGE,
    PAGES_BEFORE_GROWING,
    PART,
    CrashGuard,
    crash_guard,
    grown,
    part_sizes,
)

NORMAL, PARTS = CrashGuard(250), CrashGuard(250, begins_alone=True, part=PART)
SINGLY = CrashGuard(250, begins_alone=True, part=PART, opens_singly=True)
FEW = CrashGuard(CAREFUL_PAGE, is_alone=True, part=1)
ONE, ASIDE = CrashGuard(1, is_alone=True, part=1), CrashGuard(1, is_alone=True, quarantines=True, part=1)


@pytest.mark.parametrize(
    ("stored", "steps"),
    [
        pytest.param(None, [PARTS, SINGLY, FEW, ONE, ASIDE, ASIDE], id="as ever"),
        pytest.param(CAREFUL_PAGE, [FEW, ONE, ONE, ASIDE, ASIDE], id="few were stored: the next has it"),
        pytest.param(1, [ONE, ONE, ONE, ASIDE], id="one record was stored: the next may be it"),
    ],
)
def test_steps_after_deaths(stored: int | None, steps: list[CrashGuard]) -> None:
    made = [
        crash_guard(attempts, stored_page_size=stored, full=250, follows_death=True) for attempts in range(len(steps))
    ]
    assert made == steps


def test_page_stays_large_until_two_attempts_write_nothing() -> None:
    assert crash_guard(0, stored_page_size=None, full=250) == NORMAL
    assert crash_guard(0, stored_page_size=64, full=250) == CrashGuard(64)
    for attempts in (0, 1):
        for is_dead in (True, False):
            assert crash_guard(attempts, stored_page_size=None, full=250, follows_death=is_dead).page_size == 250
    assert crash_guard(0, stored_page_size=None, full=250, is_isolating=True) == PARTS


@pytest.mark.parametrize("full", [1, 2, 8, 16])
def test_small_page_by_setting_is_no_sign_of_deaths(full: int) -> None:
    assert (
        crash_guard(0, stored_page_size=None, full=full)
        == crash_guard(0, stored_page_size=full, full=full)
        == CrashGuard(full)
    )
    assert crash_guard(3, stored_page_size=None, full=full).page_size == 1


def test_no_record_is_quarantined_before_three_deaths() -> None:
    for stored in (None, 64, CAREFUL_PAGE, 1):
        assert not any(crash_guard(attempts, stored_page_size=stored, full=250).quarantines for attempts in range(3))


def test_part_sizes() -> None:
    assert next(part_sizes(None, opens_singly=True)) > 10**9
    assert list(islice(part_sizes(3, opens_singly=False), 3)) == [3, 3, 3]
    assert list(islice(part_sizes(3, opens_singly=True), 5)) == [1, 1, 1, 3, 3]


def sizes(size: int | None, full: int) -> list[int | None]:
    """Those of the pages that come, until one is as large as ever."""
    came, good_pages = [size], 0
    while size is not None:
        size, good_pages = grown(size, good_pages, full=full)
        came.append(size)
    return came


def test_small_page_grows_again_after_a_page_is_written() -> None:
    assert sizes(CAREFUL_PAGE, 250) == [CAREFUL_PAGE] * 17 + [None]
    assert sizes(1, 250) == [1] * CAREFUL_PAGE + [CAREFUL_PAGE] * 17 + [None]
    assert sizes(1, 10) == [1] * 10 + [None]


def test_pages_that_the_store_made_small_double_after_a_few() -> None:
    assert sizes(64, 250) == [64] * PAGES_BEFORE_GROWING + [128] * PAGES_BEFORE_GROWING + [None]
