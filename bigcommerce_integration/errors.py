"""The errors of this package, sorted by what happens next.

::

    BigCommerceError
    ├── ConfigError            the app does not start: mend the setting
    │   └── KeyMissing             none of this process's keys opens a stored secret: others may have the key
    ├── RequestRefused         the caller's mistake: a 4xx answer
    │   ├── MalformedBody          400
    │   ├── Forbidden              403
    │   ├── NotFound               404
    │   ├── MethodNotAllowed       405, names the methods that the path has
    │   ├── Conflict               409, names the refresh that stands in the way
    │   ├── VersionMismatch        412, it was changed since the caller read it
    │   ├── BodyTooLarge           413
    │   ├── UnsupportedMediaType   415
    │   ├── VersionMissing         428
    │   ├── Invalid                422, every bad field at once
    │   ├── DatabaseBusy           503, no mistake: nothing was changed, the same request may be sent again
    │   ├── DatabaseDown           503, the database does not answer
    │   ├── StoreSilent            503, likewise: the store was to be asked and did not answer in time
    │   └── NotMigrated            503, the database lacks a table or column of ours
    ├── StoreError             what a BigCommerce store answered
    │   ├── RetryLater             the same request may succeed later
    │   │   ├── RateLimited            429
    │   │   └── StoreUnavailable       no answer, 5xx, 423, a broken body, or what is not the API's own answer
    │   │       └── Unconfirmed            it may mean a ``StopRefresh``, which is believed when it is said again
    │   ├── StopRefresh            no retry helps: a person must act
    │   │   ├── ConnectionBroken       of the whole store
    │   │   │   ├── TokenRejected          401
    │   │   │   ├── StoreNotFound          404 of everything: a wrong store hash, or a store that was closed
    │   │   │   └── OtherStore             the answers come from another store than the one that was connected
    │   │   ├── ScopeMissing           403: one resource only
    │   │   ├── MassDeletion           more records are gone than a store plausibly deletes
    │   │   └── UnexpectedAnswer       an ignored filter, a refused question, an answer no rule covers
    │   ├── RecordGone             404 of one record
    │   └── BadRecord              one record cannot be read: it is rejected and counted
    │       ├── WrongShape             it is no object, or lacks an id
    │       └── IncompleteLines        an order, and not all of its lines can be read
    ├── HostRefused            what the host raised inside a page's transaction
    ├── WorkersDie             whoever takes up the refresh dies: a person must find out why
    ├── LeaseLost              another worker has taken over: stop, and leave no trace
    ├── RefreshEnded           the refresh was cancelled: stop, and let the lease go
    └── ErasureIncomplete      a person's data is not all blanked yet: run the command again

No message holds a token or a person's data; they name the store hash, the resource and the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Self

MOST_ERRORS = 100
"""How many bad fields one refusal names."""
_LONGEST_PATH, _LONGEST_MESSAGE = 100, 1000


class Code(StrEnum):
    """A word for programs that stands beside a sentence for people. It is stored and answered, so it never changes."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        """The word, with a sentence on what it means."""
        code = str.__new__(cls, word)
        code._value_, code.meaning = word, meaning
        return code

    @classmethod
    def meanings(cls) -> str:
        """What each means, for the description of a field."""
        return " ".join(f"`{code}`: {code.meaning}" for code in cls)


class RefreshCode(Code):
    """Why a refresh has failed."""

    TOKEN_REJECTED = "token_rejected", "The store does not accept the access token."
    STORE_NOT_FOUND = "store_not_found", "There is no store with this hash, or it was closed."
    OTHER_STORE = "other_store", "Another store answers than the one that was connected."
    SCOPE_MISSING = "scope_missing", "The access token lacks a scope."
    MASS_DELETION = "mass_deletion", "More is gone, in the store or the host, than may be deleted unasked."
    UNEXPECTED_ANSWER = "unexpected_answer", "The store answers in a way that waiting does not mend."
    STORE_UNAVAILABLE = "store_unavailable", "The store does not answer."
    HOST_REFUSED = "host_refused", "The host's own code raised an error."
    WORKERS_DIED = "workers_died", "Workers were killed again and again, and no single record is to blame."
    UNEXPECTED_ERROR = "unexpected_error", "An error that nobody expected; the log of the worker has the details."


class RejectionCode(Code):
    """Why a record was rejected."""

    NO_ID = "no_id", "It has no id that can be read."
    BROKEN_TEXT = "broken_text", "Its text is not clean JSON."
    WRONG_SHAPE = "wrong_shape", "It, or a record within it, is not an object or has no id."
    UNREADABLE_FIELD = "unreadable_field", "A field that it cannot do without cannot be read."
    INCOMPLETE_LINES = "incomplete_lines", "Not all lines of the order can be read."
    UNREADABLE = "unreadable", "It cannot be read, for a reason that nobody expected."
    DATABASE_REFUSED = "database_refused", "The database refused the row."
    WORKERS_DIED = "workers_died", "Workers died each time while they stored it. It is tried again by itself."
    UNEXPECTED_ERROR = "unexpected_error", "An error that nobody expected. It is tried again by itself."


class LinkCode(Code):
    """Why a variant is not linked."""

    BLANK_SKU = "blank_sku", "The SKU is blank."
    UNREADABLE_SKU = "unreadable_sku", "The SKU cannot be read, or is too long."
    SAME_SKU_IN_STORE = "same_sku_in_store", "Several variants of the store have the SKU."
    SAME_SKU_IN_HOST = "same_sku_in_host", "Several products of the host have the SKU."
    SIMILAR_SKU_IN_HOST = "similar_sku_in_host", "A SKU of the host differs only by case, accent or blanks."
    SKU_NOT_ASKABLE = "sku_not_askable", "The host's table cannot hold the SKU."
    REFUSED_BY_HOST = "refused_by_host", "The host did not make a product for the SKU."
    HOST_PRODUCT_GONE = "host_product_gone", "The host's product that it was linked to no longer exists."


class RowCode(Code):
    """Why a row of a link import cannot be, or was not, applied or undone."""

    NO_VARIANT_ID = "no_variant_id", "The first cell that matters, `variant_id`, holds no id."
    UNKNOWN_VARIANT = "unknown_variant", "The store has no variant with this id."
    SAME_VARIANT_TWICE = "same_variant_twice", "Another row decides on the same variant."
    UNKNOWN_DECISION = "unknown_decision", "The decision is none of `link`, `leave` and `suggested`."
    TWO_DECISIONS = (
        "two_decisions",
        "The row names a SKU of the host, and says to leave the variant unlinked.",
    )
    NO_SKU = "no_sku", "The variant has no SKU by which it could be linked."
    HOST_SKU_NOT_FOUND = "host_sku_not_found", "The host has no product with this SKU."
    ZEROS_DIFFER = (
        "zeros_differ",
        "The host has no product with this SKU, but one whose SKU differs only by zeros at its beginning.",
    )
    SPREADSHEET_ERROR = "spreadsheet_error", "The cell of the SKU holds an error of the spreadsheet, such as `#N/A`."
    SIMILAR_SKU_IN_HOST = "similar_sku_in_host", "A SKU of the host differs only by case, accent or blanks."
    SAME_SKU_IN_HOST = "same_sku_in_host", "Several products of the host have the SKU."
    SKU_NOT_ASKABLE = "sku_not_askable", "The host's table cannot hold the SKU."
    CHANGED_MEANWHILE = "changed_meanwhile", "The link was changed since the file was read, or since it was applied."
    HOST_PRODUCT_GONE = "host_product_gone", "The host's product no longer exists."


class BigCommerceError(Exception):
    """The root of everything that this package raises on purpose; ``code`` is what a refresh says that it ends."""

    code: RefreshCode = RefreshCode.UNEXPECTED_ERROR

    def __init_subclass__(cls, **values: int | Code) -> None:
        """Keywords of a class are its attributes: the ``status`` of a refusal, the ``code`` of an error."""
        super().__init_subclass__()
        for name, value in values.items():
            setattr(cls, name, value)


class ConfigError(BigCommerceError, ValueError):
    """A setting, key, model or broker with which the app cannot start; the message says how to mend it."""


class KeyMissing(ConfigError):
    """None of the keys of *this* process opens a secret that is stored; another process may have the right one."""


class RequestRefused(BigCommerceError):
    """The caller's mistake; answered with ``status`` and the message."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedBody(RequestRefused):
    """The body is not the JSON object that was expected."""


