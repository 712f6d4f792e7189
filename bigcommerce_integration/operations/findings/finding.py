"""What a finding is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ...errors import Code

Severity = Literal["person", "wait"]
"""``person``: it will not mend itself. ``wait``: it mends itself."""
SEVERITIES: tuple[Severity, ...] = ("person", "wait")


class FindingCode(Code):
    """What was found. The worst stands first."""

    NO_WORKER = "no_worker", "No background worker runs, so no store is brought up to date."
    TOKEN_REFUSED = "token_refused", "The store does not accept its access token."
    KEY_MISSING = "key_missing", "No encryption key opens the access token, in this process or in the workers."
    STORE_NOT_FOUND = "store_not_found", "There is no store with this hash, or it was closed."
    OTHER_STORE = "other_store", "Another store answers than the one that was connected."
    SCOPE_MISSING = "scope_missing", "The access token may not read a collection."
    DELETION_HELD_BACK = "deletion_held_back", "More is gone than may be deleted without a person's word."
    REFRESH_FAILED = "refresh_failed", "The last refresh of a collection failed."
    REFRESH_OVERDUE = "refresh_overdue", "A collection was not brought up to date for longer than usual."
    BROKER_DOWN = "broker_down", "The message broker does not answer the workers; they go on without it."
    DRIFT_FOUND = "drift_found", "A comparison found records that are not as in the store."
    TIMEZONE_CHANGED = "timezone_changed", "The store has another time zone than before."
    CURRENCY_CHANGED = "currency_changed", "The store has another default currency than before."
    SYNC_OFF = "sync_off", "The store is not kept up to date by itself."
    STORE_CONNECTED_TWICE = "store_connected_twice", "The same store is connected more than once."
    POSTINGS_FAILED = "postings_failed", "The host's accounting did not take documents or batches."
    DOCUMENTS_HELD = "documents_held", "Accounting documents are held until a person has looked at them."
    RECORDS_REJECTED = "records_rejected", "Records could not be stored."
    PRODUCTS_REFUSED = "products_refused", "The host did not make products for some variants."
    LINK_CONFLICTS = "link_conflicts", "For some variants it is not sure which product is meant."
    STORE_UNREACHABLE = "store_unreachable", "The store does not answer at present; it is asked again."
    RETRYING = "retrying", "Something went wrong that is tried again by itself."
    WAITING_FOR_QUOTA = "waiting_for_quota", "The store's quota of requests is used up; the refresh waits for it."
    DOCUMENTS_WAITING = "documents_waiting", "Accounting documents wait for a cost, or for an invoice."
    RECORDS_TRIED_AGAIN = "records_tried_again", "Records were left out that later refreshes try again."
    BEING_DELETED = "being_deleted", "The store was disconnected; its records are being removed."


class Action(Code):
    """What a person can do about it, as one button."""

    NONE = "none", "Nothing is to be done here."
    FETCH = "fetch", "Fetch the record from the store."
    REFRESH = "refresh", "Start a refresh."
    RETRY = "retry", "Let what failed go on, or be tried again."
    LINK = "link", "Decide which product of the host a variant is."
    CREATE_PRODUCTS = "create_products", "Let the host make products."
    REPAIR = "repair", "Read again what a comparison found to differ."
    ACKNOWLEDGE = "acknowledge", "Confirm that you know of the change."
    OPEN_SETTINGS = "open_settings", "Change the settings of the store."
    NEW_TOKEN = "new_token", "Enter a new access token."
    OPEN_DOCUMENTS = (
        "open_documents",
        "Look at accounting documents: release what is held, or have it handed over again.",
    )
    ALLOW_DELETION = "allow_deletion", "Allow that this much is marked as deleted, by a full refresh."


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know; ``sentence`` is for people: what, what follows, whether anything is lost.

    ``since`` is naive UTC, None if nobody knows. ``link`` names the page that helps, relative to that of the store:
    ``settings``, ``acknowledge``, ``refreshes``, ``refreshes/<id>``, ``rejected?resource=<name>``,
    ``variants?conflict=true``, ``variants?link_conflict_code=refused_by_host``, ``accounting/documents?status=held``
    or ``accounting/batches?status=failed``; None if no page does.
    ``instance_id`` and ``store`` (its name) are None for what concerns all stores. ``resource`` is the collection,
    ``refresh_id`` the refresh that it is about.
    ``before`` and ``after`` are what it was and what it is, of a change in the store; else None.
    """

    code: FindingCode
    severity: Severity
    sentence: str
    since: datetime | None = None
    action: Action = Action.NONE
    link: str | None = None
    instance_id: int | None = None
    store: str | None = None
    resource: str | None = None
    refresh_id: int | None = None
    before: str | None = None
    after: str | None = None

    @property
    def can_wait(self) -> bool:
        """As the function."""
        return can_wait(self.code, self.severity)


CONNECTION = frozenset(
    {
        FindingCode.TOKEN_REFUSED,
        FindingCode.STORE_NOT_FOUND,
        FindingCode.OTHER_STORE,
        FindingCode.SCOPE_MISSING,
        FindingCode.STORE_UNREACHABLE,
    }
)
"""What keeps a store from being read."""
KEEPS_OLD = CONNECTION | {FindingCode.NO_WORKER, FindingCode.KEY_MISSING, FindingCode.REFRESH_OVERDUE}
"""While one of these stands, what is stored of a collection may be older than it should be."""
_CANNOT_WAIT = frozenset(
    {
        FindingCode.NO_WORKER,
        FindingCode.TOKEN_REFUSED,
        FindingCode.STORE_NOT_FOUND,
        FindingCode.OTHER_STORE,
        FindingCode.KEY_MISSING,
        FindingCode.SCOPE_MISSING,
        FindingCode.REFRESH_FAILED,
        FindingCode.REFRESH_OVERDUE,
    }
)
"""Because of these something is not up to date, and stays so until a person acts."""


def can_wait(code: str, severity: str) -> bool:
    """Whether a finding can wait for working hours: what it is about is up to date, or will be by itself."""
    return severity != "person" or code not in _CANNOT_WAIT


_RANK = {code: place for place, code in enumerate(FindingCode)}


def rank(finding: Finding) -> int:
    """How bad it is among those of its severity; 0 is the worst."""
    return _RANK[finding.code]


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """What needs a person before what mends itself, the worst of each first."""
    return sorted(
        found,
        key=lambda each: (
            SEVERITIES.index(each.severity),
            _RANK[each.code],
            each.instance_id or 0,
            each.resource or "",
        ),
    )
