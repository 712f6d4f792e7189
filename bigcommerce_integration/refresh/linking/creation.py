"""Host products that a person wants, as a job of its own: it needs no answer of the store, and no setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from ...client.clock import local_now
from ...models import Tables, db_now
from ...resources.products import PRODUCTS, VARIANTS
from ..lifecycle.transitions import complete, start
from ..read.slice import Slice, SliceEnds
from ..write.host_calls import notify_host
from ..write.page import Counts
from ..write.rows import PageTransaction, chunks
from .linker import create_for

A_TRANSACTION = 500


def start_creation(
    session: Session,
    tables: Tables,
    *,
    instance_id: int,
    ids: Sequence[int],
    hint_after_s: float,
    requested_by: str | None,
) -> int:
    """Insert a pending job for the variants with these BigCommerce ids, which are noted with it; its id."""
    refresh_id = start(
        session,
        tables,
        instance_id=instance_id,
        resource=PRODUCTS.name,
        mode="create",
        hint_after_s=hint_after_s,
        requested_by=requested_by,
    )
    now = session.scalar(select(db_now()))
    for some in chunks(ids, 1000):
        rows = [
            {"refresh_id": refresh_id, "bigcommerce_id": each, "observed_at": now, "is_confirmed": False}
            for each in some
        ]
        session.execute(insert(tables.missing_records), rows)
    session.execute(update(tables.refreshes).where(tables.refreshes.c.id == refresh_id).values(total=len(ids)))
    return refresh_id


def create_products(slice_: Slice) -> None:
    """Make products for the variants that are noted with the job, so many a transaction, and complete it.

    A transaction that is done twice does nothing the second time: what it has linked is left alone.
    """
    job = slice_.job
    if slice_.checkpoint.begun_at is None:
        slice_.checkpoint = replace(slice_.checkpoint, phase="create", begun_at=local_now())
    while ids := job.engine.transaction(lambda session: _next(session, slice_)):

        def work(tx: PageTransaction, ids: Sequence[int] = ids) -> Counts:
            links = create_for(tx, ids)
            if links.product_ids:
                notify_host(tx, PRODUCTS.name, sorted(links.product_ids))
            refused = sum(decision.is_refused for decision in links.unsolved.values())
            done = {"fetched": len(ids), "linked": links.linked, "products_created": links.created}
            return Counts(done | {"refused": refused, "conflicts": len(links.unsolved) - refused})

        after = replace(slice_.checkpoint, link_after=ids[-1])
        slice_.commit(replace(slice_.step(work), after=after, is_progress=True))
        if len(ids) == A_TRANSACTION and not slice_.goes_on():
            raise SliceEnds
    job.engine.transaction(lambda session: _finish(session, slice_))


def _next(session: Session, slice_: Slice) -> list[int]:
    table = slice_.job.engine.tables.missing_records
    wanted = select(table.c.bigcommerce_id).where(
        table.c.refresh_id == slice_.job.refresh_id, table.c.bigcommerce_id > slice_.checkpoint.link_after
    )
    return list(session.scalars(wanted.order_by(table.c.bigcommerce_id).limit(A_TRANSACTION)))


def _finish(session: Session, slice_: Slice) -> None:
    job, values = slice_.job, slice_.results.values
    noted = job.engine.tables.missing_records
    job.lease.end(session)
    session.execute(delete(noted).where(noted.c.refresh_id == job.refresh_id))
    made, linked = values["products_created"], values["linked"] - values["products_created"]
    left = values["fetched"] - values["linked"]
    parts = [f"{_counted(made, PRODUCTS.name)} made"]
    parts += [f"{_counted(linked, VARIANTS.name)} linked to products that you have"] if linked else []
    parts += [f"{_counted(left, VARIANTS.name)} left as before"] if left else []
    text = f"Completed: {', '.join(parts)}."
    complete(session, job, slice_.fetcher.tally, message=text, total=slice_.results.total)


def _counted(count: int, plural: str) -> str:
    return f"1 {plural.removesuffix('s')} was" if count == 1 else f"{count} {plural} were"
