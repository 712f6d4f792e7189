"""Products that stored orders refer to and that no walk brings: older than the start date, or missed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, insert, select
from sqlalchemy.orm import Session

from ..models import Tables, db_now

IDS_A_REQUEST = 250


def missing_products(session: Session, tables: Tables, instance_id: int) -> list[int]:
    """The next ids (at most 250) that lines of stored orders name and that are neither stored nor known as absent."""
    lines, products, absent = tables.order_lines, tables.products, tables.absent_products
    statement = (
        select(lines.c.bigcommerce_product_id)
        .where(
            lines.c.instance_id == instance_id,
            lines.c.deleted_at.is_(None),
            # 0 is a custom item, which never was in the catalog.
            lines.c.bigcommerce_product_id > 0,
            ~exists().where(
                products.c.instance_id == instance_id, products.c.bigcommerce_id == lines.c.bigcommerce_product_id
            ),
            ~exists().where(
                absent.c.instance_id == instance_id, absent.c.bigcommerce_id == lines.c.bigcommerce_product_id
            ),
        )
        .distinct()
        .order_by(lines.c.bigcommerce_product_id)
        .limit(IDS_A_REQUEST)
    )
    return list(session.execute(statement).scalars())


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
