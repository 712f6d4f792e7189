"""One request to one store: what goes out, what comes back, and what it means when nothing good does."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

import requests

from ...encryption import ProxyUrl, Secret
from ...errors import RecordGone, StoreUnavailable
from ...resources.values import STORE_HASH, STORE_HASH_LENGTH
from ..clock import StoreClock, store_time
from .body import BodyBroken, read_body
from .causes import cause
from .deadline import Connections, deadline
from .failures import WEB_PAGE, Failure, error_of, error_text_of, source_of
from .rate_limit import Quota, parse_quota, retry_after_s, wait_s
from .session import new_session

# What is read of an answer: of a longer one, the records that came whole make a page (see ``Answer.is_cut``).
BODY_CAP = 32 * 1024 * 1024
ERROR_BODY_CAP = 64 * 1024
# Never a slash at the end: V3 answers it with 403 and V2 with 401 (bigcommerce/api issue 95).
_PATH = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*")


@dataclass(frozen=True)
class Call:
    """One GET: ``path`` below ``/stores/{hash}/``, the resource to name in errors and the scope it needs.

    ``single`` says that the API's 404 means "this record is gone" and not "there is no such store". With
    ``missing_ok`` that is no error but an answer with status 404 and no text, for those who want its circumstances.
    """

    path: str
    params: tuple[tuple[str, str], ...]
    resource: str
    scope: str
    single: bool = False
    missing_ok: bool = False


@dataclass(frozen=True)
class Answer:
    """A success: 200, or 204 with an empty body (or 404, if the call wants to know of it).

    ``is_cut`` says that we stopped reading at ``BODY_CAP``. ``observed_at`` is when the request began, by what all
    clocks agree upon (see ``StoreClock``), naive UTC in whole seconds; ``store_time`` is the store's own clock then,
    None if it did not say. ``received_at`` is ``time.monotonic`` when the answer was complete, ``elapsed_s`` the
    seconds from begin to then.
    """

    status: int
    body: bytes = field(repr=False)
    observed_at: datetime
    elapsed_s: float
    quota: Quota | None
    received_at: float
    is_cut: bool = False
    store_time: datetime | None = None


@dataclass(frozen=True)
class _RawResponse:
    """What came over the wire; its ``repr`` shows none of it, as a store may echo the token."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    headers_s: float
    body: bytes = field(repr=False)
    is_cut: bool = False


