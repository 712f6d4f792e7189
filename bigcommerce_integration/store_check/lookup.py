"""Look up one order, refund or variant in the store, in time for a request that waits, with no transaction open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ..client.api import Reply, StoreClient
from ..client.dates import date_of
from ..client.records import Record
from ..config import Config
from ..encryption import TokenCipher
from ..errors import BigCommerceError, ConfigError, OtherStore, ScopeMissing, TokenRejected, Unconfirmed
from ..refresh.job.modes import start_of_day
from ..resources.base import Resource
from ..resources.products import PRODUCTS
from .queries import LATE, Answer, Store, StoreQueries, queries_to


@dataclass(frozen=True)
class StoreAnswer:
    """What the store answers about an order, refund or variant; ``problem`` is the reason if it answers nothing.

    ``dated`` is when the order or refund was created, or the variant's product last modified; ``starts_at`` is when the
    instance's start date begins in the store's time zone. Both are naive UTC, None if not known.
    """

    is_there: bool | None = None
    dated: datetime | None = None
    # The same as a day of the store.
    dated_on: date | None = None
    starts_at: datetime | None = None
    product_id: int | None = None
    problem: str | None = None


MOST_SPELLINGS = 3
Query = Callable[[StoreClient], Reply[Any]]
Judge = Callable[[Mapping[str, Answer], StoreQueries], StoreAnswer]


def look_up(config: Config, cipher: TokenCipher, store: Store, resource: Resource, bigcommerce_id: int) -> StoreAnswer:
    """Whether the store has this record, and when it was created; never raises for what the store answers."""

    def judge(answers: Mapping[str, Answer], _queries: StoreQueries) -> StoreAnswer:
        answer = answers.get("record")
        if not isinstance(answer, Reply):
            return StoreAnswer(problem=_problem(answer))
        if not answer.value.records:
            return StoreAnswer(is_there=False)
        dated = date_of(answer.value.records[0], resource.created_source)
        return StoreAnswer(is_there=True, dated=dated, **_days(answers, store, dated))

    query = {"record": lambda client: client.by_ids(resource, [bigcommerce_id])}
    return _answered(config, cipher, store, query, judge)


def look_up_variant(config: Config, cipher: TokenCipher, store: Store, variant_id: int) -> StoreAnswer:
    """Whether the store has a variant with this id, and when its product was last modified."""
    return _look_up_variant(
        config, cipher, store, name="id", values=[variant_id], is_meant=lambda found: found == variant_id
    )


def look_up_sku(
    config: Config, cipher: TokenCipher, store: Store, sku: str, spellings: Sequence[str] = ()
) -> StoreAnswer:
    """Whether the store has a variant with this (trimmed) SKU, and when its product was last modified.

    The store compares the whole SKU, blanks at its ends included: ``spellings`` are those that it may have, the most
    likely first.
    """
    values = list(dict.fromkeys([*spellings, sku]))[:MOST_SPELLINGS]

    def is_meant(found: object) -> bool:
        return isinstance(found, str) and found.strip() == sku

    return _look_up_variant(config, cipher, store, name="sku", values=values, is_meant=is_meant)


def _look_up_variant(
    config: Config,
    cipher: TokenCipher,
    store: Store,
    *,
    name: Literal["id", "sku"],
    values: Sequence[int | str],
    is_meant: Callable[[object], bool],
) -> StoreAnswer:
    """Look for the variants that have one of these values; ``is_meant`` decides which of them it is about."""

    def judge(answers: Mapping[str, Answer], queries: StoreQueries) -> StoreAnswer:
        found = [answers.get(f"variants {value}") for value in values]
        records = [record for answer in found if isinstance(answer, Reply) for record in answer.value]
        product_id = next((_product_of(record) for record in records if is_meant(_field(record, name))), None)
        if product_id is None:
            problems = [_problem(answer) for answer in found if not isinstance(answer, Reply)]
            return StoreAnswer(problem=problems[0]) if problems else StoreAnswer(is_there=False)
        queries.send("product", lambda client: client.by_ids(PRODUCTS, [product_id]))
        product = queries.rest().get("product")
        records = product.value.records if isinstance(product, Reply) else []
        dated = date_of(records[0], "date_modified") if records else None
        return StoreAnswer(is_there=True, dated=dated, product_id=product_id, **_days(answers, store, dated))

    asked = {f"variants {value}": partial(StoreClient.variants_with, name=name, value=value) for value in values}
    return _answered(config, cipher, store, asked, judge)


def _answered(
    config: Config, cipher: TokenCipher, store: Store, asked: Mapping[str, Query], judge: Judge
) -> StoreAnswer:
    """What ``judge`` makes of the answers to these queries, unless another store gave them."""
    try:
        with queries_to(config, cipher, store) as queries:
            for name, query in {"store": StoreClient.own_store_info, **asked}.items():
                queries.send(name, query)
            answers = queries.rest()
            said = answers.get("store")
            if isinstance(said, Unconfirmed) and isinstance(said.verdict, OtherStore):
                return StoreAnswer(problem=str(said.verdict))
            return judge(answers, queries)
    except ConfigError as error:
        return StoreAnswer(problem=str(error))


def _problem(answer: Answer | None) -> str:
    """Why one query has no answer, for people."""
    verdict = answer.verdict if isinstance(answer, Unconfirmed) else None
    if isinstance(verdict, TokenRejected):
        return "it does not accept the access token."
    if isinstance(verdict, ScopeMissing):
        return "the access token may not read this."
    return LATE if answer is None else str(answer)


def _days(answers: Mapping[str, Answer], store: Store, dated: datetime | None) -> dict[str, Any]:
    """When the start date begins in the store's time zone, and the day there that is dated."""
    answer = answers.get("store")
    if not isinstance(answer, Reply):
        return {}
    try:
        starts_at = start_of_day(store.start_date, answer.value.timezone)
    except BigCommerceError:
        return {}
    zone = ZoneInfo(answer.value.timezone)
    return {
        "starts_at": starts_at,
        "dated_on": None if dated is None else dated.replace(tzinfo=UTC).astimezone(zone).date(),
    }


def _product_of(record: Record) -> int | None:
    found = _field(record, "product_id")
    return found if type(found) is int and found > 0 else None


def _field(record: Record, name: str) -> object:
    return record.value.get(name) if isinstance(record.value, dict) else None
