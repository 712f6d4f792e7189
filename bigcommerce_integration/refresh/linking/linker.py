"""Links from variants to the host's products by SKU: never a guess.

===========  =============  ==========================  ===========================
auto_link    auto_create    one host product has it     no host product has it
===========  =============  ==========================  ===========================
false        false          –                           –
true         false          link                        –
false        true           leave unlinked              create and link
true         true           link                        create and link
===========  =============  ==========================  ===========================

A page links what it brings to products that exist; host products are made by the pass at the end of the
refresh alone, when all variants are known: only then is it certain that no second one has the SKU.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from sqlalchemy import Row, select
from sqlalchemy.exc import IntegrityError

from ...errors import HostRefused, LinkCode
from ...host.port import ProductDraft
from ...models.dialect import is_text_refused
from ...models.product_key import Key, in_order, key_answer
from ...resources.columns import is_noted
from ...resources.columns import message as column_message
from ..write.host_calls import host_products_by_sku, make_host_products, missing_host_products
from ..write.rows import PageTransaction, chunks, stored_rows, update_rows

Choice = Literal["link", "create", "leave"]
SOURCES: Mapping[Choice, str | None] = {"link": "auto", "create": "created", "leave": None}
UNLINKED: Mapping[str, Any] = {
    "host_product_id": None,
    "link_source": None,
    "link_conflict": None,
    "link_conflict_code": None,
}
PASS_SIZE = 1000
SKUS_A_QUESTION = 500


@dataclass(frozen=True)
class Decision:
    """What to do with one variant; ``conflict`` says why nothing can be done, ``code`` says it for programs."""

    choice: Choice
    host_product_id: Key | None = None
    conflict: str | None = None
    code: LinkCode | None = None

    @classmethod
    def conflicting(cls, code: LinkCode, conflict: str) -> Self:
        """To leave the variant without a link, for this reason."""
        return cls("leave", None, conflict, code)

    @property
    def is_refused(self) -> bool:
        """Whether it is the host that stands in the way."""
        return self.code == LinkCode.REFUSED_BY_HOST


class Unaskable(dict[str, Sequence[Key]]):
    """In place of the host's products with a SKU that its table cannot hold: there are none, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__({"": ()})
        self.reason = reason


LEAVE, CREATE = Decision("leave"), Decision("create")


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant that is about to be stored, to be linked as a stored row is."""

    bigcommerce_id: int
    bigcommerce_product_id: int
    sku_key: str | None
    notes: str | None = None
    id: None = None
    host_product_id: None = None
    link_source: None = None
    link_conflict: None = None
    link_conflict_code: None = None
    deleted_at: None = None


Variant = Row[Any] | NewVariant


@dataclass
class Links:
    """What was linked, the BigCommerce ids of the products whose stored variants changed, the links of the new ones.

    ``unsolved`` are the decisions that left a variant without a link for a reason, by its BigCommerce id.
    """

    linked: int = 0
    created: int = 0
    product_ids: set[int] = field(default_factory=set)
    of_new: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    unsolved: dict[int, Decision] = field(default_factory=dict)


def folded(sku: str) -> str:
    """The SKU without case and accents: what some databases take for equal."""
    if sku.isascii():
        return sku.strip().lower()
    decomposed = unicodedata.normalize("NFKD", sku.strip().casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def decide(
    sku: str, *, host: Mapping[str, Sequence[Key]], live_variants: int, auto_link: bool, auto_create: bool
) -> Decision:
    """The truth table for a variant with this (trimmed) SKU; ``host`` maps the host's spellings to product ids."""
    if not host and live_variants == 1:
        return CREATE if auto_create else LEAVE
    exact = [each for spelling, ids in host.items() if spelling.strip() == sku for each in ids]
    if isinstance(host, Unaskable):
        return Decision.conflicting(LinkCode.SKU_NOT_ASKABLE, host.reason)
    if (conflict := _conflict(sku, host, exact, live_variants)) is not None:
        return conflict
    if exact:
        return Decision("link", exact[0]) if auto_link else LEAVE
    return CREATE if auto_create else LEAVE


def _conflict(sku: str, host: Mapping[str, Sequence[Key]], exact: Sequence[Key], live_variants: int) -> Decision | None:
    near = sorted(spelling for spelling, ids in host.items() if ids and spelling.strip() != sku)
    if live_variants > 1:
        return _twins(live_variants)
    if len(exact) > 1:
        shown = ", ".join(str(key_answer(each)) for each in in_order(exact)[:5])
        text = f"{len(exact)} host products have this SKU: {shown}."
        return Decision.conflicting(LinkCode.SAME_SKU_IN_HOST, text)
    if near:
        text = f"A host SKU differs only by case, accent or blanks: {column_message(near[0])!r}."
        return Decision.conflicting(LinkCode.SIMILAR_SKU_IN_HOST, text)
    return None