class Transport:
    """The way to one store; each ``get`` is exactly one request. For use by several threads.

    Environment settings of ``requests`` are not read (``trust_env=False``): a ``.netrc`` could replace
    the credentials, a proxy variable send the token elsewhere. So ``HTTPS_PROXY`` and ``REQUESTS_CA_BUNDLE`` have no
    effect; ``proxy`` and ``ca_bundle`` are in their place (see ``new_session``).
    """

    def __init__(
        self,
        *,
        api_url: str,
        store_hash: str,
        access_token: Secret,
        timeout_s: float,
        proxy: ProxyUrl | None = None,
        ca_bundle: str | None = None,
        clock: StoreClock | None = None,
    ) -> None:
        """``timeout_s`` bounds each answer as a whole; ``ValueError`` for a hash or URL that cannot be one.

        Without a ``clock``, of the store's and this machine's the earlier one counts.
        """
        if not STORE_HASH.fullmatch(store_hash):
            raise ValueError(f"A store hash is 1 to {STORE_HASH_LENGTH} ASCII letters and digits.")
        parts = urlsplit(api_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError("The API URL must be of the form https://host.")
        self._token = access_token
        # What is asked by http, which only this very machine may be, is asked without the proxy.
        self._proxy = proxy if parts.scheme == "https" else None
        self._ca_bundle = ca_bundle
        self._place = parts.netloc
        self._store_hash = store_hash
        self._base = f"{api_url.rstrip('/')}/stores/{store_hash}/"
        self._timeout_s = timeout_s
        self._clock = clock or StoreClock(store_hash)
        self._own = threading.local()
        self._sessions: list[requests.Session] = []
        self._connections = Connections()
        self._lock = threading.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Transport to store {self._store_hash}>"

    @property
    def store_hash(self) -> str:
        """The store that is asked."""
        return self._store_hash

    def get(self, call: Call) -> Answer:
        """Make the request and give its success; every other end is one of the ``StoreError`` family."""
        url = self._url(call)
        began = time.monotonic()
        raw = self._exchange_or_reason(url, began)
        ended = time.monotonic()
        if isinstance(raw, str):
            # Raised here, with no exception at hand, so that it has no context: those of requests hold the headers.
            raise StoreUnavailable(f"BigCommerce store {self._store_hash} {raw} ({call.resource}).")
        is_success = raw.status in {200, 204}
        if not is_success:
            error = error_of(self._failure(call, raw, raw.body.decode("utf-8", "replace")))
            if not (call.missing_ok and isinstance(error, RecordGone)):
                raise error
        if raw.body[:256].lstrip()[:1] == b"<":
            page = raw.body[:ERROR_BODY_CAP].decode("utf-8", "replace")
            raise StoreUnavailable(self._failure(call, raw, page).describe(WEB_PAGE))
        moment = store_time(raw.headers.get("Date", ""), raw.headers_s)
        return Answer(
            status=raw.status,
            body=raw.body if is_success else b"",
            observed_at=self._clock.observed_at(moment, began).replace(microsecond=0),
            elapsed_s=ended - began,
            quota=parse_quota(raw.headers),
            received_at=ended,
            is_cut=is_success and raw.is_cut,
            store_time=moment,
        )

    def close(self) -> None:
        """Close all threads' connections; requests still under way end at once, as ``StoreUnavailable``."""
        with self._lock:
            self._is_closed = True
            sessions, self._sessions = self._sessions, []
        self._connections.cut()
        for session in sessions:
            session.close()

    def _url(self, call: Call) -> str:
        if not _PATH.fullmatch(call.path):
            raise ValueError(f"not a path of the API: {call.path!r}")
        # Lists keep their commas, or 250 ids would make a long URL longer. All else is encoded: a bare "+" is read
        # as a space, and V2 wants its dates encoded (bigcommerce/api issue 121).
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe=',')}" for name, value in call.params)
        return f"{self._base}{call.path}?{query}" if query else f"{self._base}{call.path}"

    def _exchange_or_reason(self, url: str, began: float) -> _RawResponse | str:
        """What came, or in words why nothing did."""
        if self._is_closed:
            return "was not asked, as the client is closed"
        ends_at = began + self._timeout_s
        try:
            with deadline(ends_at, self._connections):
                return self._exchange(url, began)
        except BodyBroken as problem:
            return str(problem)
        except Exception as problem:  # noqa: BLE001 - whatever it is, its frames hold the request's headers
            if time.monotonic() >= ends_at:
                return f"did not answer within {self._timeout_s:g} seconds"
            return cause(problem, place=self._place, proxy=self._proxy.shown if self._proxy else None)

    def _exchange(self, url: str, began: float) -> _RawResponse:
        response = self._session().get(url, stream=True, allow_redirects=False, timeout=self._timeout_s)
        try:
            headers_s = time.monotonic() - began
            is_success = response.status_code in {200, 204}
            try:
                body, is_cut = read_body(response, cap=BODY_CAP if is_success else ERROR_BODY_CAP)
            except Exception:
                if is_success:
                    raise
                body, is_cut = b"", False  # the status says enough
            return _RawResponse(response.status_code, response.headers, headers_s, body, is_cut)
        finally:
            response.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = new_session(self._token, proxy=self._proxy, ca_bundle=self._ca_bundle)
            self._own.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _failure(self, call: Call, raw: _RawResponse, text: str) -> Failure:
        return Failure(
            store_hash=self._store_hash,
            resource=call.resource,
            scope=call.scope,
            single=call.single,
            status=raw.status,
            error_text=error_text_of(text, self._token.mask),
            source=source_of(raw.headers.get("Content-Type", ""), text),
            wait_s=wait_s(raw.headers),
            retry_after_s=retry_after_s(raw.headers),
        )
