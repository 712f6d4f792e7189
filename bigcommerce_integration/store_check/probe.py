"""Ask a store whether it can be mirrored: the one store call that a request may wait for, with no transaction open."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any

from ..client.api import INFORMATION_SCOPE, Reply, StoreClient
from ..client.http.rate_limit import Quota
from ..config import Config
from ..encryption import TokenCipher
from ..errors import (
    BigCommerceError,
    ConfigError,
    ConnectionBroken,
    RetryLater,
    ScopeMissing,
    StoreNotFound,
    TokenRejected,
    Unconfirmed,
    UnexpectedAnswer,
)
from ..refresh.job.context import transport_to
from ..refresh.job.modes import start_of_day
from ..resources.base import ALL_DATES, DateFilter, Resource, Span
from ..resources.registry import REGISTRY

ANSWERS_WITHIN_S = 5.0
LATE = f"The store did not answer within {ANSWERS_WITHIN_S:g} seconds."
_NOT_TOLD = "The store does not tell."
_NO_DATE = "The store's answers carry no date that can be right."
SKEWS_AGREE_S = 2.0
# A store whose token lacks the scope of another is connected all the same.
_REQUIRED = tuple(each for each in REGISTRY if each.required)
_SCOPE_OF = {"store": INFORMATION_SCOPE, **{each.name: each.scope for each in _REQUIRED}}


@dataclass(frozen=True)
class Store:
    """Which store, with which token (ciphertext), from which day on."""

    store_hash: str
    access_token: bytes = field(repr=False)
    start_date: date


@dataclass
class Report:
    """What was found out; None where nothing was, and then ``reasons`` tells why, by the field's name.

    Where the store could not be asked at all, ``message`` alone tells why: one sentence for everything that is None.
    ``missing_scopes`` are those that are known to be missing; whether these are all, ``reasons`` tells too.
    """

    is_token_accepted: bool | None = None
    is_store_hash_right: bool | None = None
    missing_scopes: list[str] = field(default_factory=list)
    store_name: str | None = None
    plan: str | None = None
    currency: str | None = None
    timezone: str | None = None
    clock_skew_s: int | None = None
    quota: Quota | None = None
    # How many records a refresh would bring, by the name of the collection.
    counts: dict[str, int | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    message: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a refresh would have all that it needs; False also if that could not be found out."""
        is_proved = self.is_token_accepted is True and self.is_store_hash_right is True and not self.missing_scopes
        return is_proved and not {"timezone", "missing_scopes"} & self.reasons.keys()

    def values(self) -> dict[str, Any]:
        """What was found out, by name; not why the rest was not."""
        quota = self.quota
        return {
            "is_ready": self.is_ready,
            "is_token_accepted": self.is_token_accepted,
            "is_store_hash_right": self.is_store_hash_right,
            "missing_scopes": self.missing_scopes,
            "store_name": self.store_name,
            "plan": self.plan,
            "currency": self.currency,
            "timezone": self.timezone,
            "clock_skew_s": self.clock_skew_s,
            "quota": quota
            and {
                "limit": quota.limit,
                "left": quota.left,
                "window_s": quota.window_s,
                "resets_in_s": quota.reset_s,
            },
            **{each.name: self.counts.get(each.name) for each in _REQUIRED},
        }


def check(config: Config, cipher: TokenCipher, store: Store, *, counts: bool = True) -> Report:
    """Ask the store, side by side, for ``ANSWERS_WITHIN_S`` seconds at most; never raises for what it answers.

    What it is and whether the token may read each resource; and, once its time zone tells when the start date begins
    there, how many products and orders a refresh would bring (``counts``).
    """
    try:
        client = client_for(config, cipher, store)
    except ConfigError as error:
        return Report(message=str(error))
    asking = Asking(client, time.monotonic() + ANSWERS_WITHIN_S)
    try:
        return _report(_believed(_gather(asking, store, counts=counts)), asking, store, counts=counts)
    finally:
        # Ends what is under way: nobody waits for it any more.
        client.close()


def client_for(config: Config, cipher: TokenCipher, store: Store) -> StoreClient:
    """The store's API, for questions that end in time; ``ConfigError`` if the token cannot be decrypted."""
    return StoreClient(
        transport_to(config, store.store_hash, cipher.decrypt(store.access_token), timeout_s=ANSWERS_WITHIN_S)
    )


_Answer = Reply[Any] | BigCommerceError


