"""Ask a store about one order or variant, in time for a request that waits, with no transaction open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from ..client.api import Reply, StoreClient
from ..client.dates import date_of
from ..client.records import Record
from ..config import Config
from ..encryption import TokenCipher
from ..errors import BigCommerceError, ConfigError, OtherStore, RecordGone, Unconfirmed
from ..refresh.job.modes import start_of_day
from ..resources.products import PRODUCTS
from .probe import ANSWERS_WITHIN_S, LATE, Asking, Store, client_for


@dataclass(frozen=True)
class StoreSays:
    """What the store says of an order or a variant; ``problem`` tells why it says nothing.

    ``dated`` is when the order was created, or the variant's product last modified; ``starts_at`` is when the
    instance's start date begins in the store's time zone. Both are naive UTC, None if not known.
    """

    is_there: bool | None = None
    dated: datetime | None = None
    starts_at: datetime | None = None
    product_id: int | None = None
    problem: str | None = None


MOST_SPELLINGS = 3
_Answers = dict[str, Reply[Any] | BigCommerceError]


def ask_about_order(config: Config, cipher: TokenCipher, store: Store, order_id: int) -> StoreSays:
    """Whether the store has the order, and when it was created; never raises for what the store answers."""

    def ask(asking: Asking) -> StoreSays:
        asking.ask("store", StoreClient.own_store_info)
        asking.ask("order", lambda client: client.order(order_id))
        came = _all(asking)
        if (problem := _of_other_store(came)) is not None:
            return StoreSays(problem=problem)
        answer = came.get("order")
        if isinstance(answer, RecordGone):
            return StoreSays(is_there=False)
        if not isinstance(answer, Reply):
            return StoreSays(problem=LATE if answer is None else str(answer))
        return StoreSays(is_there=True, dated=date_of(answer.value, "date_created"), starts_at=_starts_at(came, store))

    return _asked(config, cipher, store, ask)


def ask_about_variant(config: Config, cipher: TokenCipher, store: Store, variant_id: int) -> StoreSays:
    """Whether the store has a variant with this id, and when its product was last modified."""
    ask = _variant_question(store, "id", [variant_id], lambda found: found == variant_id)
    return _asked(config, cipher, store, ask)


def ask_about_sku(
    config: Config, cipher: TokenCipher, store: Store, sku: str, spellings: Sequence[str] = ()
) -> StoreSays:
    """Whether the store has a variant with this (trimmed) SKU, and when its product was last modified.

    The store compares what it is asked for with the whole SKU, blanks at its ends included: ``spellings`` are those
    that it may have, the most likely first.
    """
    asked = list(dict.fromkeys([*spellings, sku]))[:MOST_SPELLINGS]
    ask = _variant_question(store, "sku", asked, lambda found: isinstance(found, str) and found.strip() == sku)
    return _asked(config, cipher, store, ask)


def _variant_question(
    store: Store, name: Literal["id", "sku"], values: Sequence[int | str], is_meant: Callable[[object], bool]
) -> Callable[[Asking], StoreSays]:
    """What asks for the variants that have one of these values, and looks for one whose value is meant."""

    def ask(asking: Asking) -> StoreSays:
        asking.ask("store", StoreClient.own_store_info)
        for value in values:
            asking.ask(f"variants {value}", partial(StoreClient.variants_with, name=name, value=value))
        came = _all(asking)
        if (problem := _of_other_store(came)) is not None:
            return StoreSays(problem=problem)
        answers = [came.get(f"variants {value}") for value in values]
        records = [record for answer in answers if isinstance(answer, Reply) for record in answer.value]
        product_id = next((_product_of(record) for record in records if is_meant(_field(record, name))), None)
        if product_id is None:
            problems = [LATE if answer is None else str(answer) for answer in answers if not isinstance(answer, Reply)]
            return StoreSays(problem=problems[0]) if problems else StoreSays(is_there=False)
        asking.ask("product", lambda client: client.by_ids(PRODUCTS, [product_id]))
        product = _all(asking).get("product")
        records = product.value.records if isinstance(product, Reply) else []
        dated = date_of(records[0], "date_modified") if records else None
        return StoreSays(is_there=True, dated=dated, starts_at=_starts_at(came, store), product_id=product_id)

    return ask


def _asked(config: Config, cipher: TokenCipher, store: Store, ask: Callable[[Asking], StoreSays]) -> StoreSays:
    try:
        client = client_for(config, cipher, store)
    except ConfigError as error:
        return StoreSays(problem=str(error))
    try:
        return ask(Asking(client, time.monotonic() + ANSWERS_WITHIN_S))
    finally:
        client.close()


def _all(asking: Asking) -> _Answers:
    """What the open questions have come to in time, by name."""
    came: _Answers = {}
    while (answered := asking.next()) is not None:
        came[answered[0]] = answered[1]
    return came


def _of_other_store(came: _Answers) -> str | None:
    """What is wrong if another store answered; then nothing that came says anything about ours."""
    answer = came.get("store")
    if isinstance(answer, Unconfirmed) and isinstance(answer.verdict, OtherStore):
        return str(answer.verdict)
    return None


def _starts_at(came: _Answers, store: Store) -> datetime | None:
    answer = came.get("store")
    if not isinstance(answer, Reply):
        return None
    try:
        return start_of_day(store.start_date, answer.value.timezone)
    except BigCommerceError:
        return None


def _product_of(record: Record) -> int | None:
    found = _field(record, "product_id")
    return found if type(found) is int and found > 0 else None


def _field(record: Record, name: str) -> object:
    return record.value.get(name) if isinstance(record.value, dict) else None
