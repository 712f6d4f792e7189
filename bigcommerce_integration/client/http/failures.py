"""What an answer that is not a success means: from status, content type and body to an error of ``errors.py``.

The statuses are those of bigcommerce/docs, docs/start/about/status-codes.mdx and docs/start/migration/4_errors.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ...errors import (
    RateLimited,
    RecordGone,
    ScopeMissing,
    StopRefresh,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    Unconfirmed,
    UnexpectedAnswer,
)

LONGEST_MESSAGE = 200
WEB_PAGE = "a web page came in place of the API's answer."
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


TOO_MANY_REQUESTS = "too many requests for now."
Source = Literal["api", "page", "other"]
"""Whose answer it is: the API's own, a web page's, or that of something else."""


@dataclass(frozen=True)
class Failure:
    """An answer that is not a success; ``error_text`` is the store's own message, already cleaned and short.

    ``retry_after_s`` is what a ``Retry-After`` asks for, ``wait_s`` that or the end of the quota's window.
    """

    store_hash: str
    resource: str
    scope: str
    single: bool
    status: int
    error_text: str
    source: Source
    wait_s: float | None
    retry_after_s: float | None = None

    def describe(self, advice: str) -> str:
        """The message of the error: what happened, where, and what to do."""
        error_text = f" ({self.error_text})" if self.error_text else ""
        return f"BigCommerce store {self.store_hash} answered {self.status} for {self.resource}{error_text}: {advice}"


_REFUSED = (UnexpectedAnswer, "the store refuses the question; asking again would not help. Report this.")
_VERDICTS: Mapping[int, tuple[type[StopRefresh], str]] = {
    401: (TokenRejected, "it does not accept the access token. Enter a valid one for this store."),
    403: (ScopeMissing, "the access token may not read {resource}. Use one of an API account with the scope {scope}."),
    404: (StoreNotFound, "there is no store with this hash (any longer). Correct the store hash, or reopen the store."),
    **dict.fromkeys((400, 405, 406, 409, 410, 411, 413, 414, 415, 422, 501, 505), _REFUSED),
}
# Of the whole store: if everything is answered so, that is true also where the API's own answer never comes (a wrong
# hash is answered by a web page).
_OF_THE_STORE = frozenset({401, 404})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The server was tired of waiting, the store is locked, too early, the client has gone.
_PASSING = frozenset({408, 423, 425, 499})


def error_of(failure: Failure) -> StoreError:
    """The error to raise for an answer that is neither 200 nor 204.

    A status alone is no verdict: what may stop a refresh is ``Unconfirmed``, and only from the API's own answer, or
    where it concerns the whole store. All else may pass.
    """
    status, is_own = failure.status, failure.source == "api"
    if status == 429:
        return RateLimited(failure.describe(TOO_MANY_REQUESTS), wait_s=failure.wait_s)
    if status == 404 and failure.single:
        # Rows are not marked deleted on the word of something before the API (a wrong hash gives a web page too).
        gone = failure.describe("the store does not have it (any longer).")
        return RecordGone(gone) if is_own else _unavailable(failure)
    if status in _VERDICTS and (is_own or status in _OF_THE_STORE):
        advice = "this may pass; it is believed once the store's information agrees." if is_own else _advice(failure)
        return Unconfirmed(failure.describe(advice), verdict=_verdict(failure), is_own=is_own)
    return _unavailable(failure)


def _unavailable(failure: Failure) -> StoreUnavailable:
    return StoreUnavailable(failure.describe(_advice(failure)), wait_s=failure.retry_after_s)


def _verdict(failure: Failure) -> StopRefresh:
    kind, advice = _VERDICTS[failure.status]
    text = failure.describe(advice.format(resource=failure.resource, scope=failure.scope))
    return ScopeMissing(text, scope=failure.scope) if kind is ScopeMissing else kind(text)


def _advice(failure: Failure) -> str:
    """What the message of an answer that may pass says."""
    if failure.status in _REDIRECTS:
        return (
            "a redirect, which is not followed, as it could carry the access token elsewhere. If this stays so, check "
            "the setting BIGCOMMERCE_API_URL."
        )
    if failure.source == "page":
        return WEB_PAGE
    if failure.status >= 500 or failure.status in _PASSING:
        return "the store cannot answer at present."
    return "this is not an answer that the API gives to this question."


def source_of(content_type: str, text: str) -> Source:
    """Whose answer an error is: the API's own is JSON by its content type and has one of the shapes of its errors.

    V2 answers an array ``[{"status", "message"}]``, V3 an object with ``title``, its gateway one of either kind or an
    object with ``error`` (bigcommerce/docs, docs/start/about/status-codes.mdx; space48's bigcommerce-token-validator).
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if is_html(text) or (text.strip() and media_type in {"text/html", "application/xhtml+xml"}):
        return "page"
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        return "other"
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        return "other"
    objects = body if isinstance(body, list) else [body]
    return "api" if objects and all(map(_is_an_error, objects)) else "other"


def _is_an_error(body: object) -> bool:
    return isinstance(body, dict) and any(isinstance(body.get(name), str) for name in ("title", "message", "error"))


def error_text_of(text: str, mask: Callable[[str], str]) -> str:
    """The store's own short message in an error body of any dialect, ``""`` if there is none.

    V2 answers an array ``[{"status", "message"}]``, V3 an object with ``title`` and perhaps ``errors``, gateways an
    object with ``error``, HTML or nothing (bigcommerce/docs, docs/start/about/status-codes.mdx; space48's
    bigcommerce-token-validator). ``mask`` hides the access token, before anything is cut off.
    """
    message = mask(" ".join(_CONTROL.sub(" ", _message(text)).split()))
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def is_html(text: str) -> bool:
    """Whether a body is a web page."""
    return text[:256].lstrip()[:1] == "<"


def _message(text: str) -> str:
    if is_html(text):
        return _title(text) or "a web page"
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(body, list):
        return "; ".join(filter(None, map(_of_object, body[:3])))
    return _of_object(body)


def _title(page: str) -> str:
    """What stands in the page's title; found step by step, as a pattern would look at each begin for an end."""
    lowered = page.lower()
    if len(lowered) != len(page):  # a sign whose small form has another length: places would not be the same
        lowered = page
    tag = lowered.find("<title")
    begin = lowered.find(">", tag) + 1 if tag >= 0 else 0
    end = lowered.find("</title", begin) if begin else -1
    return page[begin:end] if end >= 0 else ""


def _of_object(body: object) -> str:
    if not isinstance(body, dict):
        return body if isinstance(body, str) else ""
    text = next((body[key] for key in ("title", "message", "error", "detail") if isinstance(body.get(key), str)), "")
    errors = body.get("errors")
    if isinstance(errors, dict) and errors:
        text += " " + ", ".join(f"{field}: {problem}" for field, problem in list(errors.items())[:5])
    return str(text)
