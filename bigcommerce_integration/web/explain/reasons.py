"""Why an order is not here, or a variant not linked: decided from facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ...errors import Code
from ...models.product_key import Key, key_answer
from ...store_check.lookup import StoreSays
from ..http.answers import moment_answer


class ReasonCode(Code):
    """What is so, for programs."""

    HERE = "here", "The order is here."
    NOT_HERE = "not_here", "There is no such variant here."
    GONE = "gone", "The store no longer has it."
    ARCHIVED = "archived", "The store has archived the order, so it is no sale."
    NO_SALE = "no_sale", "The order's status is none of a sale, or not known."
    UNREADABLE_FIELDS = "unreadable_fields", "Not all fields could be read."
    REJECTED = "rejected", "The record could not be stored."
    PERHAPS_BEFORE_START_DATE = "perhaps_before_start_date", "By its id the order is likely older than the start date."
    BEFORE_START_DATE = "before_start_date", "The store's record is older than the start date."
    STORE_SILENT = "store_silent", "The store could not be asked."
    NOT_IN_STORE = "not_in_store", "The store has no such record."
    IN_STORE = "in_store", "The store has the record; a refresh brings it."
    NEVER_SEEN = "never_seen", "No refresh has seen the record."
    NEEDS_ATTENTION = "needs_attention", "Refreshes are paused until a person acts."
    REFRESH_FAILED = "refresh_failed", "The last refresh failed."
    AWAITING_REFRESH = "awaiting_refresh", "A refresh that is under way or planned may change this."
    NO_REFRESH_PLANNED = "no_refresh_planned", "No refresh is planned."
    LINKED = "linked", "The variant is linked."
    UNLINKED_BY_HAND = "unlinked_by_hand", "Somebody decided that the variant has no link."
    LINKING_IS_OFF = "linking_is_off", "Nothing is linked by itself."
    AUTO_LINK_IS_OFF = "auto_link_is_off", "The host has the SKU, but existing products are not linked by themselves."
    BLANK_SKU = "blank_sku", "The SKU is blank or cannot be read."
    REFUSED_BY_HOST = "refused_by_host", "The host did not make a product for the SKU."
    HOST_PRODUCT_GONE = "host_product_gone", "The host's product that it was linked to no longer exists."
    CONFLICT = "conflict", "Which product the SKU means is not sure; the variant's `link_conflict_code` says why."
    ONLY_REFERENCED = "only_referenced", "The product is here for an order alone; no host product is made for it."
    NOT_LINKED_YET = "not_linked_yet", "The next linking pass looks at it."
    NOT_CREATED_YET = "not_created_yet", "The next linking pass makes a host product for it."
    NO_HOST_PRODUCT = "no_host_product", "The host has no product with the SKU, and none is made by itself."


@dataclass(frozen=True)
class Reason:
    """One thing that is so: a word for programs, a sentence for people."""

    code: ReasonCode
    message: str


@dataclass(frozen=True)
class Refreshing:
    """What is known of the refreshes of one resource; times are naive UTC."""

    resource: str
    watermark: datetime | None = None
    open_refresh: int | None = None
    next_at: datetime | None = None
    last_failure: str | None = None
    attention: str | None = None


@dataclass(frozen=True)
class SetAside:
    """A record that could not be stored."""

    id: int
    reason: str
    at: datetime
    is_tried_again: bool = False


@dataclass(frozen=True)
class Noted:
    """A stored row with notes on what could not be read; ``what`` names it in a sentence."""

    what: str
    notes: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class OrderFacts:
    """What is stored about an order; ``row`` has its columns, None if it is not here.

    ``noted`` are the order and its lines, as far as they have notes.
    """

    order_id: int
    start_date: date
    refreshing: Refreshing
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    set_aside: SetAside | None = None
    lowest_id: int | None = None
    store: StoreSays | None = None


@dataclass(frozen=True)
class VariantFacts:
    """What is stored about a variant, its product and the host's products with its SKU; ``row`` as in OrderFacts.

    ``noted`` are the variant and its product, as far as they have notes.
    ``host_products`` are those that have the SKU now, spelt just so.
    """

    asked: str
    start_date: date
    refreshing: Refreshing
    auto_link: bool
    auto_create: bool
    row: Mapping[str, Any] | None = None
    noted: Sequence[Noted] = ()
    is_only_referenced: bool = False
    host_products: Sequence[Key] = ()
    set_aside: SetAside | None = None
    store: StoreSays | None = None


def explain_order(facts: OrderFacts) -> list[Reason]:
    """Why the order is not here, or what is odd about it if it is; the surest first."""
    return list(_of_stored_order(facts.row, facts.noted) if facts.row is not None else _of_missing_order(facts))


def explain_variant(facts: VariantFacts) -> list[Reason]:
    """Why the variant is not here, or not linked."""
    return list(_of_stored_variant(facts, facts.row) if facts.row is not None else _of_missing_variant(facts))


def _of_stored_order(row: Mapping[str, Any], noted: Sequence[Noted]) -> Iterator[Reason]:
    yield Reason(ReasonCode.HERE, "The order is here.")
    if row["deleted_at"] is not None:
        yield Reason(ReasonCode.GONE, f"The store no longer had it on {moment_answer(row['deleted_at'])}.")
    if row["is_deleted"]:
        yield Reason(ReasonCode.ARCHIVED, "The store has archived it, so it does not count as a sale.")
    elif not row["is_sale"]:
        status_id = row["status_id"]
        yield Reason(
            ReasonCode.NO_SALE,
            "Its status is not known." if status_id is None else f"Its status, {status_id}, is none of a sale.",
        )
    yield from _unreadable(noted)


def _unreadable(noted: Sequence[Noted]) -> Iterator[Reason]:
    """The fields that could not be read, of each row in one reason."""
    for row in noted:
        said = "; ".join(f"{each['field']} {each['reason']}" for each in row.notes)
        yield Reason(
            ReasonCode.UNREADABLE_FIELDS,
            f"Not all of {row.what} could be read: {said}. That is null or cut here; the payload has it whole.",
        )


def _of_missing_order(facts: OrderFacts) -> Iterator[Reason]:
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    elif facts.lowest_id is not None and facts.order_id < facts.lowest_id and _is_silent(facts.store):
        yield Reason(
            ReasonCode.PERHAPS_BEFORE_START_DATE,
            f"Its id is lower than that of every order here, {facts.lowest_id} being the lowest: it is likely older "
            f"than the start date, {facts.start_date.isoformat()}. With ask_store=true the store tells.",
        )
    yield from _of_store(facts.store, facts.start_date, "order", "was created")
    yield from _unseen(facts.refreshing, "order")


def _of_missing_variant(facts: VariantFacts) -> Iterator[Reason]:
    yield Reason(ReasonCode.NOT_HERE, f"There is no variant here with {facts.asked}.")
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    yield from _of_store(facts.store, facts.start_date, "variant", "has a product that was last modified")
    yield from _unseen(facts.refreshing, "variant")


def _of_store(store: StoreSays | None, start_date: date, what: str, dated: str) -> Iterator[Reason]:
    """What the store says of a record that is not here."""
    if store is None:
        return
    if store.problem is not None:
        yield Reason(ReasonCode.STORE_SILENT, f"The store could not be asked: {store.problem}")
    elif not store.is_there:
        yield Reason(ReasonCode.NOT_IN_STORE, f"The store has no such {what} (any longer).")
    elif store.dated is not None and store.starts_at is not None and store.dated < store.starts_at:
        yield Reason(
            ReasonCode.BEFORE_START_DATE,
            f"The {what} {dated} on {moment_answer(store.dated)}, before the start date, {start_date.isoformat()}, "
            f"which begins there at {moment_answer(store.starts_at)}.",
        )
    else:
        yield Reason(
            ReasonCode.IN_STORE, f"The store has the {what}. A refresh with mode ids or incremental brings it."
        )


def _unseen(refreshing: Refreshing, what: str) -> Iterator[Reason]:
    """What refreshes have done and will do about a record that is not here."""
    if refreshing.watermark is None:
        yield Reason(ReasonCode.NEVER_SEEN, f"No refresh of the {refreshing.resource} has been completed yet.")
    else:
        until = moment_answer(refreshing.watermark)
        yield Reason(
            ReasonCode.NEVER_SEEN, f"No refresh has seen this {what}; all that was changed before {until} was read."
        )
    yield from _to_come(refreshing)


def _to_come(refreshing: Refreshing) -> Iterator[Reason]:
    if refreshing.attention is not None:
        yield Reason(ReasonCode.NEEDS_ATTENTION, f"Refreshes are paused: {refreshing.attention}")
    if refreshing.last_failure is not None:
        yield Reason(ReasonCode.REFRESH_FAILED, f"The last refresh failed: {refreshing.last_failure}")
    if refreshing.open_refresh is not None:
        yield Reason(
            ReasonCode.AWAITING_REFRESH, f"Refresh {refreshing.open_refresh} is under way and may change this."
        )
    elif refreshing.next_at is not None:
        yield Reason(
            ReasonCode.AWAITING_REFRESH, f"The next automatic refresh begins at {moment_answer(refreshing.next_at)}."
        )
    else:
        yield Reason(
            ReasonCode.NO_REFRESH_PLANNED, f"No refresh is planned: POST …/{refreshing.resource}/refresh begins one."
        )


def _of_stored_variant(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["deleted_at"] is not None:
        yield Reason(
            ReasonCode.GONE, f"The store no longer had it on {moment_answer(row['deleted_at'])}; no refresh links it."
        )
    if row["host_product_id"] is not None:
        how = {"auto": "by its SKU", "created": "which was made for it"}.get(row["link_source"], "by hand")
        yield Reason(
            ReasonCode.LINKED, f"It is linked to the host product {key_answer(row['host_product_id'])}, {how}."
        )
    elif row["link_source"] == "manual":
        yield Reason(ReasonCode.UNLINKED_BY_HAND, "Somebody decided that it has no link; no refresh changes that.")
    elif row["deleted_at"] is None:
        yield from _of_unlinked(facts, row)
    yield from _unreadable(facts.noted)
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    if facts.store is not None and (facts.store.problem is not None or not facts.store.is_there):
        yield from _of_store(facts.store, facts.start_date, "variant", "")


def _of_unlinked(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["link_conflict"] is not None:
        yield Reason(_of_conflict(row), row["link_conflict"])
        yield from _to_come(facts.refreshing)
        return
    if row["sku_key"] is None:
        yield Reason(ReasonCode.BLANK_SKU, "The SKU is blank.")
        return
    if not (facts.auto_link or facts.auto_create):
        yield Reason(
            ReasonCode.LINKING_IS_OFF, "Neither auto_link_products nor auto_create_products is on: link it by hand."
        )
        return
    yield from _of_host(facts)
    yield from _to_come(facts.refreshing)


def _of_conflict(row: Mapping[str, Any]) -> ReasonCode:
    if row["sku_key"] is None:
        return ReasonCode.BLANK_SKU
    named = (ReasonCode.REFUSED_BY_HOST, ReasonCode.HOST_PRODUCT_GONE)
    return next((code for code in named if code == row["link_conflict_code"]), ReasonCode.CONFLICT)


def _of_host(facts: VariantFacts) -> Iterator[Reason]:
    """What the host has with the SKU, and what a linking pass would make of it."""
    if facts.host_products and not facts.auto_link:
        yield Reason(
            ReasonCode.AUTO_LINK_IS_OFF,
            f"The host's product {key_answer(facts.host_products[0])} has this SKU, auto_link_products is off; "
            "link it by hand.",
        )
    elif facts.host_products:
        yield Reason(
            ReasonCode.NOT_LINKED_YET, "The host has this SKU: the linking pass of the next refresh looks at it."
        )
    elif facts.is_only_referenced:
        yield Reason(
            ReasonCode.ONLY_REFERENCED,
            "Its product is here only since an order refers to it; for such ones no host product is made.",
        )
    elif facts.auto_create:
        yield Reason(ReasonCode.NOT_CREATED_YET, "The linking pass of the next refresh makes a host product for it.")
    else:
        yield Reason(
            ReasonCode.NO_HOST_PRODUCT, "The host has no product with this SKU, and auto_create_products is off."
        )


def _rejected(record: SetAside) -> Reason:
    return Reason(
        ReasonCode.REJECTED,
        f"On {moment_answer(record.at)} it could not be stored: {record.reason} "
        f"{'Later refreshes try it again. ' if record.is_tried_again else ''}"
        f"POST …/rejected/{record.id}/retry fetches it again.",
    )


def _is_silent(store: StoreSays | None) -> bool:
    return store is None or store.problem is not None
