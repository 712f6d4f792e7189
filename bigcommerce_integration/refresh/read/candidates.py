"""Records that a walk should have brought and did not: candidates for ``deleted_at``, until they are asked for again.

They are kept with the refresh (``bigcommerce_missing_records``) and noted in the transaction of the page that lacked
them, so that memory stays flat and a killed worker loses none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from ...errors import MassDeletion
from ...models import Tables
from ...models.dialect.conditions import not_in
from ...resources.base import DateFilter
from ..job.context import Job
from ..write import collection as write
from ..write.rows import DeletedRow, PageTransaction, chunks, not_seen_since

FEW = 20
"""So many rows may always be marked, whatever their share."""
MOST_SINGLY = 500
"""Records that one refresh asks for one by one; the next goes on with the rest."""
ROWS_A_STATEMENT = 500


def note_unseen(
    tx: PageTransaction,
    job: Job,
    dates: DateFilter,
    covers: tuple[int, int | None],
    seen: Collection[int],
    *,
    gaps: Sequence[tuple[int, int | None]] = (),
) -> None:
    """Note the rows stored within ``covers`` (both ends included) that an answer did not bring and is no older than.

    Those in the ``gaps`` of its page are not noted: a record came there that may be one of them.
    """
    table, missing = job.collection.table(tx.tables), tx.tables.missing_records
    lo, hi = covers
    is_unseen = [
        table.c.instance_id == job.instance.id,
        table.c.bigcommerce_id >= lo,
        table.c.deleted_at.is_(None),
        not_seen_since(table, tx.observed_at, written_up_to=tx.claimed_number, latest=tx.latest),
        *_expected(table, job, dates),
        ~exists().where(missing.c.refresh_id == job.refresh_id, missing.c.bigcommerce_id == table.c.bigcommerce_id),
    ]
    if hi is not None:
        is_unseen.append(table.c.bigcommerce_id <= hi)
    for above, below in gaps:
        is_in_gap = table.c.bigcommerce_id > above
        is_unseen.append(~(is_in_gap if below is None else is_in_gap & (table.c.bigcommerce_id < below)))
    if seen:
        is_unseen.append(not_in(tx.session, table.c.bigcommerce_id, sorted(seen)))
    found = select(
        literal(job.refresh_id),
        table.c.bigcommerce_id,
        literal(tx.observed_at, missing.c.observed_at.type),
        literal(False),
    ).where(*is_unseen)
    columns = ["refresh_id", "bigcommerce_id", "observed_at", "is_confirmed"]
    tx.session.execute(insert(missing).from_select(columns, found))


def note_wanted(tx: PageTransaction, job: Job, ids: Sequence[int]) -> None:
    """Note ids that were asked for by name and did not come, whether they are stored or not."""
    missing = tx.tables.missing_records
    known = tx.session.scalars(
        select(missing.c.bigcommerce_id).where(
            missing.c.refresh_id == job.refresh_id, missing.c.bigcommerce_id.in_(ids)
        )
    ).all()
    rows = [
        {"refresh_id": job.refresh_id, "bigcommerce_id": each, "observed_at": tx.observed_at, "is_confirmed": False}
        for each in sorted(set(ids) - set(known))
    ]
    if rows:
        tx.session.execute(insert(missing), rows)


def keep_most_likely(tx: PageTransaction, job: Job, most: int) -> None:
    """Leave the candidates beyond so many to later refreshes; what lists may merely hide comes last."""
    table, missing = job.collection.table(tx.tables), tx.tables.missing_records
    is_mine = and_(table.c.instance_id == job.instance.id, table.c.bigcommerce_id == missing.c.bigcommerce_id)
    hidden = [condition.desc() for condition in _listed(table, job)]
    kept = tx.session.scalars(
        select(missing.c.bigcommerce_id)
        .select_from(missing.join(table, is_mine))
        .where(missing.c.refresh_id == job.refresh_id)
        .order_by(*hidden, missing.c.bigcommerce_id)
        .limit(most)
    ).all()
    if len(kept) == most:
        beyond = (missing.c.refresh_id == job.refresh_id, missing.c.bigcommerce_id.not_in(kept))
        tx.session.execute(delete(missing).where(*beyond))


def unconfirmed(session: Session, tables: Tables, refresh_id: int, *, most: int) -> list[int]:
    """The next ids that are to be asked for again, the lowest first."""
    missing = tables.missing_records
    statement = (
        select(missing.c.bigcommerce_id)
        .where(missing.c.refresh_id == refresh_id, missing.c.is_confirmed.is_(False))
        .order_by(missing.c.bigcommerce_id)
        .limit(most)
    )
    return list(session.scalars(statement))


def resolve(tx: PageTransaction, refresh_id: int, *, there: Sequence[int], gone: Sequence[int]) -> None:
    """Take those that came after all from the candidates; confirm those that did not."""
    missing = tx.tables.missing_records
    for some in chunks(sorted(there), ROWS_A_STATEMENT):
        tx.session.execute(
            delete(missing).where(missing.c.refresh_id == refresh_id, missing.c.bigcommerce_id.in_(some))
        )
    for some in chunks(sorted(gone), ROWS_A_STATEMENT):
        tx.session.execute(
            update(missing)
            .where(missing.c.refresh_id == refresh_id, missing.c.bigcommerce_id.in_(some))
            .values(is_confirmed=True, observed_at=tx.observed_at)
        )


def is_few(gone: int, live: int, *, max_share: float) -> bool:
    """Whether a store plausibly deletes so many of those that are live."""
    return gone <= FEW or gone <= max_share * live


def refuse_mass_deletion(gone: int, live: int, resource: str, *, is_empty: bool, max_share: float) -> None:
    """Raises ``MassDeletion`` for more than a store plausibly deletes: more likely it answered wrongly.

    ``gone`` rows are to be marked of ``live`` ones; ``is_empty``: a walk over everything saw nothing.
    """
    if is_empty and live:
        raise mass_deletion(f"The store has no {resource} at all, and {live} are stored", resource)
    if not is_few(gone, live, max_share=max_share):
        what = f"{gone} of {live} stored {resource} are gone from the store"
        raise mass_deletion(f"{what}, {beyond(max_share)}", resource)


def refuse_mass_unlinking(gone: int, live: int, resource: str, *, max_share: float) -> None:
    """As ``refuse_mass_deletion``, of ``live`` linked variants whose host products are looked for."""
    if not is_few(gone, live, max_share=max_share):
        what = f"The host says that the products of {gone} of {live} linked variants do not exist"
        raise mass_deletion(f"{what}, {beyond(max_share)}", resource, undone="None was unlinked", first="the host")


def beyond(max_share: float) -> str:
    """In words: how much is more than what is plausible."""
    return f"more than the share of {max_share:g} that BIGCOMMERCE_MAX_DELETED_SHARE allows"


def mass_deletion(
    what: str, resource: str, *, undone: str = "None was marked as deleted", first: str = "the store and its token"
) -> MassDeletion:
    """The error for ``what`` was found, with what a person can do."""
    return MassDeletion(
        f"{what}. {undone}. If they were deleted on purpose, start a full refresh of {resource} with "
        f"allow_mass_delete; otherwise look at {first} first."
    )


def has_confirmed(session: Session, tables: Tables, refresh_id: int) -> bool:
    """Whether some candidates were confirmed already."""
    missing = tables.missing_records
    confirmed = select(missing.c.bigcommerce_id).where(
        missing.c.refresh_id == refresh_id, missing.c.is_confirmed.is_(True)
    )
    return session.execute(confirmed.limit(1)).first() is not None


def extent(session: Session, tables: Tables, job: Job, dates: DateFilter, *, written_up_to: int) -> tuple[int, int]:
    """How many are confirmed so far, and of how many that the walk should have seen.

    Rows with a change number ``written_up_to`` or below were written before all of it was confirmed.
    """
    table = job.collection.table(tables)
    is_live = (
        table.c.instance_id == job.instance.id,
        table.c.deleted_at.is_(None),
        *_expected(table, job, dates),
        *_listed(table, job),
    )
    live: int = session.scalar(select(func.count()).select_from(table).where(*is_live)) or 0
    gone: int = session.scalar(select(func.count()).select_from(_gone(tables, job, written_up_to).subquery())) or 0
    return gone, live


def mark_deleted(tx: PageTransaction, job: Job, *, written_up_to: int) -> int:
    """Mark every row that is confirmed as deleted and was not seen since, and forget the candidates; how many."""
    gone = take_gone(tx, job, written_up_to=written_up_to)
    write.mark_deleted(tx, job.collection, gone)
    return len(gone)


def take_gone(tx: PageTransaction, job: Job, *, written_up_to: int) -> list[DeletedRow]:
    """Every row that is confirmed as deleted and was not seen since; the candidates are forgotten."""
    rows = tx.session.execute(_gone(tx.tables, job, written_up_to)).all()
    missing = tx.tables.missing_records
    tx.session.execute(delete(missing).where(missing.c.refresh_id == job.refresh_id))
    return [DeletedRow(row.id, row.bigcommerce_id, row.gone_at, written_up_to) for row in rows]


def _gone(tables: Tables, job: Job, written_up_to: int) -> Select[Any]:
    table, missing = job.collection.table(tables), tables.missing_records
    both = and_(
        table.c.bigcommerce_id == missing.c.bigcommerce_id,
        not_seen_since(table, missing.c.observed_at, written_up_to=written_up_to, latest=job.clock.latest),
    )
    return (
        select(table.c.id, table.c.bigcommerce_id, missing.c.observed_at.label("gone_at"))
        .select_from(missing.join(table, both))
        .where(
            missing.c.refresh_id == job.refresh_id,
            missing.c.is_confirmed.is_(True),
            table.c.instance_id == job.instance.id,
            table.c.deleted_at.is_(None),
        )
        .order_by(table.c.bigcommerce_id)
    )


def _expected(table: Table, job: Job, dates: DateFilter) -> list[ColumnElement[bool]]:
    """Which stored rows a walk with these dates should bring: created between them, whatever lists may hide.

    One whose date could not be read may have been created on any day.
    """
    created = job.collection.resource.created
    conditions: list[ColumnElement[bool]] = []
    if created is not None and dates.created_since is not None:
        conditions.append(or_(table.c[created] >= dates.created_since, table.c[created].is_(None)))
    if created is not None and dates.created_until is not None:
        conditions.append(or_(table.c[created] < dates.created_until, table.c[created].is_(None)))
    return conditions


def _listed(table: Table, job: Job) -> list[ColumnElement[bool]]:
    """Which stored rows lists are sure to show while the store has them: those not archived, of orders.

    Whether lists show the others is not known (the fact sheet, section 14).
    """
    hidden = job.collection.resource.hidden
    return [] if hidden is None else [table.c[hidden].is_(False)]
