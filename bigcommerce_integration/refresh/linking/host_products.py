"""The host's products for SKUs: those that it has, and those that it makes for variants that have none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from ...errors import HostRefused, LinkCode
from ...host.port import ProductDraft
from ...models.dialect.errors import is_text_refused
from ...models.product_key import Key
from ..write.host_calls import host_products_by_sku, make_host_products
from ..write.rows import PageTransaction, chunks, rows_by_id
from .rules import LEAVE, Decision, Unaskable, decide, folded

SKUS_A_QUESTION = 500


def host_products(tx: PageTransaction, skus: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[Key]]]:
    """For each SKU the host's products, by the host's own spelling of what is equal or nearly so."""
    answers: dict[str, Sequence[Key]] = {}
    refused: dict[str, Unaskable] = {}
    for some in chunks(skus, SKUS_A_QUESTION):
        try:
            answers.update(host_products_by_sku(tx, some))
        except HostRefused as error:
            # Only MariaDB and MySQL know such columns, and there a statement that fails undoes nothing else.
            wide = [sku for sku in some if sku and max(sku) > "\uffff"]
            if not wide or error.__cause__ is None or not is_text_refused(error.__cause__):
                raise
            refused |= {sku: Unaskable(str(error)) for sku in wide}
            narrow = [sku for sku in some if sku not in refused]
            answers.update(host_products_by_sku(tx, narrow) if narrow else {})
    by_fold: dict[str, dict[str, Sequence[Key]]] = defaultdict(dict)
    for spelling, ids in answers.items():
        by_fold[folded(spelling)][spelling] = ids
    return {sku: refused.get(sku) or _spellings(sku, by_fold[folded(sku)]) for sku in skus}


def _spellings(sku: str, found: Mapping[str, Sequence[Key]]) -> Mapping[str, Sequence[Key]]:
    """The host's exact spelling if it has one; only without it does a near one matter."""
    return {spelling: ids for spelling, ids in found.items() if spelling.strip() == sku} or found


def create_in_turn(tx: PageTransaction, decisions: dict[int, tuple[Any, Decision]]) -> None:
    """Make what is to be made, as if one variant after another: replaces those decisions by what came of them.

    Of SKUs that differ only by case or accent the first goes in, then the host is asked again for the others:
    whether they are one to its database is for it to say.
    """
    waiting = [row for _, (row, decision) in sorted(decisions.items()) if decision.choice == "create"]
    while waiting:
        first_of_fold = {folded(row.sku_key): row for row in reversed(waiting)}
        turn = sorted(first_of_fold.values(), key=lambda row: row.bigcommerce_id)
        made = _create(tx, turn)
        for row in turn:
            decisions[row.bigcommerce_id] = (row, made.get(row.sku_key, LEAVE))
        done = {row.bigcommerce_id for row in turn}
        waiting = [row for row in waiting if row.bigcommerce_id not in done]
        host = host_products(tx, sorted({row.sku_key for row in waiting}))
        for row in waiting:
            again = decide(row.sku_key, host=host[row.sku_key], live_variants=1, auto_link=True, auto_create=True)
            decisions[row.bigcommerce_id] = (row, again)
        waiting = [row for row in waiting if decisions[row.bigcommerce_id][1].choice == "create"]


def _create(tx: PageTransaction, rows: Sequence[Row[Any]]) -> dict[str, Decision]:
    """Make host products for these variants, by SKU; what the host refuses stays unlinked with the reason."""
    drafts = _drafts(tx, rows)
    if not drafts:
        return {}
    try:
        made = make_host_products(tx, drafts)
        return {draft.sku: _made(draft, made) for draft in drafts}
    except HostRefused:
        return {draft.sku: _create_alone(tx, draft) for draft in drafts}


def _made(draft: ProductDraft, made: Mapping[str, Key]) -> Decision:
    if draft.sku in made:
        return Decision("create", made[draft.sku])
    return Decision.conflicting(LinkCode.REFUSED_BY_HOST, "Your system made no product for this SKU.")


def _create_alone(tx: PageTransaction, draft: ProductDraft) -> Decision:
    try:
        return _made(draft, make_host_products(tx, [draft]))
    except HostRefused as error:
        if isinstance(error.__cause__, IntegrityError):
            # Somebody in the host was quicker: a race ends in a link.
            found = decide(
                draft.sku,
                host=host_products(tx, [draft.sku])[draft.sku],
                live_variants=1,
                auto_link=True,
                auto_create=False,
            )
            if found.choice == "link":
                return found
        return Decision.conflicting(LinkCode.REFUSED_BY_HOST, str(error))


def _drafts(tx: PageTransaction, rows: Sequence[Row[Any]]) -> list[ProductDraft]:
    """What to make: only of variants of products that are live and not here merely for an old order."""
    names = ("name", "price", "deleted_at", "is_only_referenced")
    products = rows_by_id(tx, tx.tables.products, {row.bigcommerce_product_id for row in rows}, *names)
    variants = rows_by_id(tx, tx.tables.variants, [row.bigcommerce_id for row in rows], "price")
    drafts = []
    for row in rows:
        product, variant = products.get(row.bigcommerce_product_id), variants.get(row.bigcommerce_id)
        if product is None or product.deleted_at is not None or product.is_only_referenced:
            continue
        own_price = None if variant is None else variant.price
        drafts.append(
            ProductDraft(
                sku=row.sku_key,
                name=product.name or row.sku_key,
                price=product.price if own_price is None else own_price,
                bigcommerce_product_id=row.bigcommerce_product_id,
                bigcommerce_variant_id=row.bigcommerce_id,
            )
        )
    return drafts
