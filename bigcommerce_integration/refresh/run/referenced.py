"""Products that stored orders refer to and that no walk brings: older than the start date, or missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from ...client.api import Page, Reply
from ...models import Tables, db_now
from ...models.dialect.transactions import is_lockable, plan_anew
from ...resources.orders import ORDERS
from ...resources.products import PRODUCTS
from ..job.context import new_owner
from ..job.lease import Lease, claim, lease_of
from ..read.fetcher import Fetch
from ..read.quarantine import try_again
from ..read.slice import Slice, SliceEnds
from ..write.apply import Step
from ..write.behaviour import Collection
from ..write.collection import write_page
from ..write.page import Counts, MappedPage, map_page, unmapped
from ..write.rows import PageTransaction

BORROW_AGAIN_S = 2.0


def missing_products(session: Session, tables: Tables, instance_id: int) -> list[int]:
    """The next ids (at most 250) that lines of stored orders name and that are neither stored nor known as absent.

    Only lines written since none was missing are looked at: neither products nor what is known as absent goes away.
    """
    lines, products, absent = tables.order_lines, tables.products, tables.absent_products
    known = select(tables.leases.c.referenced_up_to).where(*lease_of(tables, instance_id, ORDERS.name))
    known_up_to: int | None = session.scalar(known)
    product_id: ColumnElement[int] = lines.c.bigcommerce_product_id
    if known_up_to is not None:
        # An expression, as SQLite would read all lines along the index of this column to have them in order.
        product_id = product_id + 0
    statement = (
        select(product_id)
        .where(
            lines.c.instance_id == instance_id,
            # 0 is a custom item, which never was in the catalog.
            product_id > 0,
            ~exists().where(
                products.c.instance_id == instance_id, products.c.bigcommerce_id == lines.c.bigcommerce_product_id
            ),
            ~exists().where(
                absent.c.instance_id == instance_id, absent.c.bigcommerce_id == lines.c.bigcommerce_product_id
            ),
        )
        .distinct()
        .order_by(product_id)
        .limit(PRODUCTS.asked_by.ids_a_request)
    )
    if known_up_to is not None:
        statement = statement.where(lines.c.change_number > known_up_to)
    return list(session.execute(statement).scalars())


def all_are_known(session: Session, tables: Tables, instance_id: int) -> bool:
    """Whether no product is missing; if so, that is remembered for the lines there are now. The caller commits.

    Where a page of orders is being written it is not remembered, as nobody waits for its lock: the next look does it.
    """
    leases, orders = tables.leases, lease_of(tables, instance_id, ORDERS.name)
    # Read before the lines: numbers are given in commit order, so all lines up to it are seen then.
    up_to: int | None = session.scalar(select(leases.c.change_number).where(*orders))
    plan_anew(session)
    if missing_products(session, tables, instance_id):
        return False
    is_news = or_(leases.c.referenced_up_to.is_(None), leases.c.referenced_up_to < up_to)
    if is_lockable(session, select(leases.c.epoch).where(*orders, is_news)):
        session.execute(update(leases).where(*orders, is_news).values(referenced_up_to=up_to))
    return True


def has_no_newer_line(tables: Tables, instance_id: Any) -> ColumnElement[bool]:
    """Whether no order was written since no product was missing."""
    leases = tables.leases.alias()
    orders = (leases.c.instance_id == instance_id, leases.c.resource == ORDERS.name)
    return exists().where(*orders, leases.c.referenced_up_to >= leases.c.change_number)


def remember_absent(session: Session, tables: Tables, instance_id: int, ids: Sequence[int]) -> None:
    """Note that these were asked for and could not be had, so that they are not asked for again."""
    if not ids:
        return
    absent = tables.absent_products
    known = select(absent.c.bigcommerce_id).where(absent.c.instance_id == instance_id, absent.c.bigcommerce_id.in_(ids))
    new = set(ids) - set(session.execute(known).scalars())
    if new:
        rows = [{"instance_id": instance_id, "bigcommerce_id": each} for each in sorted(new)]
        session.execute(insert(absent).values(found_absent_at=db_now()), rows)


def fetch_referenced(slice_: Slice) -> None:
    """Fetch the products that stored orders refer to and no walk brought, in batches by id."""
    engine, instance_id = slice_.job.engine, slice_.job.instance.id
    with _products_lease(slice_) as lease:
        while True:
            ids = engine.transaction(lambda session: missing_products(session, engine.tables, instance_id))
            if not ids:
                if lease is not slice_.job.lease:
                    try_again(slice_, _products(slice_), lease)
                slice_.checkpoint = replace(slice_.checkpoint, phase="finish")
                return
            _fetch_products(slice_, lease, ids[: slice_.page_size])
            if len(ids) >= slice_.page_size and not slice_.goes_on():
                raise SliceEnds


def _fetch_products(slice_: Slice, lease: Lease, ids: Sequence[int]) -> None:
    """One batch: what came goes in, and what cannot be had is remembered, so that it is not asked for again."""
    products = _products(slice_)

    def write(tx: PageTransaction, page: MappedPage) -> Counts:
        counts = write_page(tx, products, page, since=slice_.checkpoint.since)
        remember_absent(tx.session, tx.tables, tx.instance.id, [each.id for each in page.rejected if each.id])
        return Counts({"referenced": counts.values["created"], "linked": counts.values["linked"]})

    def came(reply: Reply[Page]) -> None:
        page = slice_.isolated(map_page(reply, products.mapper.map_record if slice_.blame is None else unmapped))
        answered = {each.id for each in page.records} | {each.id for each in page.rejected}
        gone = [each for each in ids if each not in answered]

        def remember_gone(tx: PageTransaction) -> Counts:
            remember_absent(tx.session, tx.tables, tx.instance.id, gone)
            return Counts()

        slice_.commit_page(page, write, lease=lease)
        slice_.grow()
        slice_.commit(Step(remember_gone, slice_.checkpoint, lease, page.observed_at))

    slice_.fetcher.add(Fetch(lambda: slice_.client.by_ids(PRODUCTS, ids), came))
    slice_.settle(lambda: None)


def _products(slice_: Slice) -> Collection:
    return slice_.job.engine.collections[PRODUCTS.name]


@contextmanager
def _products_lease(slice_: Slice) -> Iterator[Lease]:
    """The lease that fences writes to products: our own, or for an orders refresh the instance's other one."""
    job = slice_.job
    if job.resource == PRODUCTS.name:
        yield job.lease
        return
    engine = job.engine

    def borrow(session: Session) -> Lease | None:
        return claim(
            session,
            engine.tables,
            instance_id=job.instance.id,
            resource=PRODUCTS.name,
            owner=new_owner(),
            length_s=engine.config.lease_s,
        )

    slice_.borrowed = lease = engine.transaction(borrow)
    if lease is None:
        raise SliceEnds(BORROW_AGAIN_S, "Waiting for the refresh of products, which writes them right now.")
    try:
        yield lease
    finally:
        slice_.borrowed = None
        engine.transaction(lease.release)
