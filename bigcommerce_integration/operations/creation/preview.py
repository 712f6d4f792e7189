"""What would come of the wish for products; nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from ...errors import Code
from ...models import db_now
from ...models.product_key import Key
from ...refresh.linking.linker import is_creatable, plan_products, variants_by_id
from ...refresh.linking.manual import SOURCE
from ...refresh.linking.rules import Decision
from ...refresh.write.rows import PageTransaction, rows_by_id
from ..context import RequestContext
from ..links.your_products import known_as, your_products
from .selection import ACTION, Selection, selected

MOST_PREVIEWED = 1000
"""How many variants a preview looks at."""


class Verdict(Code):
    """What comes of the wish for a product for a variant."""

    CREATE = "create", "A product is made and linked."
    LINK = "link", "You have a product with the SKU, and it is linked."
    EXISTS = "exists", "You have a product with the SKU, and the settings do not link by themselves."
    CONFLICT = "conflict", "Which product the SKU means is not sure, or there is no SKU; the message says why."
    ONLY_REFERENCED = "only_referenced", "The store's product is here only since an order refers to it."
    LINKED = "linked", "It is linked already."
    GONE = "gone", "The store no longer has it."
    NOT_FOUND = "not_found", "There is no such variant here."


@dataclass(frozen=True)
class Planned:
    """What would come of one variant; ``message`` is for people. ``sku`` and ``name`` are None if it is not here."""

    bigcommerce_id: int
    verdict: Verdict
    message: str
    sku: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Preview:
    """``total`` variants are meant; ``planned`` are the first of them, by id, and ``counts`` those by verdict."""

    total: int
    planned: Sequence[Planned]
    counts: Mapping[Verdict, int]


def preview(context: RequestContext, selection: Selection) -> Preview:
    """What the job would do now, for the first ``MOST_PREVIEWED`` variants; nothing is stored."""
    context.require(ACTION)
    ids = selected(context, selection)
    planned = _planned(context, ids[:MOST_PREVIEWED])
    return Preview(len(ids), planned, Counter(each.verdict for each in planned))


def _planned(context: RequestContext, ids: Sequence[int]) -> list[Planned]:
    now = context.session.scalar(select(db_now()))
    assert now is not None
    tx = PageTransaction(context.session, context.state.tables, context.state.host, context.instance, now, 0)
    rows = {row.bigcommerce_id: row for row in variants_by_id(tx, ids)}
    decisions = plan_products(tx, [row for row in rows.values() if is_creatable(row)])
    skus = rows_by_id(tx, tx.tables.variants, rows, "sku")
    owners = {row.bigcommerce_product_id for row in rows.values()}
    products = rows_by_id(tx, tx.tables.products, owners, "name", "deleted_at", "is_only_referenced")
    linked = [row.host_product_id for row in rows.values()]
    mine = your_products(context, [*linked, *(decision.host_product_id for _, decision in decisions.values())])
    made = []
    for each in ids:
        row, decision = rows.get(each), decisions.get(each)
        product = None if row is None else products.get(row.bigcommerce_product_id)
        verdict, message = _verdict(row, product, None if decision is None else decision[1], mine)
        sku = skus[each].sku if row is not None else None
        made.append(Planned(each, verdict, message, sku, None if product is None else product.name))
    return made


def _verdict(
    row: Row[Any] | None, product: Row[Any] | None, decision: Decision | None, mine: Mapping[Key, tuple[str, str]]
) -> tuple[Verdict, str]:
    if row is None:
        return Verdict.NOT_FOUND, Verdict.NOT_FOUND.meaning
    if row.deleted_at is not None:
        return Verdict.GONE, Verdict.GONE.meaning
    if decision is None:
        return Verdict.LINKED, f"It is linked to your product {known_as(mine, row.host_product_id)}."
    if decision.choice == "create":
        return _of_new(row, product)
    return _of_known(decision, mine)


def _of_known(decision: Decision, mine: Mapping[Key, tuple[str, str]]) -> tuple[Verdict, str]:
    """What the host has, or what stands in the way, decides."""
    if decision.conflict is not None:
        return Verdict.CONFLICT, decision.conflict
    if decision.choice == "link" and decision.host_product_id is not None:
        return Verdict.LINK, f"Your product {known_as(mine, decision.host_product_id)} has this SKU: it is linked."
    return Verdict.EXISTS, Verdict.EXISTS.meaning


def _of_new(row: Row[Any], product: Row[Any] | None) -> tuple[Verdict, str]:
    """The host has no product with the SKU."""
    if product is None or product.deleted_at is not None:
        return Verdict.GONE, "The store no longer has its product."
    if product.is_only_referenced:
        return Verdict.ONLY_REFERENCED, Verdict.ONLY_REFERENCED.meaning
    was_left = " Somebody had decided to leave it without a link." if row.link_source == SOURCE else ""
    return Verdict.CREATE, f"{Verdict.CREATE.meaning}{was_left}"
