"""How to go on where workers died: a pure decision from how often they did, without progress between."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_PAGE = 16
"""What trouble with the store halves pages down to; only workers that die make them smaller."""
CAREFUL_PAGE = 8
"""What pages become where workers died."""
CAREFUL_AFTER = 3
"""Claims without progress after which pages become small, so that what kills is found with few deaths more."""
GIVE_UP_AFTER = 14
"""Claims without progress after which the refresh fails: no page is to blame."""
MOST_SET_ASIDE = 5
"""Records that one refresh sets aside for the death of workers; with more, it is not the records."""


@dataclass(frozen=True)
class Caution:
    """How large a page may be, whether one is asked for at a time, and whether its one record is set aside unread.

    ``begins_alone``: one at a time until as many are stored as were under way when the worker before died.
    """

    page_size: int
    is_alone: bool = False
    sets_aside: bool = False
    begins_alone: bool = False


def caution(attempts: int, *, stored_page_size: int | None, full: int, follows_death: bool = False) -> Caution:
    """After ``attempts`` claims without progress: the page as ever, a small one, one record, and without that record.

    After a death (``follows_death``) they come one by one even if there was progress: else pages beside the one that
    kills would hide it, claim after claim. Only deaths make pages smaller than ``SMALLEST_PAGE``: a stored size below
    it tells that the hunt is on, whatever was stored since.
    """
    size = min(full, stored_page_size or full)
    if size < min(SMALLEST_PAGE, full):
        if attempts == 0:
            return Caution(size, is_alone=True)
        return Caution(1, is_alone=True, sets_aside=attempts >= CAREFUL_AFTER)
    if attempts < CAREFUL_AFTER:
        return Caution(size, begins_alone=follows_death)
    if attempts == CAREFUL_AFTER and size > CAREFUL_PAGE:
        return Caution(CAREFUL_PAGE, is_alone=True)
    return Caution(1, is_alone=True, sets_aside=attempts > CAREFUL_AFTER + 1)
