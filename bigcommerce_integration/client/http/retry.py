"""Whether to ask again after an error, when, and whether what comes then is believed: pure decisions.

One odd answer proves nothing: a gateway, a web application firewall or a proxy can make any of them. So the store's
information is asked for, and the same question again, before an answer stops a refresh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...errors import ConnectionBroken, RateLimited, StoreError, StoreUnavailable, Unconfirmed
from .rate_limit import SHORTEST_WAIT_S, least_wait_s

# A minute between tries at least, 3 to 5 of them (bigcommerce/docs, docs/start/about/status-codes.mdx), or about ten,
# exponential (docs/start/migration/4_errors.md): that is for a request. A refresh outlasts a night's maintenance: with
# these waits it gives up after some four hours, and shows meanwhile what it waits for.
MAX_TRIES = 30
LONGEST_BACKOFF_S = 900.0


@dataclass(frozen=True)
class Wait:
    """Ask again after ``seconds``; for half as many records if ``smaller_page``."""

    seconds: float
    smaller_page: bool = False


def decide(error: StoreError, attempt: int, *, random: Callable[[], float]) -> Wait | None:
    """When to ask again after the ``attempt``-th failure in a row (from 1) of one question; ``random`` gives [0, 1).

    None is not at all: it would not help, or was tried often enough. A 429 that tells its wait is obeyed however often
    it comes: the store is well, others use up its quota. One that does not tell means that the platform is overloaded:
    back off as for a 5xx (bigcommerce/docs, docs/start/migration/4_errors.md). One that tells next to nothing gets
    waits that grow.
    """
    if isinstance(error, RateLimited) and error.wait_s is not None and not is_failure(error):
        return Wait(error.wait_s)
    if not isinstance(error, RateLimited | StoreUnavailable) or attempt >= MAX_TRIES:
        return None
    if isinstance(error, RateLimited):
        if error.wait_s is None:
            return Wait(_backoff_s(attempt, random))
        return Wait(max(error.wait_s, least_wait_s(attempt)))
    # Wide answers bring 500 and 504 on big catalogs (the fact sheet, section 11): from the second on, ask for less.
    told_s = min(error.wait_s or 0.0, LONGEST_BACKOFF_S)
    return Wait(max(_backoff_s(attempt, random), told_s), smaller_page=attempt >= 2)


def is_failure(error: StoreError) -> bool:
    """Whether it counts among the failures in a row: not a 429 that tells its wait, however often it comes."""
    return not (isinstance(error, RateLimited) and error.wait_s is not None and error.wait_s >= SHORTEST_WAIT_S)


def confirm_after_s(*, random: Callable[[], float]) -> float:
    """Seconds until an answer that may stop the refresh is asked for again: not what a moment may bring, and soon."""
    return _backoff_s(3, random)


def _backoff_s(attempt: int, random: Callable[[], float]) -> float:
    """1, 2, 4, … up to 900 seconds, of which the upper half is left to chance so that workers spread."""
    longest = min(2.0 ** (max(attempt, 1) - 1), LONGEST_BACKOFF_S)
    return longest * (0.5 + 0.5 * random())


@dataclass(frozen=True)
class Recheck:
    """What came first, and what ``/v2/store`` answered since (``store``: None if it answered well)."""

    first: Unconfirmed
    store: StoreError | None = None
    is_store_asked: bool = False


def is_confirmed(recheck: Recheck, again: Unconfirmed) -> bool:
    """Whether ``again``, the second answer to the same question, is to be believed.

    What concerns the whole store (its hash, the token) must be what ``/v2/store`` answers too. What concerns the
    question (a scope, a refusal) must be the API's own word, from a store that answers well otherwise.
    """
    if not recheck.is_store_asked or not _is_same(recheck.first, again):
        return False
    if isinstance(again.verdict, ConnectionBroken):
        return _is_same(recheck.store, again)
    return again.is_own and (recheck.store is None or _is_same(recheck.store, again))


def _is_same(answer: StoreError | None, other: Unconfirmed) -> bool:
    return isinstance(answer, Unconfirmed) and type(answer.verdict) is type(other.verdict)
