"""What an answer that is not a success means: from status and body to an error of ``errors.py``.

The statuses are those of bigcommerce/docs, docs/start/about/status-codes.mdx and docs/start/migration/4_errors.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import (
    RateLimited,
    RecordGone,
    ScopeMissing,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    UnexpectedAnswer,
)

LONGEST_MESSAGE = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True)
class Failure:
    """An answer that is not a success; ``said`` is the store's own message, already cleaned and short."""

    store_hash: str
    resource: str
    scope: str
    single: bool
    status: int
    said: str
    is_html: bool
    wait_s: float | None

    def tell(self, advice: str) -> str:
        """The message of the error: what happened, where, and what to do."""
        said = f" ({self.said})" if self.said else ""
        return f"BigCommerce store {self.store_hash} answered {self.status} for {self.resource}{said}: {advice}"


def _token_rejected(failure: Failure) -> StoreError:
    return TokenRejected(failure.tell("it does not accept the access token. Enter a valid one for this store."))


def _scope_missing(failure: Failure) -> StoreError:
    return ScopeMissing(
        failure.tell(
            f"the access token may not read {failure.resource}. Use one of an API account with the scope "
            f"{failure.scope}."
        ),
        scope=failure.scope,
    )


def _not_found(failure: Failure) -> StoreError:
    if not failure.single:
        return StoreNotFound(failure.tell("there is no store with this hash. Correct the store hash."))
    if failure.is_html:
        # The API tells of a missing record in JSON. A web page comes from something before it (a wrong hash gives one
        # too), which is no proof that the record is gone: rows are not marked deleted on its word.
        return StoreUnavailable(failure.tell("a web page came in place of the API's answer."))
    return RecordGone(failure.tell("the store does not have it (any longer)."))


def _rate_limited(failure: Failure) -> StoreError:
    return RateLimited(failure.tell("too many requests for now."), wait_s=failure.wait_s)


def _unavailable(failure: Failure) -> StoreError:
    return StoreUnavailable(failure.tell("the store cannot answer at present."))


def _redirected(failure: Failure) -> StoreError:
    return UnexpectedAnswer(
        failure.tell(
            "a redirect, which is not followed, as it could carry the access token elsewhere. Check the setting "
            "BIGCOMMERCE_API_URL."
        )
    )


def _refused(failure: Failure) -> StoreError:
    return UnexpectedAnswer(failure.tell("the store refuses the question; asking again would not help. Report this."))


_BY_STATUS: dict[int, Callable[[Failure], StoreError]] = {
    401: _token_rejected,
    403: _scope_missing,
    404: _not_found,
    408: _unavailable,  # the server was tired of waiting: like a time-out
    423: _unavailable,
    425: _unavailable,
    429: _rate_limited,
    499: _unavailable,
    501: _refused,
    505: _refused,
}
_BY_HUNDRED: dict[int, Callable[[Failure], StoreError]] = {3: _redirected, 5: _unavailable}


def error_of(failure: Failure) -> StoreError:
    """The error to raise for an answer that is neither 200 nor 204."""
    return (_BY_STATUS.get(failure.status) or _BY_HUNDRED.get(failure.status // 100) or _refused)(failure)


def said_by(text: str, mask: Callable[[str], str]) -> str:
    """The store's own short message in an error body of any dialect, ``""`` if there is none.

    V2 answers an array ``[{"status", "message"}]``, V3 an object with ``title`` and perhaps ``errors``, gateways an
    object with ``error``, HTML or nothing (bigcommerce/docs, docs/start/about/status-codes.mdx; space48's
    bigcommerce-token-validator). ``mask`` hides the access token, before anything is cut off.
    """
    message = mask(" ".join(_CONTROL.sub(" ", _message(text)).split()))
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def is_html(text: str) -> bool:
    """Whether a body is a web page."""
    return text.lstrip()[:1] == "<"


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
    said = next((body[key] for key in ("title", "message", "error", "detail") if isinstance(body.get(key), str)), "")
    errors = body.get("errors")
    if isinstance(errors, dict) and errors:
        said += " " + ", ".join(f"{field}: {problem}" for field, problem in list(errors.items())[:5])
    return str(said)
