"""Whatever happens while a store is walked: nothing is lost, nothing goes back, and few requests are made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..examples import at_most
from .edited_store import EDITS, KINDS, Event, Run, Store

DENSE = st.builds(lambda first, count: set(range(first, first + count)), st.integers(1, 40), st.integers(0, 90))
SPARSE = st.sets(st.integers(1, 300), max_size=9) | st.sets(st.integers(1, 300), min_size=20, max_size=60)
SKEWED = st.builds(
    lambda low, high, count: set(range(1, low)) | set(range(high, high + count)),
    st.integers(1, 40),
    st.integers(100, 10**9),
    st.integers(0, 40),
)
ASK_AND_ARRIVE = ("ask", "arrive")
TROUBLE = ("kill", "end", "fail", "refuse", "stint")


def runs(*what: str) -> st.SearchStrategy[Run]:
    """Any ids, kind of proof, size of page, number of fetchers, and a schedule of these events."""
    event: st.SearchStrategy[Event] = st.tuples(st.sampled_from(what), st.integers(1, 320))
    # Lists are short where nothing says otherwise, and much must come together before something goes wrong.
    events = st.lists(event, max_size=12) | st.lists(event, min_size=60, max_size=150)
    return st.builds(
        lambda ids, kind, page_size, width, events: Run(
            Store(dict.fromkeys(ids, 0)), kind, page_size, width, iter(events)
        ),
        DENSE | SPARSE | SKEWED,
        st.sampled_from(KINDS),
        st.integers(1, 12),
        st.integers(1, 8),
        events,
    )


QUIET = runs(*ASK_AND_ARRIVE)
EDITED = runs(*ASK_AND_ARRIVE * 4, *EDITS)
TROUBLED = runs(*ASK_AND_ARRIVE * 8, *EDITS, *TROUBLE, *["stint"] * 4)


def is_read_whole(run: Run) -> None:
    ids = set(run.store.ids)
    run.walk()
    run.assert_exact()
    assert run.kept.brought == ids
    assert run.wire.requests <= run.most_requests(len(ids))


def is_read_while_edited(run: Run) -> None:
    ids = set(run.store.ids)
    run.walk()
    run.assert_exact()
    if run.lasting:
        # An edit in the middle of a small store may cost one more, as when its highest id goes and a lower one comes.
        assert run.wire.requests <= run.most_requests(len(ids | run.kept.brought)) + 1


def is_read_in_spite_of_all(run: Run) -> None:
    for _ in range(3):
        run.walk()
        run.assert_exact()
    # Nobody edits it any more: one walk later the rows are the store, and what is not there is known to be gone.
    run.events = iter(())
    run.walk()
    run.assert_exact()
    live = {each: row.version for each, row in run.kept.rows.items() if each not in run.kept.unseen}
    top = max(run.store.ids, default=0)
    assert {each: version for each, version in live.items() if each <= top} == run.store.ids


# The same examples each time: a check that fails once in a while helps nobody who changed something else.
FEW = at_most(150, derandomize=True)
MANY = settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(QUIET)
def test_a_store_is_read_whole_with_few_requests(run: Run) -> None:
    is_read_whole(run)


@FEW
@given(EDITED)
def test_store_under_edits_is_read_whole_with_few_requests(run: Run) -> None:
    is_read_while_edited(run)


@pytest.mark.ci
@FEW
@given(TROUBLED)
def test_no_death_or_failure_loses_a_page_or_moves_a_walk_back(run: Run) -> None:
    is_read_in_spite_of_all(run)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "any_run"),
    [(is_read_whole, QUIET), (is_read_while_edited, EDITED), (is_read_in_spite_of_all, TROUBLED)],
)
def test_the_same_with_many_ever_new_examples(check: Callable[[Run], None], any_run: st.SearchStrategy[Run]) -> None:
    MANY(given(any_run)(check))()  # type: ignore[no-untyped-call]
