"""The checkpoint as text: what was written is read again, what is not ours starts over."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.refresh.job import progress
from bigcommerce_integration.refresh.job.checkpoint import VERSION, Checkpoint, LinksCheck, Unsolved, load_checkpoint
from bigcommerce_integration.refresh.job.id_ranges import Walk

MOMENTS = st.none() | st.datetimes()
NUMBERS = st.integers(0, 2**63 - 1)
WALKS = st.builds(
    Walk,
    ranges=st.dictionaries(NUMBERS, st.none() | NUMBERS, max_size=9),
    top=st.none() | NUMBERS,
    is_surveyed=st.booleans(),
    is_divided=st.booleans(),
    splits_left=st.integers(0, 9),
)


@given(
    st.builds(
        Checkpoint,
        phase=st.sampled_from(["prepare", "walk", "link", "referenced", "finish"]),
        begun_at=MOMENTS,
        since=MOMENTS,
        walk=WALKS,
        page_size=st.none() | st.integers(1, 250),
        good_pages=NUMBERS,
        failures=NUMBERS,
        link_after=NUMBERS,
        unsolved=st.builds(Unsolved, conflicts=NUMBERS, refused=NUMBERS, reason=st.none() | st.text()),
        links=st.builds(LinksCheck, counted_after=st.none() | NUMBERS, count=NUMBERS, gone=NUMBERS),
    )
)
def test_what_was_written_is_read_again(checkpoint: Checkpoint):
    assert load_checkpoint(checkpoint.dump()) == checkpoint


@pytest.mark.parametrize("text", [None, "", json.dumps({"version": VERSION + 1, "phase": "link"}), "{}"])
def test_no_checkpoint_or_one_of_another_version_starts_over(text: str | None):
    assert load_checkpoint(text) == Checkpoint()


def test_a_fresh_checkpoint_has_everything_to_walk():
    fresh = Checkpoint()
    assert (fresh.phase, fresh.walk.ranges, fresh.walk.is_done) == ("prepare", {1: None}, False)
    assert fresh.begun_at is fresh.since is None


@pytest.mark.parametrize(
    ("fetched", "total", "is_walked", "shown"),
    [
        (0, None, False, 0),
        (5, None, False, 0),
        (0, 10, False, 0),
        (5, 10, False, 50),
        (10, 10, False, 99),
        (12, 10, False, 99),
        (0, 0, False, 0),
        (1, 3, True, 99),
        (0, None, True, 99),
    ],
)
def test_a_hundred_per_cent_are_shown_by_the_end_alone(fetched: int, total: int | None, is_walked: bool, shown: int):
    assert progress.percentage(fetched, total, is_walked=is_walked) == shown


def test_progress_never_shows_more_records_than_there_are():
    assert progress.message("walk", "orders", 12, 10) == "Reading orders: 12 of 12."
    assert "unknown" in progress.message("walk", "orders", 12, None)
