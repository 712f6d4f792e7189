"""What deaths lead to: a small page, one record, and at last that record alone is set aside."""

from __future__ import annotations

import pytest

from bigcommerce_integration.refresh.caution import CAREFUL_PAGE, Caution, caution

NORMAL, SMALL = Caution(250), Caution(CAREFUL_PAGE, is_alone=True)
ONE, ASIDE = Caution(1, is_alone=True), Caution(1, is_alone=True, sets_aside=True)


@pytest.mark.parametrize(
    ("stored", "steps"),
    [
        pytest.param(None, [NORMAL, NORMAL, NORMAL, SMALL, ONE, ASIDE, ASIDE], id="as ever"),
        pytest.param(64, [Caution(64), Caution(64), Caution(64), SMALL, ONE, ASIDE], id="a troubled store"),
        pytest.param(8, [SMALL, ONE, ONE, ASIDE, ASIDE], id="the small page was stored: the next has it"),
        pytest.param(1, [ONE, ONE, ONE, ASIDE], id="one record was stored: the next may be it"),
    ],
)
def test_steps(stored: int | None, steps: list[Caution]) -> None:
    assert [caution(attempts, stored_page_size=stored, full=250) for attempts in range(len(steps))] == steps


@pytest.mark.parametrize("full", [1, 2, 8, 16])
def test_small_pages_by_setting_are_no_hunt(full: int) -> None:
    assert caution(0, stored_page_size=None, full=full) == caution(2, stored_page_size=full, full=full) == Caution(full)
    assert caution(4, stored_page_size=None, full=full).page_size == 1


def test_no_record_is_set_aside_that_fewer_than_three_workers_died_over() -> None:
    for stored in (None, 64, 8, 1):
        assert not any(caution(attempts, stored_page_size=stored, full=250).sets_aside for attempts in range(3))


def test_after_a_death_pages_come_one_by_one_though_there_was_progress() -> None:
    def after_death(attempts: int, stored: int | None = None) -> Caution:
        return caution(attempts, stored_page_size=stored, full=250, follows_death=True)

    assert after_death(0) == after_death(2) == Caution(250, begins_alone=True)
    assert (after_death(3), after_death(4), after_death(0, 8)) == (SMALL, ONE, SMALL), "the hunt is alone anyway"
