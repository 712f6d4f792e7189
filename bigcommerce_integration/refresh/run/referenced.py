"""Products that stored orders refer to and that no walk brings: older than the start date, or missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from ...models import Tables, db_now
from ..job.database import is_lockable

IDS_A_REQUEST = 250


def missing_products(session: Session, tables: Tables, instance_id: int) -> list[int]:
    """The next ids (at most 250) that lines of stored orders name and that are neither stored nor known as absent.

    Only lines written since none was missing are looked at: neither products nor what is known as absent goes away.
    """
    lines, products, absent = tables.order_lines, tables.products, tables.absent_products
    known_up_to: int | None = session.scalar(
        select(tables.leases.c.referenced_up_to).where(*_orders_lease(tables, instance_id))
    )
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
        .limit(IDS_A_REQUEST)
    )
    if known_up_to is not None:
        statement = statement.where(lines.c.change_number > known_up_to)
    return list(session.execute(statement).scalars())


def all_are_known(session: Session, tables: Tables, instance_id: int) -> bool:
    """Whether no product is missing; if so, that is remembered for the lines there are now. The caller commits.

    Where a page of orders is being written it is not remembered, as nobody waits for its lock: the next look does it.
    """
    leases = tables.leases
    orders = _orders_lease(tables, instance_id)
    # Read before the lines: numbers are given in commit order, so all lines up to it are seen then.
    up_to: int | None = session.scalar(select(leases.c.change_number).where(*orders))
    if missing_products(session, tables, instance_id):
        return False
    is_news = or_(leases.c.referenced_up_to.is_(None), leases.c.referenced_up_to < up_to)
    if is_lockable(session, select(leases.c.epoch).where(*orders, is_news)):
        session.execute(update(leases).where(*orders, is_news).values(referenced_up_to=up_to))
    return True


def _orders_lease(tables: Tables, instance_id: int) -> tuple[Any, ...]:
    return tables.leases.c.instance_id == instance_id, tables.leases.c.resource == "orders"


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