class Forbidden(RequestRefused, status=403):
    """The host's ``may`` refused the action."""


class NotFound(RequestRefused, status=404):
    """No such thing for this tenant."""


class MethodNotAllowed(RequestRefused, status=405):
    """There is such a path, but not with this method; ``allowed`` are those that it has."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This path takes only {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class Conflict(RequestRefused, status=409):
    """A refresh is in no state for this; ``refresh_id`` names it (None: there can be none yet)."""

    def __init__(self, message: str, *, refresh_id: int | None) -> None:
        super().__init__(message)
        self.refresh_id = refresh_id


class VersionMismatch(RequestRefused, status=412):
    """``If-Match`` names another version than the one that is stored."""


class VersionMissing(RequestRefused, status=428):
    """A change that holds for the version that was seen names none."""


class BodyTooLarge(RequestRefused, status=413):
    """The body is larger than any valid one."""


class UnsupportedMediaType(RequestRefused, status=415):
    """The body is not declared as JSON."""


class Invalid(RequestRefused, status=422):
    """Fields that cannot be accepted: ``errors`` has a list of messages by dotted path, cut where it is very long.

    After ``MOST_ERRORS`` paths it says under ``_schema`` how many more there are; ``more`` are those that the caller
    has counted and not named.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]], *, more: int = 0) -> None:
        super().__init__("The input is invalid; see errors.")
        self.errors = {
            _cut(path, _LONGEST_PATH): [_cut(message, _LONGEST_MESSAGE) for message in messages]
            for path, messages in islice(errors.items(), MOST_ERRORS)
        }
        if more := more + max(0, len(errors) - MOST_ERRORS):
            self.errors.setdefault("_schema", []).append(f"And {more} more.")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class DatabaseBusy(RequestRefused, status=503):
    """Other transactions stood in the way for too long; nothing was changed."""


