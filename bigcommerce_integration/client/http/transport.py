"""One request to one store: what goes out, what comes back, and what it means when nothing good does."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

from ...encryption import ProxyUrl, Secret
from ...errors import RecordGone, StoreUnavailable
from ...resources.values import STORE_HASH, STORE_HASH_LENGTH
from ..clock import StoreClock, store_time
from .body import BodyBroken, read_body
from .causes import cause
from .deadline import deadline, trusting
from .failures import WEB_PAGE, Failure, error_of, error_text_of, source_of
from .rate_limit import Quota, parse_quota, retry_after_s, wait_s
from .session import KeptSessions, StoreSession, Token, Way

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
    effect; ``proxy`` and ``ca_bundle`` are in their place.
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
        kept: KeptSessions | None = None,
    ) -> None:
        """``timeout_s`` bounds each answer as a whole; ``ValueError`` for a hash or URL that cannot be one.

        ``proxy`` is asked to connect through to every https address; ``ca_bundle`` is the file of the certificates to
        trust in place of those that come with ``certifi``. Without a ``clock``, of the store's and this machine's the
        earlier one counts. Connections come from ``kept`` and go back there; without it, all end with this.
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
        self._kept = KeptSessions() if kept is None else kept
        self._is_keeping = kept is not None
        self._busy: set[StoreSession] = set()
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
        """End requests that are still under way, as ``StoreUnavailable``, and connections that are not to be kept."""
        with self._lock:
            self._is_closed = True
            for session in self._busy:
                session.cut()
        if not self._is_keeping:
            self._kept.close()

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
            with self._session() as session, deadline(ends_at, session.note):
                return self._exchange(session, url, began)
        except BodyBroken as problem:
            return str(problem)
        except Exception as problem:  # noqa: BLE001 - whatever it is, its frames hold the request's headers
            if time.monotonic() >= ends_at:
                return f"did not answer within {self._timeout_s:g} seconds"
            return cause(problem, place=self._place, proxy=self._proxy.shown if self._proxy else None)

    def _exchange(self, session: StoreSession, url: str, began: float) -> _RawResponse:
        auth = Token(self._token)
        response = session.get(url, auth=auth, stream=True, allow_redirects=False, timeout=self._timeout_s)
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

    @contextmanager
    def _session(self) -> Iterator[StoreSession]:
        """For one request; one that fails takes its connection with it."""
        way = Way(self._base, self._proxy, trusting(self._ca_bundle) if self._base.startswith("https:") else None)
        session = self._kept.take(way) or StoreSession(way)
        with self._lock:
            self._busy.add(session)
            if self._is_closed:
                session.cut()
        is_sound = False
        try:
            yield session
            is_sound = True
        finally:
            with self._lock:
                self._busy.discard(session)
            if is_sound and not session.is_cut:
                self._kept.keep(session)
            else:
                session.close()

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
