"""What is found of the documents for the host's accounting: held, not taken, waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, func, literal, select, union_all

from ...host.port import AccountingHost
from ..accounting.reasons import meaning_of
from ..context import Caller
from .counts import A_STATEMENT, MOST_COUNTED
from .finding import Action, Finding, FindingCode, Severity

_STATUSES = ("held", "failed", "waiting")
_Made = Callable[..., Finding]
_Told = tuple[FindingCode, Severity, str, str]
"""The code, the severity, the sentence, and which page of the accounting lists them."""


@dataclass(frozen=True)
class Unbooked:
    """Documents of one store that stand alike, or batches of it: ``reasons`` are those of documents, by code.

    Of more than ``MOST_COUNTED`` it is not known how many there are. ``since`` is when the first was made.
    """

    status: str
    reasons: str
    count: int
    since: datetime
    is_batch: bool = False


def unbooked(caller: Caller, instance_ids: Sequence[int]) -> Mapping[int, Sequence[Unbooked]]:
    """What is not in the books of these stores and will not be by itself; no query for a host that has none."""
    found: defaultdict[int, list[Unbooked]] = defaultdict(list)
    if not isinstance(caller.state.host, AccountingHost):
        return found
    tables = caller.state.tables
    parts = [
        part
        for each in instance_ids
        for part in (
            *(_documents(tables.accounting_documents, each, status) for status in _STATUSES),
            _batches(tables.accounting_batches, each),
        )
    ]
    for begin in range(0, len(parts), A_STATEMENT):
        for row in caller.session.execute(union_all(*parts[begin : begin + A_STATEMENT])):
            made = Unbooked(row.status, row.reasons, row.number, row.since, bool(row.is_batch))
            found[row.instance_id].append(made)
    return found


def _documents(table: Table, instance_id: int, status: str) -> Select[Any]:
    few = (
        select(table.c.reasons, table.c.created_at)
        .where(table.c.instance_id == instance_id, table.c.status == status)
        .limit(MOST_COUNTED + 1)
        .subquery()
    )
    return _counted(instance_id, status, few, few.c.reasons, is_batch=0).group_by(few.c.reasons)


def _batches(table: Table, instance_id: int) -> Select[Any]:
    few = (
        select(table.c.status, table.c.created_at)
        .where(table.c.instance_id == instance_id, table.c.status == "failed")
        .limit(MOST_COUNTED + 1)
        .subquery()
    )
    return _counted(instance_id, "failed", few, literal(""), is_batch=1).group_by(few.c.status)


def _counted(instance_id: int, status: str, few: Any, reasons: Any, *, is_batch: int) -> Select[Any]:
    return select(
        literal(instance_id).label("instance_id"),
        literal(status).label("status"),
        literal(is_batch).label("is_batch"),
        reasons.label("reasons"),
        func.count().label("number"),
        func.min(few.c.created_at).label("since"),
    ).select_from(few)


def of_books(found: Sequence[Unbooked], make: _Made) -> Iterator[Finding]:
    """One finding for what the books did not take, one for what is held, one for what waits."""
    for status, decide in (("failed", _failed), ("held", _held), ("waiting", _waiting)):
        alike = [each for each in found if each.status == status]
        if alike:
            code, severity, text, page = decide(alike)
            since, link = min(each.since for each in alike), f"accounting/{page}?status={status}"
            yield make(code, severity, text, since=since, action=Action.OPEN_DOCUMENTS, link=link)


def _failed(found: Sequence[Unbooked]) -> _Told:
    page = "batches" if all(each.is_batch for each in found) else "documents"
    what = " and ".join(
        _number([each for each in found if each.is_batch is is_batch], noun)
        for is_batch, noun in ((False, "accounting document"), (True, "batch"))
        if any(each.is_batch is is_batch for each in found)
    )
    text = (
        f"Your books did not take {what}, however often they were handed over. Nothing is lost: each is kept with what "
        "your system said. Mend that, then have it handed over again."
    )
    return FindingCode.POSTINGS_FAILED, "person", text, page


def _held(found: Sequence[Unbooked]) -> _Told:
    one = sum(each.count for each in found) == 1
    text = (
        f"{_number(found, 'accounting document')} {'is' if one else 'are'} held and stay{'s' if one else ''} out of "
        f"your books until somebody has looked. {_why(found)} Correct the order in the store, or release the document."
    )
    return FindingCode.DOCUMENTS_HELD, "person", text, "documents"


def _waiting(found: Sequence[Unbooked]) -> _Told:
    one = sum(each.count for each in found) == 1
    text = f"{_number(found, 'accounting document')} wait{'s' if one else ''}. {_why(found)} Nothing is lost."
    return FindingCode.DOCUMENTS_WAITING, "wait", text, "documents"


def _why(found: Sequence[Unbooked]) -> str:
    """The reasons, the most frequent first; with how many each concerns, if those are not all."""
    counted: defaultdict[str, int] = defaultdict(int)
    for each in found:
        for reason in each.reasons.split():
            counted[reason] += each.count
    ordered = sorted(counted, key=lambda reason: (-counted[reason], reason))
    if set(counted.values()) <= {sum(each.count for each in found)}:
        return " ".join(meaning_of(each) for each in ordered)
    return " ".join(f"{counted[each]:,}: {meaning_of(each)}" for each in ordered)


def _number(found: Sequence[Unbooked], noun: str) -> str:
    count = sum(each.count for each in found)
    plural = "batches" if noun == "batch" else f"{noun}s"
    if count > MOST_COUNTED:
        return f"More than {MOST_COUNTED:,} {plural}"
    return f"{count:,} {noun if count == 1 else plural}"