class Asking:
    """Questions in threads of their own: not even a look-up of the host's name holds up who waits."""

    def __init__(self, client: StoreClient, ends_at: float) -> None:
        self._client = client
        self._ends_at = ends_at
        self._done: SimpleQueue[tuple[str, Reply[Any] | Exception]] = SimpleQueue()
        self._open = 0
        self.skews_s: list[float] = []
        self.quota: Quota | None = None

    def ask(self, name: str, question: Callable[[StoreClient], Reply[Any]]) -> None:
        """Send it off."""
        self._open += 1
        # A daemon: a request under way must not hold up the end of the process.
        threading.Thread(target=self._work, args=(name, question), name="bigcommerce-check", daemon=True).start()

    def next(self) -> tuple[str, _Answer] | None:
        """What one question has come to; None when all have, or the time is up. Raises what no store answers."""
        if self._open == 0:
            return None
        try:
            name, answer = self._done.get(timeout=max(0.0, self._ends_at - time.monotonic()))
        except Empty:
            return None
        self._open -= 1
        if isinstance(answer, Reply):
            self._note(answer)
        elif not isinstance(answer, BigCommerceError):
            raise answer
        return name, answer

    def _work(self, name: str, question: Callable[[StoreClient], Reply[Any]]) -> None:
        try:
            self._done.put((name, question(self._client)))
        except Exception as error:  # noqa: BLE001 - raised or told by who waits
            self._done.put((name, error))

    def _note(self, reply: Reply[Any]) -> None:
        """What its headers tell."""
        ago_s = time.monotonic() - reply.received_at + reply.elapsed_s
        begun_at = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago_s)
        if reply.told_at is not None:
            self.skews_s.append((reply.told_at.replace(microsecond=0) - begun_at).total_seconds())
        # Answers overtake each other: the least that any of them has left is what is left.
        told = [quota for quota in (self.quota, reply.quota) if quota is not None]
        self.quota = min(told, key=lambda quota: math.inf if quota.left is None else quota.left, default=None)


def _gather(asking: Asking, store: Store, *, counts: bool) -> dict[str, _Answer]:
    """All answers by the name of the question; ``…_since`` are the counts, ``zone`` what stood in their way."""
    came: dict[str, _Answer] = {}
    asking.ask("store", lambda client: client.store_info())
    for resource in _REQUIRED:
        asking.ask(resource.name, _number(resource, ALL_DATES))
    while (answered := asking.next()) is not None:
        name, answer = answered
        came[name] = answer
        if name == "store" and counts and isinstance(answer, Reply):
            try:
                since = start_of_day(store.start_date, answer.value.timezone)
            except UnexpectedAnswer as error:
                came["zone"] = error
                continue
            for resource in _REQUIRED:
                dates = resource.dates("initial", Span(since, since))
                asking.ask(f"{resource.name}_since", _number(resource, dates))
    return came


def _number(resource: Resource, dates: DateFilter) -> Callable[[StoreClient], Reply[Any]]:
    """What asks for the number of records of these dates, or for the highest id, with which it comes."""
    if resource.reader.counts_apart:
        return lambda client: client.count(resource, dates)
    return lambda client: client.highest(resource, dates)


def _believed(came: Mapping[str, _Answer]) -> dict[str, _Answer]:
    """The answers, with what an unconfirmed one means in its place where the others agree."""
    has_reply = any(isinstance(answer, Reply) for answer in came.values())
    return {
        name: answer.verdict
        if isinstance(answer, Unconfirmed) and _is_believed(answer, came, has_reply=has_reply)
        else answer
        for name, answer in came.items()
    }


def _is_believed(answer: Unconfirmed, came: Mapping[str, _Answer], *, has_reply: bool) -> bool:
    """What concerns the whole store must be what ``/v2/store`` answers too, and twice if a web page says it."""
    if not isinstance(answer.verdict, ConnectionBroken):
        return answer.is_own
    same = {
        name
        for name, other in came.items()
        if isinstance(other, Unconfirmed) and type(other.verdict) is type(answer.verdict)
    }
    is_agreed = "store" in same or "store" not in came
    return not has_reply and is_agreed and (answer.is_own or len(same) > 1)