class DatabaseDown(RequestRefused, status=503):
    """The database does not answer, ``since`` when this process has met that (naive UTC); nothing was changed."""

    def __init__(self, message: str, *, since: datetime | None = None) -> None:
        super().__init__(message)
        self.since = since


class StoreSilent(RequestRefused, status=503):
    """The store did not answer in the time that a request may wait for it; nothing was changed."""


class NotMigrated(RequestRefused, status=503):
    """The database lacks a table or column of ours; the message names it and the command that brings it."""


class StoreError(BigCommerceError):
    """Something that a BigCommerce store answered, or did not answer."""


class RetryLater(StoreError, code=RefreshCode.STORE_UNAVAILABLE):
    """The same request may succeed later; ``wait_s`` is what the store asks for in seconds, None if it does not say."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class RateLimited(RetryLater):
    """429; one that does not say how long to wait asks to back off."""


class StoreUnavailable(RetryLater):
    """No answer, a 5xx or 423, a time-out, a body that is cut or contradicts itself, a web page, an odd status."""


class StopRefresh(StoreError):
    """No retry helps: the refresh fails and a person must act."""


class ConnectionBroken(StopRefresh):
    """The whole connection is of no use until a person mends it."""


class Unconfirmed(StoreUnavailable):
    """One answer that may mean ``verdict``; ``client/http/retry.py`` decides whether that is to be believed.

    ``is_own``: the answer was the API's own, and not that of something before it.
    """

    def __init__(self, message: str, *, verdict: StopRefresh, is_own: bool) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.is_own = is_own


class TokenRejected(ConnectionBroken, code=RefreshCode.TOKEN_REJECTED):
    """401: the store does not accept the access token."""


class StoreNotFound(ConnectionBroken, code=RefreshCode.STORE_NOT_FOUND):
    """404 for whole collections and the store's information: there is no store with this hash."""


class OtherStore(ConnectionBroken, code=RefreshCode.OTHER_STORE):
    """``/v2/store`` names another store hash than the one that is connected."""


class ScopeMissing(StopRefresh, code=RefreshCode.SCOPE_MISSING):
    """403: the token lacks ``scope``, one of BigCommerce's names such as ``store_v2_orders_read_only``."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class MassDeletion(StopRefresh, code=RefreshCode.MASS_DELETION):
    """More records are gone from the store than ``BIGCOMMERCE_MAX_DELETED_SHARE`` allows, or all; none was marked."""


class UnexpectedAnswer(StopRefresh, code=RefreshCode.UNEXPECTED_ANSWER):
    """An ignored filter, a refused question: nothing that waiting would mend."""


class RecordGone(StoreError):
    """404 of one record: the store has it no longer."""


class BadRecord(StoreError):
    """One record cannot be read; the rest of its page goes in."""

    reason_code = RejectionCode.UNREADABLE_FIELD


class WrongShape(BadRecord, reason_code=RejectionCode.WRONG_SHAPE):
    """The record, or one within it, is not an object or has no id."""


class IncompleteLines(BadRecord, reason_code=RejectionCode.INCOMPLETE_LINES):
    """Not all lines of an order can be read."""


class HostRefused(BigCommerceError, code=RefreshCode.HOST_REFUSED):
    """The host raised inside the transaction of a page, which was undone."""


class WorkersDie(BigCommerceError, code=RefreshCode.WORKERS_DIED):
    """Workers ended again and again at the same place of a refresh, and no single record is to blame."""

    def __init__(self, resource: str, deaths: int) -> None:
        super().__init__(
            f"Workers were killed {deaths} times in a row while they stored {resource}. "
            "Find out what kills them (the memory they may use, the host's own code), then start the refresh again."
        )


class LeaseLost(BigCommerceError):
    """Another worker has taken over the lease; the transaction must not be committed."""


class RefreshEnded(BigCommerceError):
    """Somebody has ended the refresh meanwhile; the transaction must not be committed."""


class ErasureIncomplete(BigCommerceError):
    """Some of a person's data may still be stored; the same command finishes it."""
