"""The report on a store: what its answers prove, and the reason for everything that they do not."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..client.api import INFORMATION_SCOPE, Reply
from ..client.http.rate_limit import Quota
from ..errors import BigCommerceError, RetryLater, ScopeMissing, StoreNotFound, TokenRejected
from ..resources.base import Resource
from .queries import LATE, Answer, Store, StoreQueries

_NOT_INCLUDED = "The store's answer does not include it."
_NO_DATE = "The store's answers carry no date that can be right."
_STORE = ("store_name", "plan", "currency", "timezone")
_FOUND = ("is_token_accepted", "is_store_hash_right", "missing_scopes", *_STORE, "clock_skew_s")
SKEWS_AGREE_S = 2.0


@dataclass
class Report:
    """What was found out; a field that is None has its reason in ``reasons``, by its name.

    Where the store could not be queried at all, ``message`` alone is the reason for everything that is None.
    ``missing_scopes`` are those that are known to be missing; if there may be more, ``reasons`` has the reason.
    """

    # Those that a store must have.
    collections: Sequence[str]
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
        """What was found out, by name, without the reasons."""
        quota = self.quota
        return {
            "is_ready": self.is_ready,
            **{name: getattr(self, name) for name in _FOUND},
            "quota": quota
            and {
                "limit": quota.limit,
                "left": quota.left,
                "window_s": quota.window_s,
                "resets_in_s": quota.reset_s,
            },
            **{name: self.counts.get(name) for name in self.collections},
        }


def report_of(
    answers: Mapping[str, Answer],
    queries: StoreQueries,
    store: Store,
    required: Sequence[Resource],
    *,
    counts: bool,
) -> Report:
    """What the answers, by the names of their queries, prove about the store."""
    report = Report([each.name for each in required], message=_unreached(answers))
    if report.message is not None:
        return report
    report.quota = queries.quota
    _report_access(report, answers)
    _report_scopes(report, answers, required)
    _report_store(report, answers, store)
    if counts:
        _report_counts(report, answers, required)
    is_answered = any(isinstance(answer, Reply) for answer in answers.values())
    if queries.skews_s:
        # Whole seconds are cut off twice, from the header and from the begin: a second too early, give or take one.
        report.clock_skew_s = round(_agreed_skew_s(queries.skews_s) + 1.0)
    else:
        report.reasons["clock_skew_s"] = report.reasons.get("is_token_accepted", _NO_DATE if is_answered else LATE)
    if report.quota is None:
        report.reasons["quota"] = _NOT_INCLUDED if is_answered else report.reasons["clock_skew_s"]
    return report


def _agreed_skew_s(skews_s: Sequence[float]) -> float:
    """The greatest of those that agree with the middle one: a single answer with a wrong date proves nothing."""
    middle = statistics.median_low(skews_s)
    return max(skew for skew in skews_s if abs(skew - middle) <= SKEWS_AGREE_S)


def _unreached(answers: Mapping[str, Answer]) -> str | None:
    """Why the store could not be queried, if every query ended in an error that may pass by itself."""
    if any(not isinstance(answer, RetryLater) for answer in answers.values()):
        return None
    return str(answers["store"] if "store" in answers else next(iter(answers.values()), LATE))


def _report_access(report: Report, answers: Mapping[str, Answer]) -> None:
    """Whether the token is accepted, and whether the store exists."""
    has_reply = any(isinstance(answer, Reply) for answer in answers.values())
    errors = {type(answer): str(answer) for answer in answers.values() if isinstance(answer, BigCommerceError)}
    if TokenRejected in errors:
        report.is_token_accepted = False
        report.reasons["is_token_accepted"] = errors[TokenRejected]
    elif has_reply or ScopeMissing in errors:
        report.is_token_accepted = True
    else:
        report.reasons["is_token_accepted"] = next(iter(errors.values()), LATE)
    if StoreNotFound in errors:
        report.is_store_hash_right = False
        report.reasons["is_store_hash_right"] = errors[StoreNotFound]
    elif has_reply:
        report.is_store_hash_right = True  # a token is of one store


def _report_scopes(report: Report, answers: Mapping[str, Answer], required: Sequence[Resource]) -> None:
    unknown = []
    for name, scope in (("store", INFORMATION_SCOPE), *((each.name, each.scope) for each in required)):
        found = [answers.get(name), answers.get(f"{name}_since")]
        if any(isinstance(answer, ScopeMissing) for answer in found):
            report.missing_scopes.append(scope)
        elif not any(isinstance(answer, Reply) for answer in found):
            unknown.append(scope)
    if unknown:
        report.reasons["missing_scopes"] = f"Could not be found out: {', '.join(unknown)}."


def _report_store(report: Report, answers: Mapping[str, Answer], store: Store) -> None:
    """How the store describes itself."""
    answer = answers.get("store")
    missing = LATE if answer is None else _NOT_INCLUDED if isinstance(answer, Reply) else str(answer)
    if isinstance(answer, Reply):
        info = answer.value
        report.store_name, report.plan = info.name or None, info.plan_name or info.plan_level or None
        report.currency, report.timezone = info.currency or None, info.timezone
        if info.id and info.id.lower() != store.store_hash.lower():
            report.is_store_hash_right = False
            report.reasons["is_store_hash_right"] = f"The store says that its hash is {info.id!r}."
    for name in (*_STORE, "is_store_hash_right"):
        if getattr(report, name) is None:
            report.reasons[name] = missing
    if "zone" in answers:
        report.reasons["timezone"] = str(answers["zone"])


def _report_counts(report: Report, answers: Mapping[str, Answer], required: Sequence[Resource]) -> None:
    """How many records of each collection a refresh would bring."""
    for resource in required:
        name = resource.name
        answer = answers.get(f"{name}_since")
        if isinstance(answer, Reply):
            count: int | None = answer.value if resource.asked_by.counts_apart else answer.value.total
            report.counts[name] = count
            if count is None:
                report.reasons[name] = _NOT_INCLUDED
            continue
        refusal = next((each for each in (answer, answers.get(name)) if isinstance(each, BigCommerceError)), None)
        if refusal is not None:
            report.reasons[name] = str(refusal)
        elif "timezone" in report.reasons:
            report.reasons[name] = f"Not known without the store's time zone. {report.reasons['timezone']}"
        else:
            report.reasons[name] = LATE
