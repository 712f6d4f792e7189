"""How to go on where workers died: pure decisions from how often they did, without progress between.

One death is weak evidence, and costs no more requests than the pages that were under way: pages stay as large as ever,
but come one by one and are stored in parts, so that the next death tells which part was being stored. Only where not
even the first record of the first page goes in are fewer records asked for, down to the one that is quarantined then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

SMALLEST_PAGE = 16
"""What trouble with the store halves pages down to; only workers that die make them smaller."""
CAREFUL_PAGE = SMALLEST_PAGE - 1
"""What pages become where workers died before anything of a page could be stored."""
PART = 16
"""Records that one transaction stores after a death."""
GIVE_UP_AFTER = 14
"""Claims without progress after which the refresh fails: no page is to blame."""
MOST_QUARANTINED = 5
"""Records that one refresh puts in quarantine for the death of workers; with more, it is not the records."""
PAGES_BEFORE_GROWING = 4


@dataclass(frozen=True)
class CrashGuard:
    """How large a page may be, whether one is asked for at a time, and whether its one record is quarantined unread.

    ``begins_alone``: one at a time until those are stored that may have been under way when the worker before died.
    ``part``: records that one transaction stores, None for whole pages; ``opens_singly``: the first of them one by one.
    """

    page_size: int
    is_alone: bool = False
    quarantines: bool = False
    begins_alone: bool = False
    part: int | None = None
    opens_singly: bool = False


def crash_guard(
    attempts: int, *, stored_page_size: int | None, full: int, follows_death: bool = False, is_isolating: bool = False
) -> CrashGuard:
    """After ``attempts`` claims without progress: a page in parts, its records singly, few, one, and without that one.

    After a death (``follows_death``) pages come one by one even if there was progress, also in the slices after
    (``is_isolating``): else pages beside the one that kills would hide it, claim after claim. Only deaths make pages
    smaller than ``SMALLEST_PAGE``: a stored size below it tells to ask for few, whatever was stored since.
    """
    size = min(full, stored_page_size or full)
    if _is_small(size, full):
        if attempts == 0:
            return CrashGuard(size, is_alone=True, part=1)
        return CrashGuard(1, is_alone=True, part=1, quarantines=attempts > 2)
    if attempts == 0:
        is_careful = follows_death or is_isolating
        return CrashGuard(size, begins_alone=is_careful, part=PART if is_careful else None)
    if attempts == 1:
        return CrashGuard(size, begins_alone=True, part=PART, opens_singly=True)
    if attempts == 2 and size > CAREFUL_PAGE:
        return CrashGuard(CAREFUL_PAGE, is_alone=True, part=1)
    return CrashGuard(1, is_alone=True, part=1, quarantines=attempts > 3)


def part_sizes(part: int | None, *, opens_singly: bool) -> Iterator[int]:
    """How many records each transaction of a page stores, one after the other; without end."""
    if part is None:
        while True:
            yield 2**63
    if opens_singly:
        yield from [1] * part
    while True:
        yield part


def grown(size: int, good_pages: int, *, full: int) -> tuple[int | None, int]:
    """The page size after one more good page (None: as large as ever), and how many there were of that size.

    What the store's trouble made small doubles after a few. What deaths made small is as large as ever once as many
    records went in as one page has: what killed is among them, or is not there.
    """
    if size >= full:
        return None, 0
    good_pages += 1
    if not _is_small(size, full):
        needed, next_size = PAGES_BEFORE_GROWING, size * 2
    else:
        next_size = CAREFUL_PAGE if size < CAREFUL_PAGE < full else full
        needed = math.ceil(next_size / size)
    if good_pages < needed:
        return size, good_pages
    return (None if next_size >= full else next_size), 0


def _is_small(size: int, full: int) -> bool:
    return size < min(SMALLEST_PAGE, full)