def _twins(live_variants: int) -> Decision:
    return Decision.conflicting(LinkCode.SAME_SKU_IN_STORE, f"{live_variants} variants of the store have this SKU.")


def link_changed(tx: PageTransaction, variant_ids: Sequence[int], new: Sequence[NewVariant]) -> Links:
    """Link what a page brought to host products that exist already: stored variants by id, and new ones.

    Edited SKUs are stored before; the links of the new variants go in with their rows, by BigCommerce id in ``of_new``.
    """
    if not variant_ids and not new:
        return Links()
    table = tx.tables.variants
    rows = stored_rows(tx, table, table.c.bigcommerce_id, variant_ids, *_columns(tx))
    return _link(tx, [*rows, *new], is_pass=False)


def link_pass(tx: PageTransaction, after: int) -> tuple[Links, int | None]:
    """Link and create for the next variants without a link, by BigCommerce id; the id to go on after, None at the end.

    Looks at live variants with a SKU that no hand has decided on. A host product made since their page links
    here too.
    """
    table = tx.tables.variants
    statement = (
        select(*_columns(tx))
        .where(
            table.c.instance_id == tx.instance.id,
            table.c.bigcommerce_id > after,
            table.c.host_product_id.is_(None),
            table.c.link_source.is_(None),
            table.c.deleted_at.is_(None),
        )
        .order_by(table.c.bigcommerce_id)
        .limit(PASS_SIZE)
    )
    rows = tx.session.execute(statement).all()
    links = _link(tx, rows, is_pass=True)
    last = rows[-1].bigcommerce_id if len(rows) == PASS_SIZE else None
    if last is not None:
        # A twin beyond is decided on along with the first; it comes once more.
        links.unsolved = {each: decision for each, decision in links.unsolved.items() if each <= last}
    return links, last


@dataclass(frozen=True)
class Checked:
    """A thousand linked variants: how many there are, those whose host product is gone, the id to go on after."""

    count: int
    gone: Sequence[Row[Any]]
    last: int | None


def check_links(tx: PageTransaction, after: int) -> Checked:
    """Look for the host products of the next linked variants, whoever linked them; None is the id at the end."""
    table = tx.tables.variants
    rows = tx.session.execute(
        select(*_columns(tx))
        .where(
            table.c.instance_id == tx.instance.id,
            table.c.bigcommerce_id > after,
            table.c.host_product_id.is_not(None),
        )
        .order_by(table.c.bigcommerce_id)
        .limit(PASS_SIZE)
    ).all()
    missing = frozenset(missing_host_products(tx, in_order(row.host_product_id for row in rows)) if rows else ())
    gone = [row for row in rows if row.host_product_id in missing]
    return Checked(len(rows), gone, rows[-1].bigcommerce_id if len(rows) == PASS_SIZE else None)


def unlink(tx: PageTransaction, rows: Sequence[Row[Any]]) -> set[int]:
    """Take the links of variants whose host product is gone; the BigCommerce ids of their products.

    The reason stays until the linking pass finds another product with the SKU: none is made in place of what somebody
    has deleted.
    """
    update_rows(
        tx,
        tx.tables.variants,
        [
            {
                "row_id": row.id,
                "host_product_id": None,
                "link_source": None,
                "link_conflict": (
                    f"Host product {key_answer(row.host_product_id)}, to which it was linked, no longer exists."
                ),
                "link_conflict_code": LinkCode.HOST_PRODUCT_GONE,
            }
            for row in rows
        ],
        is_observed=False,
    )
    return {row.bigcommerce_product_id for row in rows}


def _columns(tx: PageTransaction) -> tuple[Any, ...]:
    table = tx.tables.variants
    return (
        table.c.id,
        table.c.bigcommerce_id,
        table.c.bigcommerce_product_id,
        table.c.sku_key,
        table.c.notes,
        table.c.host_product_id,
        table.c.link_source,
        table.c.link_conflict,
        table.c.link_conflict_code,
        table.c.deleted_at,
    )


