"""The tests that take minutes are begun first: one that begins last would run alone at the end."""

from __future__ import annotations

import pytest

LONGEST = (
    "test_left_alone_for_ten_minutes",
    "test_no_answer_of_ten_thousand_departs_from_the_document",
    "test_kills_at_random_leave_nothing_out",
    "test_a_shared_quota_is_used_and_not_overdrawn",
    "test_pages_of_a_million_orders",
    "test_a_refresh_takes_no_more_memory_than_its_first_tenth",
    "test_killed_again_and_again",
    "test_the_benchmark_of_many_stores_prints_its_rows",
    "test_troubles_with_many_stores_leave_each_exact",
    "test_kills_change_nothing_about_what_is_found",
    "test_old_and_new_workers_take_over_from_each_other",
    "test_new_collection_begins_once_the_old_worker_has_ended",
    "test_two_thousand_of_each",
    "test_a_collection_is_added_by_the_handbook_alone",
)
"""Without their parameters, the longest first."""


def begin_with_longest(items: list[pytest.Item]) -> None:
    """Move the slow ones among them to the front, in place; all others keep their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}

    def rank(item: pytest.Item) -> int:
        if item.get_closest_marker("slow") is None:
            return len(ranks)
        return ranks.get(getattr(item, "originalname", item.name), len(ranks))

    items.sort(key=rank)
