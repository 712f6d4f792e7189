"""Why an order is not here, or a variant not linked: decided from facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ...models.product_key import Key, key_answer
from ...refresh.linking.linker import GONE
from ...store_check.lookup import StoreSays
from ..http.answers import moment_answer

# By how a conflict begins.
_CODES = (("The host", "refused_by_host"), (GONE, "host_product_gone"))


@dataclass(frozen=True)
class Reason:
    """One thing that is so: a word for programs, a sentence for people."""

    code: str
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
    yield Reason("here", "The order is here.")
    if row["deleted_at"] is not None:
        yield Reason("gone", f"The store no longer had it on {moment_answer(row['deleted_at'])}.")
    if row["is_deleted"]:
        yield Reason("archived", "The store has archived it, so it does not count as a sale.")
    elif not row["is_sale"]:
        status_id = row["status_id"]
        yield Reason(
            "no_sale",
            "Its status is not known." if status_id is None else f"Its status, {status_id}, is none of a sale.",
        )
    yield from _unreadable(noted)


def _unreadable(noted: Sequence[Noted]) -> Iterator[Reason]:
    """The fields that could not be read, of each row in one reason."""
    for row in noted:
        said = "; ".join(f"{each['field']} {each['reason']}" for each in row.notes)
        yield Reason(
            "unreadable_fields",
            f"Not all of {row.what} could be read: {said}. That is null or cut here; the payload has it whole.",
        )


def _of_missing_order(facts: OrderFacts) -> Iterator[Reason]:
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    elif facts.lowest_id is not None and facts.order_id < facts.lowest_id and _is_silent(facts.store):
        yield Reason(
            "perhaps_before_start_date",
            f"Its id is lower than that of every order here, {facts.lowest_id} being the lowest: it is likely older "
            f"than the start date, {facts.start_date.isoformat()}. With ask_store=true the store tells.",
        )
    yield from _of_store(facts.store, facts.start_date, "order", "was created")
    yield from _unseen(facts.refreshing, "order")


def _of_missing_variant(facts: VariantFacts) -> Iterator[Reason]:
    yield Reason("not_here", f"There is no variant here with {facts.asked}.")
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    yield from _of_store(facts.store, facts.start_date, "variant", "has a product that was last modified")
    yield from _unseen(facts.refreshing, "variant")


def _of_store(store: StoreSays | None, start_date: date, what: str, dated: str) -> Iterator[Reason]:
    """What the store says of a record that is not here."""
    if store is None:
        return
    if store.problem is not None:
        yield Reason("store_silent", f"The store could not be asked: {store.problem}")
    elif not store.is_there:
        yield Reason("not_in_store", f"The store has no such {what} (any longer).")
    elif store.dated is not None and store.starts_at is not None and store.dated < store.starts_at:
        yield Reason(
            "before_start_date",
            f"The {what} {dated} on {moment_answer(store.dated)}, before the start date, {start_date.isoformat()}, "
            f"which begins there at {moment_answer(store.starts_at)}.",
        )
    else:
        yield Reason("in_store", f"The store has the {what}. A refresh with mode ids or incremental brings it.")


def _unseen(refreshing: Refreshing, what: str) -> Iterator[Reason]:
    """What refreshes have done and will do about a record that is not here."""
    if refreshing.watermark is None:
        yield Reason("never_seen", f"No refresh of the {refreshing.resource} has been completed yet.")
    else:
        until = moment_answer(refreshing.watermark)
        yield Reason("never_seen", f"No refresh has seen this {what}; all that was changed before {until} was read.")
    yield from _to_come(refreshing)


def _to_come(refreshing: Refreshing) -> Iterator[Reason]:
    if refreshing.attention is not None:
        yield Reason("needs_attention", f"Refreshes are paused: {refreshing.attention}")
    if refreshing.last_failure is not None:
        yield Reason("refresh_failed", f"The last refresh failed: {refreshing.last_failure}")
    if refreshing.open_refresh is not None:
        yield Reason("awaiting_refresh", f"Refresh {refreshing.open_refresh} is under way and may change this.")
    elif refreshing.next_at is not None:
        yield Reason("awaiting_refresh", f"The next automatic refresh begins at {moment_answer(refreshing.next_at)}.")
    else:
        yield Reason("no_refresh_planned", f"No refresh is planned: POST …/{refreshing.resource}/refresh begins one.")


def _of_stored_variant(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["deleted_at"] is not None:
        yield Reason("gone", f"The store no longer had it on {moment_answer(row['deleted_at'])}; no refresh links it.")
    if row["host_product_id"] is not None:
        how = {"auto": "by its SKU", "created": "which was made for it"}.get(row["link_source"], "by hand")
        yield Reason("linked", f"It is linked to the host product {key_answer(row['host_product_id'])}, {how}.")
    elif row["link_source"] == "manual":
        yield Reason("unlinked_by_hand", "Somebody decided that it has no link; no refresh changes that.")
    elif row["deleted_at"] is None:
        yield from _of_unlinked(facts, row)
    yield from _unreadable(facts.noted)
    if facts.set_aside is not None:
        yield _rejected(facts.set_aside)
    if facts.store is not None and (facts.store.problem is not None or not facts.store.is_there):
        yield from _of_store(facts.store, facts.start_date, "variant", "")


def _of_unlinked(facts: VariantFacts, row: Mapping[str, Any]) -> Iterator[Reason]:
    if row["link_conflict"] is not None:
        code = next((code for begin, code in _CODES if row["link_conflict"].startswith(begin)), "conflict")
        yield Reason("blank_sku" if row["sku_key"] is None else code, row["link_conflict"])
        yield from _to_come(facts.refreshing)
        return
    if row["sku_key"] is None:
        yield Reason("blank_sku", "The SKU is blank.")
        return
    if not (facts.auto_link or facts.auto_create):
        yield Reason("linking_is_off", "Neither auto_link_products nor auto_create_products is on: link it by hand.")
        return
    yield from _of_host(facts)
    yield from _to_come(facts.refreshing)


def _of_host(facts: VariantFacts) -> Iterator[Reason]:
    """What the host has with the SKU, and what a linking pass would make of it."""
    if facts.host_products and not facts.auto_link:
        yield Reason(
            "auto_link_is_off",
            f"The host's product {key_answer(facts.host_products[0])} has this SKU, auto_link_products is off; "
            "link it by hand.",
        )
    elif facts.host_products:
        yield Reason("not_linked_yet", "The host has this SKU: the linking pass of the next refresh looks at it.")
    elif facts.is_only_referenced:
        yield Reason(
            "only_referenced",
            "Its product is here only since an order refers to it; for such ones no host product is made.",
        )
    elif facts.auto_create:
        yield Reason("not_created_yet", "The linking pass of the next refresh makes a host product for it.")
    else:
        yield Reason("no_host_product", "The host has no product with this SKU, and auto_create_products is off.")


def _rejected(record: SetAside) -> Reason:
    return Reason(
        "rejected",
        f"On {moment_answer(record.at)} it could not be stored: {record.reason} "
        f"{'Later refreshes try it again. ' if record.is_tried_again else ''}"
        f"POST …/rejected/{record.id}/retry fetches it again.",
    )


def _is_silent(store: StoreSays | None) -> bool:
    return store is None or store.problem is not None
