"""Whether an answer that would stop a refresh is believed: a pure decision from what was answered since.

One odd answer proves nothing: a gateway, a web application firewall or a proxy can make any of them. So the store's
information is asked for, and the same question again.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConnectionBroken, StoreError, Unconfirmed


@dataclass(frozen=True)
class Doubt:
    """What came first, and what ``/v2/store`` answered since (``store``: None if it answered well)."""

    first: Unconfirmed
    store: StoreError | None = None
    is_store_asked: bool = False


def is_confirmed(doubt: Doubt, again: Unconfirmed) -> bool:
    """Whether ``again``, the second answer to the same question, is to be believed.

    What concerns the whole store (its hash, the token) must be what ``/v2/store`` answers too. What concerns the
    question (a scope, a refusal) must be the API's own word, from a store that answers well otherwise.
    """
    if not doubt.is_store_asked or not _is_same(doubt.first, again):
        return False
    if isinstance(again.verdict, ConnectionBroken):
        return _is_same(doubt.store, again)
    return again.is_own and (doubt.store is None or _is_same(doubt.store, again))


def _is_same(answer: StoreError | None, other: Unconfirmed) -> bool:
    return isinstance(answer, Unconfirmed) and type(answer.verdict) is type(other.verdict)
