"""The end of a refresh that found more variants gone than a store plausibly deletes: none is marked, and it fails."""

from __future__ import annotations

from sqlalchemy import select

from ...errors import MassDeletion
from ..read.slice import Slice
from ..write.host_calls import tell_products
from ..write.page import Counts
from ..write.reparenting import doubt
from ..write.rows import PageTransaction, update_rows
from .variant_doubts import live_counts


def refuse_withheld(slice_: Slice) -> None:
    """Raises ``MassDeletion`` if pages found too many variants gone; those marked before that are unmarked."""
    job, withheld = slice_.job, slice_.checkpoint.withheld
    if not withheld:
        return
    unmarked = 0

    def unmark(tx: PageTransaction) -> Counts:
        nonlocal unmarked
        variants, products = tx.tables.variants, tx.tables.products
        rows = tx.session.execute(
            select(variants.c.id, variants.c.bigcommerce_product_id)
            .select_from(
                variants.join(
                    products,
                    (products.c.instance_id == variants.c.instance_id)
                    & (products.c.bigcommerce_id == variants.c.bigcommerce_product_id),
                )
            )
            .where(
                variants.c.instance_id == tx.instance.id,
                # What this refresh has marked itself: whose product is still there.
                variants.c.deleted_at >= slice_.checkpoint.begun_at,
                products.c.deleted_at.is_(None),
            )
        ).all()
        unmarked = len(rows)
        update_rows(tx, variants, [{"row_id": row.id, "deleted_at": None} for row in rows], is_observed=False)
        owners = sorted({row.bigcommerce_product_id for row in rows})
        # Their next answer decides anew.
        doubt(tx, products, owners)
        if owners:
            tell_products(tx, owners)
        return Counts({"deleted": -unmarked})

    slice_.commit(slice_.step(unmark))
    live = job.engine.transaction(lambda session: live_counts(session, job))["variants"]
    share = job.engine.config.max_deleted_share
    raise MassDeletion(
        f"{withheld + unmarked} of {live} stored variants are gone from products that the store still has, more than "
        f"the share of {share:g} that BIGCOMMERCE_MAX_DELETED_SHARE allows. None was marked as deleted. If they were "
        "deleted on purpose, start a full refresh of products with allow_mass_delete; otherwise look at the store and "
        "its token first."
    )