def _report(came: Mapping[str, _Answer], asking: Asking, store: Store, *, counts: bool) -> Report:
    unreached = _unreached(came)
    if unreached is not None:
        return Report(message=unreached)
    report = Report(quota=asking.quota)
    _tell_access(report, came)
    _tell_scopes(report, came)
    _tell_store(report, came, store)
    if counts:
        _tell_counts(report, came)
    is_answered = any(isinstance(answer, Reply) for answer in came.values())
    if asking.skews_s:
        # Whole seconds are cut off twice, from the header and from the begin: a second too early, give or take one.
        report.clock_skew_s = round(_agreed_skew_s(asking.skews_s) + 1.0)
    else:
        report.reasons["clock_skew_s"] = report.reasons.get("is_token_accepted", _NO_DATE if is_answered else LATE)
    if report.quota is None:
        report.reasons["quota"] = _NOT_TOLD if is_answered else report.reasons["clock_skew_s"]
    return report


def _agreed_skew_s(skews_s: Sequence[float]) -> float:
    """The greatest of those that agree with the middle one: a single answer with a wrong date says nothing."""
    middle = statistics.median_low(skews_s)
    return max(skew for skew in skews_s if abs(skew - middle) <= SKEWS_AGREE_S)


def _unreached(came: Mapping[str, _Answer]) -> str | None:
    """Why the store could not be asked, if no question came to anything that would not pass by itself."""
    if any(not isinstance(answer, RetryLater) for answer in came.values()):
        return None
    return str(came["store"] if "store" in came else next(iter(came.values()), LATE))


def _tell_access(report: Report, came: Mapping[str, _Answer]) -> None:
    """Whether the token is accepted, and the store there."""
    has_reply = any(isinstance(answer, Reply) for answer in came.values())
    told = {type(answer): str(answer) for answer in came.values() if isinstance(answer, BigCommerceError)}
    if TokenRejected in told:
        report.is_token_accepted = False
        report.reasons["is_token_accepted"] = told[TokenRejected]
    elif has_reply or ScopeMissing in told:
        report.is_token_accepted = True
    else:
        report.reasons["is_token_accepted"] = next(iter(told.values()), LATE)
    if StoreNotFound in told:
        report.is_store_hash_right = False
        report.reasons["is_store_hash_right"] = told[StoreNotFound]
    elif has_reply:
        report.is_store_hash_right = True  # a token is of one store


def _tell_scopes(report: Report, came: Mapping[str, _Answer]) -> None:
    unknown = []
    for name, scope in _SCOPE_OF.items():
        answers = [came.get(name), came.get(f"{name}_since")]
        if any(isinstance(answer, ScopeMissing) for answer in answers):
            report.missing_scopes.append(scope)
        elif not any(isinstance(answer, Reply) for answer in answers):
            unknown.append(scope)
    if unknown:
        report.reasons["missing_scopes"] = f"Could not be found out: {', '.join(unknown)}."


def _tell_store(report: Report, came: Mapping[str, _Answer], store: Store) -> None:
    """What the store says of itself."""
    answer = came.get("store")
    missing = LATE if answer is None else _NOT_TOLD if isinstance(answer, Reply) else str(answer)
    if isinstance(answer, Reply):
        info = answer.value
        report.store_name, report.plan = info.name or None, info.plan_name or info.plan_level or None
        report.currency, report.timezone = info.currency or None, info.timezone
        if info.id and info.id.lower() != store.store_hash.lower():
            report.is_store_hash_right = False
            report.reasons["is_store_hash_right"] = f"The store says that its hash is {info.id!r}."
    for name in ("store_name", "plan", "currency", "timezone", "is_store_hash_right"):
        if getattr(report, name) is None:
            report.reasons[name] = missing
    if "zone" in came:
        report.reasons["timezone"] = str(came["zone"])


def _tell_counts(report: Report, came: Mapping[str, _Answer]) -> None:
    """How many products and orders a refresh would bring."""
    for resource in _REQUIRED:
        name = resource.name
        answer = came.get(f"{name}_since")
        if isinstance(answer, Reply):
            count: int | None = answer.value if resource.reader.counts_apart else answer.value.total
            report.counts[name] = count
            if count is None:
                report.reasons[name] = _NOT_TOLD
            continue
        refusal = next((each for each in (answer, came.get(name)) if isinstance(each, BigCommerceError)), None)
        if refusal is not None:
            report.reasons[name] = str(refusal)
        elif "timezone" in report.reasons:
            report.reasons[name] = f"Not known without the store's time zone. {report.reasons['timezone']}"
        else:
            report.reasons[name] = LATE
