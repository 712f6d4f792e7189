"""What a person decides: release and retry, and goods that came back. Each commits, and is noted in the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from ... import history
from ...books import handover, returns
from ...books.release import release
from ...books.rules import Books
from ...errors import VersionMissing
from ..context import RequestContext
from ..transactions import QUICK_TRY_S, commit, end_transaction
from .batches import BatchView, find_batch
from .documents import DocumentView, find_document

_T = TypeVar("_T")


@dataclass(frozen=True)
class Recorded:
    """A return as it is stored; ``quantities`` are pieces by the id of the order's line."""

    row: Mapping[str, Any]
    quantities: Mapping[int, int]
    is_new: bool


def release_document(context: RequestContext, number: int, versions: Set[str] | None) -> DocumentView:
    """Release a document that is held, as one of ``versions`` was seen; the document as it is then.

    ``VersionMissing`` without versions, ``VersionMismatch`` if it is another one by now, ``NotFound``, ``Conflict`` if
    it is not held.
    """
    if not versions:
        raise VersionMissing("Say which version you have seen: send its ETag as If-Match.")
    state = context.state
    seen = find_document(context, number).version
    # One that was not seen is refused under the lock, in the same words.
    version = seen if seen in versions else min(versions)
    books = Books(state.config, state.tables, state.host)

    def work() -> None:
        release(context.session, books, context.instance.id, number, version=version, by=context.name)

    return _done(context, work, lambda: find_document(context, number))


def retry_document(context: RequestContext, number: int) -> DocumentView:
    """Have a document handed over again that the host did not take. ``NotFound``, ``Conflict``."""

    def work() -> None:
        handover.retry(context.session, context.state.tables, context.instance.id, document=number)
        _note(context, "retry_posting", {"document": number})

    return _done(context, work, lambda: find_document(context, number))


def retry_batch(context: RequestContext, number: int) -> BatchView:
    """The same of a batch."""

    def work() -> None:
        handover.retry(context.session, context.state.tables, context.instance.id, batch=number)
        _note(context, "retry_posting", {"batch": number})

    return _done(context, work, lambda: find_batch(context, number))


def record_return(
    context: RequestContext, order_id: int, reference: str, received_at: date, quantities: Mapping[int, int]
) -> Recorded:
    """Note that these pieces of an order's lines came back; ``NotFound``, ``Invalid`` (see ``books.returns``)."""

    def work() -> Recorded:
        row, is_new = returns.record(
            context.session,
            context.state.tables,
            context.instance,
            order_id,
            reference=reference,
            received_at=received_at,
            quantities=quantities,
            by=context.name,
        )
        came_back = {int(line_id): pieces for line_id, pieces in json.loads(row.quantities).items()}
        return Recorded(dict(row._mapping), came_back, is_new)

    return _committed(context, work)


def _done(context: RequestContext, work: Callable[[], None], shown: Callable[[], _T]) -> _T:
    _committed(context, work)
    return shown()


def _committed(context: RequestContext, work: Callable[[], _T]) -> _T:
    """What ``work`` writes in a transaction that begins with it: what was read before may be old by now."""
    end_transaction(context.session)
    return commit(context.session, work, try_for_s=QUICK_TRY_S)


def _note(context: RequestContext, action: str, changes: Mapping[str, int]) -> None:
    history.record(
        context.session, context.state.tables, context.instance.id, action, done_by=context.name, changes=changes
    )
