"""What a reason is, and the reasons that every kind of record shares: decided from facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ...errors import Code
from ...models.types import day_text, when_text
from ...store_check.lookup import StoreAnswer
from ..findings.finding import Action
from .facts import Noted, Refreshing, Rejected


class ReasonCode(Code):
    """Why, for programs."""

    HERE = "here", "The order or refund is here."
    HOST_SAYS = "host_says", "What the host says about the order."
    IN_BOOKS = "in_books", "What the host's books have of the order."
    NOT_IN_BOOKS = "not_in_books", "What of the order is not in the host's books until a person acts, and why."
    NOT_YET_IN_BOOKS = "not_yet_in_books", "What of the order is not in the host's books yet, or is kept back, and why."
    NO_DOCUMENT = "no_document", "Why the order has no document for the host's books."
    NOT_HERE = "not_here", "There is no such variant here."
    GONE = "gone", "The store no longer has it."
    ARCHIVED = "archived", "The store has archived the order, so it is no sale."
    NO_SALE = "no_sale", "The order's status is none of a sale, or not known."
    ORDER_NOT_HERE = "order_not_here", "The order of the refund is not here."
    DECLINED = "declined", "Payments of the refund were declined."
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


_ACTIONS: Mapping[ReasonCode, Action] = {
    ReasonCode.REJECTED: Action.RETRY,
    ReasonCode.PERHAPS_BEFORE_START_DATE: Action.OPEN_SETTINGS,
    ReasonCode.BEFORE_START_DATE: Action.OPEN_SETTINGS,
    ReasonCode.NOT_IN_BOOKS: Action.OPEN_DOCUMENTS,
    ReasonCode.IN_STORE: Action.FETCH,
    ReasonCode.NEEDS_ATTENTION: Action.OPEN_SETTINGS,
    ReasonCode.REFRESH_FAILED: Action.RETRY,
    ReasonCode.NO_REFRESH_PLANNED: Action.REFRESH,
    ReasonCode.NO_HOST_PRODUCT: Action.CREATE_PRODUCTS,
    **dict.fromkeys(
        (
            ReasonCode.UNLINKED_BY_HAND,
            ReasonCode.LINKING_IS_OFF,
            ReasonCode.AUTO_LINK_IS_OFF,
            ReasonCode.BLANK_SKU,
            ReasonCode.REFUSED_BY_HOST,
            ReasonCode.HOST_PRODUCT_GONE,
            ReasonCode.CONFLICT,
            ReasonCode.ONLY_REFERENCED,
        ),
        Action.LINK,
    ),
}


@dataclass(frozen=True)
class Reason:
    """One reason: a code for programs, a sentence for people.

    ``rejected_id`` is the rejected record to try again, ``link`` the host's own page about what is here or linked,
    ``day`` that of the record in the store's time zone, where it is older than the first day.
    """

    code: ReasonCode
    message: str
    rejected_id: int | None = None
    link: str | None = None
    day: date | None = None

    @property
    def action(self) -> Action:
        """What a person can do about it."""
        return _ACTIONS.get(self.code, Action.NONE)


@dataclass(frozen=True)
class Explanation:
    """The reasons about one record, the surest first; ``bigcommerce_id`` is None where no record was found."""

    bigcommerce_id: int | None
    reasons: Sequence[Reason]


def unreadable(noted: Sequence[Noted]) -> Iterator[Reason]:
    """The fields that could not be read, of each row in one reason."""
    for row in noted:
        notes = "; ".join(f"{each['field']} {each['reason']}" for each in row.notes)
        yield Reason(
            ReasonCode.UNREADABLE_FIELDS,
            f"Not all of {row.what} could be read: {notes}. That is null or cut here; the payload has it whole.",
        )


def store_reasons(store: StoreAnswer | None, start_date: date, what: str, dated: str) -> Iterator[Reason]:
    """What the store answered about a record that is not here; ``dated`` comes before its day, such as ", placed"."""
    if store is None:
        return
    if store.problem is not None:
        yield Reason(ReasonCode.STORE_SILENT, f"The store could not be asked: {store.problem}")
    elif not store.is_there:
        advice = " Check the number." if what == "order" else ""
        yield Reason(ReasonCode.NOT_IN_STORE, f"The store has no such {what}, or not any longer.{advice}")
    elif store.dated is not None and store.starts_at is not None and store.dated < store.starts_at:
        day = store.dated_on or store.dated.date()
        alone = " It cannot be fetched alone: an earlier first day fetches all orders placed since then."
        yield Reason(
            ReasonCode.BEFORE_START_DATE,
            f"It is in the store{dated} {day_text(day)}, before your first day {day_text(start_date)}, so it was left "
            f"out on purpose.{alone if what == 'order' else ''}",
            day=day,
        )
    else:
        yield Reason(ReasonCode.IN_STORE, f"The store has the {what}, and it can be fetched now.")


def unseen(refreshing: Refreshing, what: str) -> Iterator[Reason]:
    """What refreshes have done and will do about a record that is not here."""
    if refreshing.watermark is None:
        yield Reason(ReasonCode.NEVER_SEEN, f"No refresh of the {refreshing.resource} has been completed yet.")
    else:
        until = when_text(refreshing.watermark)
        yield Reason(
            ReasonCode.NEVER_SEEN, f"No refresh has seen this {what}. All that was changed before {until} was read."
        )
    yield from next_refresh(refreshing)


def next_refresh(refreshing: Refreshing) -> Iterator[Reason]:
    """What holds up the next refresh, and when it begins."""
    if refreshing.attention is not None:
        yield Reason(ReasonCode.NEEDS_ATTENTION, f"Refreshes are paused until a person acts: {refreshing.attention}")
    elif refreshing.last_failure is not None:
        yield Reason(ReasonCode.REFRESH_FAILED, f"The last refresh failed: {refreshing.last_failure}")
    if refreshing.open_refresh is not None:
        yield Reason(
            ReasonCode.AWAITING_REFRESH, f"Refresh {refreshing.open_refresh} is under way and may change this."
        )
    elif refreshing.next_at is not None:
        yield Reason(
            ReasonCode.AWAITING_REFRESH, f"The next automatic refresh begins at {when_text(refreshing.next_at)}."
        )
    elif refreshing.attention is None:
        text = f"No refresh of the {refreshing.resource} is planned, as automatic sync is off. Start one."
        yield Reason(ReasonCode.NO_REFRESH_PLANNED, text)


def rejection(record: Rejected, *, has_older: bool = False) -> Reason:
    """That the record itself could not be stored; ``has_older``: an older version of it is."""
    again = " Later refreshes try it again." if record.is_tried_again else " Mend it in the store, then try again."
    text = f"On {when_text(record.at)} it could not be stored: {record.reason}{again}"
    if has_older:
        text = (
            f"A newer version could not be stored on {when_text(record.at)}; what is shown is older. "
            f"{record.reason}{again}"
        )
    return Reason(ReasonCode.REJECTED, text, rejected_id=record.id)
