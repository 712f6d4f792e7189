"""What a person types into the search box: numbers of orders and refunds and SKUs, over all their stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, select

from ...config import Config
from ...encryption import TokenCipher
from ...models.instances import IntegrationInstance
from ...models.product_key import Key
from ...resources.orders import ORDERS
from ...resources.refunds import REFUNDS
from ...resources.values import INT64_MAX, storable
from ...store_check.lookup import StoreAnswer, look_up, look_up_sku
from ...store_check.queries import Store
from ..accounting.refunds import refund_title
from ..context import Caller, RequestContext
from ..instances.verification import store_of
from ..instances.views import readable_instances
from ..links.candidates import Product, candidates, nearest_products
from ..links.your_products import known_as
from ..transactions import end_transaction
from . import orders as of_orders
from . import refunds as of_refunds
from . import variants as of_variants
from .allowance import ALLOWANCE
from .orders import OrderFacts, explain_order, order_facts
from .reasons import Explanation, Reason, ReasonCode
from .refunds import RefundFacts, explain_refund, refund_facts
from .variants import VariantFacts, explain_variant, sku_facts, variant_facts

MOST_FOUND = 20
"""Of one kind, over all stores."""
MOST_ASKED = 5
"""Stores that one search asks, side by side."""
LONGEST = 255
NOT_ASKED = "you have had stores asked very often; try again in a minute."
Kind = Literal["order", "refund", "variant"]
EXPLAIN: Mapping[str, Callable[..., list[Explanation]]] = {
    "order": of_orders.explain,
    "refund": of_refunds.explain,
    "variant": of_variants.explain,
    "sku": of_variants.explain_sku,
}
"""What explains a record, by what it is asked for by."""
# What is told first of what is not here: a verdict before a guess.
_FIRST = (ReasonCode.REJECTED, ReasonCode.BEFORE_START_DATE, ReasonCode.IN_STORE, ReasonCode.PERHAPS_BEFORE_START_DATE)


@dataclass(frozen=True)
class Verdict:
    """One record of one store, or that there is none; the verdict is the first of ``reasons``.

    ``bigcommerce_id`` is None for a SKU that no variant has. ``is_here`` tells whether it is stored. ``title`` names it
    for people, such as "Order 1234" or "SKU MUG-RED". ``order_id`` is the order itself, or that of a refund.
    """

    instance: IntegrationInstance
    kind: Kind
    title: str
    bigcommerce_id: int | None
    is_here: bool
    reasons: Sequence[Reason]
    order_id: int | None = None


@dataclass(frozen=True)
class Found:
    """``text`` is what was looked for, without blanks and ``#``; the verdicts about what is here come first.

    ``has_more``: more was found than is shown. ``unlinked`` are the host's own products that the text names and no
    variant is linked to, as a person knows them; looked for where nothing else is here.
    """

    text: str
    verdicts: Sequence[Verdict]
    has_more: bool = False
    unlinked: Sequence[str] = ()


def find(caller: Caller, q: str, *, ask_stores: bool = True) -> Found:
    """Everything that a person may mean by ``q``, over all stores that the caller may read.

    An order number (a ``#`` before it does not count), the id of an order in another system (``external_order_id``), a
    refund's number or a SKU: the store's, or the host's own of a product that is linked. Orders and refunds need
    ``read_orders``. If nothing is here, each store has its verdict, and with ``ask_stores`` up to ``MOST_ASKED`` stores
    are asked themselves, for five seconds at most all together, where the caller has ``check`` and has not asked too
    often. So it is where only a refund is here, as the number may be that of an order too. A refund that is not here
    has a verdict where it was rejected or its store has it. Ends the transaction before it asks; commits nothing else.
    """
    text = q.strip().removeprefix("#").strip()
    stores = [caller.on(each) for each in readable_instances(caller)]
    if not text or len(text) > LONGEST or storable(text) != text or not stores:
        return Found(text, [])
    by_id = {each.instance.id: each for each in stores}
    orders = {each: by_id[each] for each in by_id if by_id[each].permits("read_orders")}
    every = chain(
        _orders(caller, orders, text),
        _refunds(caller, orders, text),
        _variants(caller, by_id, text),
        _linked(caller, by_id, text),
    )
    hits = list({(kind, store.instance.id, number): (kind, store, number) for kind, store, number in every}.values())
    here, has_more = _told_apart([_of_hit(*hit) for hit in hits[:MOST_FOUND]]), len(hits) > MOST_FOUND
    if any(each.kind != "refund" for each in here):
        return Found(text, here, has_more)
    unlinked = _unlinked(stores, text)
    missing = list(_missing(stores, orders, text, has_refund=bool(here)))
    verdicts = _judged(caller, missing, ask_stores=ask_stores)
    if here:
        verdicts = [each for each in verdicts if not _is_nowhere(each)]
    return Found(text, [*here, *verdicts[:MOST_FOUND]], has_more or len(verdicts) > MOST_FOUND, unlinked)


# -- what is here --------------------------------------------------------------------------------------------------

Hit = tuple[Kind, RequestContext, int]


def _orders(caller: Caller, stores: Mapping[int, RequestContext], text: str) -> Iterator[Hit]:
    table = caller.state.tables.orders
    number = _number(text)
    conditions = [] if number is None else [table.c.bigcommerce_id == number]
    for condition in (*conditions, table.c.external_order_id == text):
        for row in _rows(caller, table, stores, condition, table.c.external_order_id):
            if number == row.bigcommerce_id or row.external_order_id == text:
                yield "order", stores[row.instance_id], row.bigcommerce_id


def _refunds(caller: Caller, stores: Mapping[int, RequestContext], text: str) -> Iterator[Hit]:
    table, number = caller.state.tables.refunds, _number(text)
    for row in () if number is None else _rows(caller, table, stores, table.c.bigcommerce_id == number):
        yield "refund", stores[row.instance_id], row.bigcommerce_id


def _variants(caller: Caller, stores: Mapping[int, RequestContext], text: str) -> Iterator[Hit]:
    table = caller.state.tables.variants
    for row in _rows(caller, table, stores, table.c.sku_key == text, table.c.sku_key):
        # MariaDB takes more for equal.
        if row.sku_key == text:
            yield "variant", stores[row.instance_id], row.bigcommerce_id


def _linked(caller: Caller, stores: Mapping[int, RequestContext], text: str) -> Iterator[Hit]:
    """The variants that are linked to the host's product with this SKU, in the first ``MOST_FOUND`` stores."""
    table = caller.state.tables.variants
    for context in list(stores.values())[:MOST_FOUND]:
        found = candidates(context, [text]).get(text, ())
        keys = [each.host_product_id for each in found if each.sku.strip() == text]
        one = {context.instance.id: context}
        for row in _rows(caller, table, one, table.c.host_product_id.in_(keys)) if keys else ():
            yield "variant", context, row.bigcommerce_id


def _unlinked(stores: Sequence[RequestContext], text: str) -> list[str]:
    """The host's products with just this SKU or name that no variant of these stores is linked to."""
    found: dict[Key, Product] = {}
    for context in stores[:MOST_ASKED]:
        near = nearest_products(context, text, text)
        found |= {each.host_product_id: each for each in near if text.casefold() in _names(each)}
    linked: set[Key] = set()
    for context in stores if found else ():
        table = context.state.tables.variants
        which = (table.c.host_product_id.in_(found), table.c.instance_id == context.instance.id)
        linked |= set(context.session.scalars(select(table.c.host_product_id).where(*which).distinct()))
    return [known_as({key: (each.sku, each.name or "")}, key) for key, each in found.items() if key not in linked]


def _names(product: Product) -> tuple[str, str]:
    return product.sku.strip().casefold(), (product.name or "").strip().casefold()


def _rows(
    caller: Caller, table: Table, stores: Mapping[int, RequestContext], condition: ColumnElement[bool], *columns: Any
) -> Sequence[Any]:
    statement = (
        select(table.c.instance_id, table.c.bigcommerce_id, *columns)
        .where(table.c.instance_id.in_(sorted(stores)), condition)
        .order_by(table.c.deleted_at.is_not(None), table.c.instance_id, table.c.bigcommerce_id)
        .limit(MOST_FOUND + 1)
    )
    return caller.session.execute(statement).all() if stores else []


def _of_hit(kind: Kind, context: RequestContext, bigcommerce_id: int) -> Verdict:
    order_id: int | None = None
    if kind == "order":
        title, order_id = f"Order {bigcommerce_id}", bigcommerce_id
        reasons = explain_order(order_facts(context, bigcommerce_id))
    elif kind == "refund":
        refund = refund_facts(context, bigcommerce_id)
        row = refund.row or {}
        title, order_id, reasons = refund_title(context, row), row["bigcommerce_order_id"], explain_refund(refund)
    else:
        (facts,) = variant_facts(context, bigcommerce_id)
        title, reasons = f"SKU {(facts.row or {}).get('sku')}", explain_variant(facts)
    return Verdict(context.instance, kind, title, bigcommerce_id, True, reasons, order_id)


def _told_apart(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Variants with one SKU in one store are named by their numbers too."""
    times = Counter((each.instance.id, each.title) for each in verdicts)
    return [
        replace(each, title=f"{each.title}, variant {each.bigcommerce_id}")
        if times[each.instance.id, each.title] > 1
        else each
        for each in verdicts
    ]


# -- what is not ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Missing:
    """One store that does not have it here: an order or a refund by its number, or a variant by its SKU.

    ``look`` asks the store that is given. ``explain`` makes the reasons of ``facts``.
    """

    context: RequestContext
    kind: Kind
    title: str
    number: int | None
    facts: OrderFacts | RefundFacts | VariantFacts
    explain: Callable[[Any], list[Reason]]
    look: Callable[[Config, TokenCipher, Store], StoreAnswer]

    def ask(self) -> Callable[[], StoreAnswer]:
        """What asks the store; it may run in another thread."""
        state, store = self.context.state, store_of(self.context.instance)
        return lambda: self.look(state.config, state.cipher, store)

    def verdict(self, answer: StoreAnswer | None) -> Verdict:
        """With what the store answered, if it was asked."""
        reasons = self.explain(replace(self.facts, store=answer))
        order_id = self.number if self.kind == "order" else None
        return Verdict(self.context.instance, self.kind, self.title, self.number, False, reasons, order_id)


def _missing(
    stores: Sequence[RequestContext], orders: Mapping[int, RequestContext], text: str, *, has_refund: bool
) -> Iterator[_Missing]:
    """A number is an order's or, unless a refund of that number is here, a refund's, if it does not begin with 0.

    Whatever else it is, it is a SKU.
    """
    number = None if text.startswith("0") else _number(text)
    if number is None or not orders:
        for context in stores[: MOST_FOUND + 1]:
            yield _missing_sku(context, text)
        return
    for context in list(orders.values())[: MOST_FOUND + 1]:
        yield _missing_order(context, number)
        if not has_refund:
            yield _missing_refund(context, number)


def _missing_sku(context: RequestContext, sku: str) -> _Missing:
    def look(config: Config, cipher: TokenCipher, store: Store) -> StoreAnswer:
        return look_up_sku(config, cipher, store, sku)

    return _Missing(context, "variant", f"SKU {sku}", None, sku_facts(context, sku)[0], explain_variant, look)


def _missing_order(context: RequestContext, number: int) -> _Missing:
    def look(config: Config, cipher: TokenCipher, store: Store) -> StoreAnswer:
        return look_up(config, cipher, store, ORDERS, number)

    return _Missing(context, "order", f"Order {number}", number, order_facts(context, number), explain_order, look)


def _missing_refund(context: RequestContext, number: int) -> _Missing:
    def look(config: Config, cipher: TokenCipher, store: Store) -> StoreAnswer:
        return look_up(config, cipher, store, REFUNDS, number)

    return _Missing(context, "refund", f"Refund {number}", number, refund_facts(context, number), explain_refund, look)


def _judged(caller: Caller, missing: Sequence[_Missing], *, ask_stores: bool) -> list[Verdict]:
    answers: dict[_Missing, StoreAnswer] = {}
    askable = [each for each in missing if ask_stores and each.context.permits("check")]
    stores = list(dict.fromkeys(each.context.instance.id for each in askable))[:MOST_ASKED]
    askable = [each for each in askable if each.context.instance.id in stores]
    if askable:
        granted = stores[: ALLOWANCE.take((caller.tenant, caller.name), len(stores))]
        answers = dict.fromkeys(askable, StoreAnswer(problem=NOT_ASKED))
        asked = [each for each in askable if each.context.instance.id in granted]
        queries = [each.ask() for each in asked]
        end_transaction(caller.session)
        with ThreadPoolExecutor(len(askable)) as threads:
            answers |= zip(asked, threads.map(lambda query: query(), queries), strict=True)
    verdicts = [each.verdict(answers.get(each)) for each in missing]
    return sorted(_worth_showing(verdicts), key=_rank)


def _worth_showing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Without refunds of which nothing is known, and without orders that the store lacks where it has the refund."""
    refunds = [each for each in verdicts if each.kind == "refund" and _rank(each) < len(_FIRST)]
    known = {each.instance.id for each in refunds}
    others = [each for each in verdicts if each.kind != "refund"]
    return [*(each for each in others if each.instance.id not in known or not _is_nowhere(each)), *refunds]


def _is_nowhere(verdict: Verdict) -> bool:
    return verdict.reasons[0].code == ReasonCode.NOT_IN_STORE


def _rank(verdict: Verdict) -> int:
    codes = [reason.code for reason in verdict.reasons]
    return next((place for place, code in enumerate(_FIRST) if code in codes), len(_FIRST))


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= 19 and 0 < int(text) <= INT64_MAX
    return int(text) if is_number else None