def _link(tx: PageTransaction, rows: Sequence[Variant], *, is_pass: bool) -> Links:
    # created and manual links stay, whatever the SKU is edited to.
    rows = [row for row in rows if row.link_source in (None, "auto") and row.deleted_at is None]
    if not (tx.instance.auto_link_products or tx.instance.auto_create_products):
        return _store(tx, {row.bigcommerce_id: (row, LEAVE) for row in rows})
    skus = sorted({row.sku_key for row in rows if row.sku_key})
    host = host_products(tx, skus)
    if is_pass and not tx.instance.auto_create_products:
        # Of what was looked at before, only what the host has now, or what was a conflict then, can come out otherwise.
        rows = [row for row in rows if row.link_conflict is not None or (row.sku_key and host[row.sku_key])]
        skus = sorted({row.sku_key for row in rows if row.sku_key})
    twins = _live_variants(tx, skus, [row for row in rows if row.id is None])
    decisions: dict[int, tuple[Any, Decision]] = {
        row.bigcommerce_id: (
            row,
            _decided(tx, row, host[row.sku_key], len(twins[row.sku_key])) if row.sku_key else _without_sku(row),
        )
        for row in rows
    }
    # A second variant with the SKU turns up: what was linked to the first by itself was a guess after all.
    for sku in skus:
        for twin in twins[sku] if len(twins[sku]) > 1 else ():
            if twin.link_source in (None, "auto") and twin.bigcommerce_id not in decisions:
                decisions[twin.bigcommerce_id] = (twin, _twins(len(twins[sku])))
    if is_pass and tx.instance.auto_create_products:
        _create_in_turn(tx, decisions)
    return _store(tx, decisions)


def _decided(tx: PageTransaction, row: Variant, host: Mapping[str, Sequence[Key]], live_variants: int) -> Decision:
    assert row.sku_key is not None
    decision = decide(
        row.sku_key,
        host=host,
        live_variants=live_variants,
        auto_link=tx.instance.auto_link_products,
        auto_create=tx.instance.auto_create_products,
    )
    is_open = decision.choice != "link" and decision.conflict is None
    if is_open and row.link_conflict is not None and row.link_conflict_code == LinkCode.HOST_PRODUCT_GONE:
        return Decision.conflicting(LinkCode.HOST_PRODUCT_GONE, row.link_conflict)
    return decision


def _without_sku(row: Variant) -> Decision:
    if is_noted("sku", row.notes):
        text = "The SKU cannot be read, or is too long (see the notes): link it by hand."
        return Decision.conflicting(LinkCode.UNREADABLE_SKU, text)
    return Decision.conflicting(LinkCode.BLANK_SKU, "The SKU is blank.")


def _create_in_turn(tx: PageTransaction, decisions: dict[int, tuple[Any, Decision]]) -> None:
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


def _live_variants(tx: PageTransaction, skus: Sequence[str], new: Sequence[Variant]) -> Mapping[str, Sequence[Variant]]:
    """The live variants by SKU, compared by code points: MariaDB would call more of them equal."""
    table = tx.tables.variants
    by_sku: dict[str, list[Variant]] = defaultdict(list)
    for row in stored_rows(tx, table, table.c.sku_key, skus, *_columns(tx)):
        if row.deleted_at is None:
            by_sku[row.sku_key].append(row)
    for variant in new:
        if variant.sku_key:
            by_sku[variant.sku_key].append(variant)
    return by_sku


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
    return Decision.conflicting(LinkCode.REFUSED_BY_HOST, "The host made no product for this SKU.")


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
    table, variants = tx.tables.products, tx.tables.variants
    products = {
        row.bigcommerce_id: row
        for row in stored_rows(
            tx,
            table,
            table.c.bigcommerce_id,
            {row.bigcommerce_product_id for row in rows},
            table.c.bigcommerce_id,
            table.c.name,
            table.c.price,
            table.c.deleted_at,
            table.c.is_only_referenced,
        )
    }
    prices = {
        row.bigcommerce_id: row.price
        for row in stored_rows(
            tx,
            variants,
            variants.c.bigcommerce_id,
            [row.bigcommerce_id for row in rows],
            variants.c.bigcommerce_id,
            variants.c.price,
        )
    }
    drafts = []
    for row in rows:
        product = products.get(row.bigcommerce_product_id)
        if product is None or product.deleted_at is not None or product.is_only_referenced:
            continue
        own_price = prices.get(row.bigcommerce_id)
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


def _store(tx: PageTransaction, decisions: Mapping[int, tuple[Variant, Decision]]) -> Links:
    links = Links()
    updates = []
    for variant_id, (row, decision) in sorted(decisions.items()):
        if decision.conflict is not None:
            links.unsolved[variant_id] = decision
        # What is to be created has no product yet while its page is written: the pass at the end makes it.
        source = None if decision.host_product_id is None else SOURCES[decision.choice]
        link = {
            "host_product_id": decision.host_product_id,
            "link_source": source,
            "link_conflict": decision.conflict,
            "link_conflict_code": decision.code,
        }
        # What a version before stored without a code gets it here.
        if all(getattr(row, name) == value for name, value in link.items()):
            continue
        if row.id is None:
            links.of_new[row.bigcommerce_id] = link
        else:
            updates.append({"row_id": row.id, **link})
        links.product_ids.add(row.bigcommerce_product_id)
        links.linked += decision.host_product_id is not None
        links.created += source == "created"
    update_rows(tx, tx.tables.variants, updates, is_observed=False)
    return links
