"""What is found of the refreshes of one collection of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ...client.http.failures import TOO_MANY_REQUESTS
from ...errors import RefreshCode
from ...refresh.read.slice import ASKED_AGAIN, QUOTA_USED_UP
from ..health import ResourceHealth
from .finding import Action, Finding, FindingCode, Severity
from .standing import Standing

LATE_INTERVALS = 3
LATE_AT_LEAST_S = 900.0
"""A collection that was not brought up to date for so long, and so many intervals of the automatic sync, is overdue."""
_CONNECTION = (RefreshCode.TOKEN_REJECTED, RefreshCode.STORE_NOT_FOUND, RefreshCode.OTHER_STORE)
_CURES: Mapping[str, str] = {
    RefreshCode.HOST_REFUSED: (
        "This error comes from your own code, not from the store: mend it there, then let the refresh go on."
    ),
    RefreshCode.UNEXPECTED_ANSWER: "Mend what the answer of the store says, then let the refresh go on.",
    RefreshCode.WORKERS_DIED: (
        "Find out in the log of the workers' machine what ends them, such as too little memory; then let the refresh "
        "go on."
    ),
}
"""What a person does about a failure that one more attempt never mends."""
_Made = Callable[..., Finding]


def of_resource(standing: Standing, resource: ResourceHealth, make: _Made) -> Iterator[Finding]:
    """One of scope, failure and delay at most; and what was held back, and what the open refresh waits for."""
    name = resource.resource
    if resource.held_back is not None:
        yield _held_back(resource, make)
    if resource.drifted is not None:
        yield _drifted(resource, make)
    if standing.health.has_worker:
        # Without one, nothing goes on by itself.
        yield from _waits(resource, make)
    if resource.off_reason is not None:
        yield _scope_missing(name, make, since=None, is_whole=False)
    elif resource.is_failing:
        yield from _failed(standing, resource, make)
    elif _is_overdue(standing, resource):
        yield _overdue(resource, make)


def _held_back(resource: ResourceHealth, make: _Made) -> Finding:
    held_back: Any = resource.held_back
    name, row = resource.resource, held_back.row
    opened = resource.open_refresh
    is_tried = opened is not None and opened.row.mode == "full" and opened.row.id > row.id
    # Its first sentence has the numbers.
    counted = (row.message or "").partition(". ")[0].removesuffix(".")
    numbers = f" {counted}." if counted else ""
    text = (
        f"A refresh of {name} found that far more is gone than is usual, so it deleted nothing.{numbers} New and "
        "changed records still come in. A person should look at the store; if the records were deleted on purpose, "
        "allow the deletion."
    )
    severity: Severity = "wait" if is_tried else "person"
    its = _of(row, name)
    return make(
        FindingCode.DELETION_HELD_BACK, severity, text, since=row.finished_at, action=Action.ALLOW_DELETION, **its
    )


def _drifted(resource: ResourceHealth, make: _Made) -> Finding:
    drifted: Any = resource.drifted
    row = drifted.row
    count = row.created + row.updated + row.deleted
    what = f"1 record of the {resource.resource} is" if count == 1 else f"{count:,} of the {resource.resource} are"
    text = (
        f"A comparison found that {what} not as in the store. Nothing was changed. See which, then repair them: they "
        "are read again from the store."
    )
    its = _of(row, resource.resource)
    return make(FindingCode.DRIFT_FOUND, "person", text, since=row.finished_at, action=Action.REPAIR, **its)


def _of(row: Any, name: str) -> dict[str, Any]:
    """What a finding about this refresh of the collection has in common with others."""
    return {"link": f"refreshes/{row.id}", "resource": name, "refresh_id": row.id}


def _scope_missing(
    name: str, make: _Made, *, since: datetime | None, is_whole: bool, is_tried: bool = False
) -> Finding:
    goes_on = "" if is_whole else " The other records are not affected."
    tried = " Another attempt is under way; without such a token it fails too." if is_tried else ""
    text = (
        f"The access token may not read {name}, so no new {name} come.{goes_on} Nothing is lost: enter a token of an "
        f"API account that may, and what was missed is fetched.{tried}"
    )
    return make(
        FindingCode.SCOPE_MISSING, "person", text, since=since, action=Action.NEW_TOKEN, link="settings", resource=name
    )


def _failed(standing: Standing, resource: ResourceHealth, make: _Made) -> Iterator[Finding]:
    failure: Any = resource.last_failure
    name, row = resource.resource, failure.row
    since = standing.counts.failing.get(name) or row.finished_at
    if standing.instance.status != "active" or row.error_code == RefreshCode.MASS_DELETION:
        # It is said of the whole store, or as a deletion that is held back.
        return
    is_tried = resource.open_refresh is not None
    if row.error_code == RefreshCode.SCOPE_MISSING:
        yield _scope_missing(name, make, since=since, is_whole=True, is_tried=is_tried)
        return
    is_repeated = since < row.finished_at
    severity, follows = _after_failure(standing, resource, row.error_code, is_repeated=is_repeated)
    text = f"The last refresh of {name} failed: {row.message} {follows} What is stored stays, and nothing is lost."
    action = Action.RETRY if not is_tried or severity == "person" else Action.NONE
    yield make(FindingCode.REFRESH_FAILED, severity, text, since=since, action=action, **_of(row, name))


def _after_failure(
    standing: Standing, resource: ResourceHealth, code: str | None, *, is_repeated: bool
) -> tuple[Severity, str]:
    """``is_repeated``: not the first that failed since the last success, so that one more attempt mends nothing.

    A broken connection is not told here while it stands. With another attempt under way, somebody has mended it.
    """
    passes = code == RefreshCode.STORE_UNAVAILABLE
    cure = _CURES.get(code or "")
    if resource.open_refresh is not None:
        if cure is not None:
            return "person", f"{cure} Another attempt is under way; it fails too as long as the cause is there."
        if is_repeated and not passes:
            return "person", "Those before it failed too. Another one is under way. This stays so until a person acts."
        return "wait", "Another one is under way."
    if passes and standing.instance.is_automatic_sync_enabled:
        return "wait", "The next one begins by itself."
    return "person", cure or "This stays so until a person acts."


def _is_overdue(standing: Standing, resource: ResourceHealth) -> bool:
    """Whether sync is on, and the last success is long ago; without a worker that alone is what is wrong."""
    is_on = standing.instance.is_automatic_sync_enabled and standing.instance.status == "active"
    late_s = max(LATE_AT_LEAST_S, LATE_INTERVALS * standing.sync_interval_s)
    return is_on and standing.health.has_worker and resource.age_s is not None and resource.age_s > late_s


def _overdue(resource: ResourceHealth, make: _Made) -> Finding:
    name, opened, success = resource.resource, resource.open_refresh, resource.last_success
    minutes = round((resource.age_s or 0) / 60)
    text = f"The {name} were last brought up to date {_spoken(minutes)} ago, later than usual. Nothing is lost."
    since = success and success.row.finished_at
    if opened:
        text += " A refresh is under way."
        return make(FindingCode.REFRESH_OVERDUE, "wait", text, since=since, **_of(opened.row, name))
    text += " A worker runs, but begins no refresh: let an engineer look at its log."
    its = {"action": Action.REFRESH, "link": "refreshes", "resource": name}
    return make(FindingCode.REFRESH_OVERDUE, "person", text, since=since, **its)


def _waits(resource: ResourceHealth, make: _Made) -> Iterator[Finding]:
    """What the open refresh waits for; all of it mends itself."""
    opened = resource.open_refresh
    if opened is None:
        return
    row, message = opened.row, opened.row.message or ""
    # While it asks again it waits no longer, and has not got on either.
    is_waiting = row.stalled_at is not None or (row.resume_at is not None and row.resume_at > row.now)
    which = {"since": row.stalled_at or row.started_at or row.created_at, **_of(row, resource.resource)}
    if opened.trouble is not None:
        text = f"The refresh of {resource.resource} goes on by itself after an error; nothing is lost. {opened.trouble}"
        yield make(FindingCode.RETRYING, "wait", text, **which)
    elif is_waiting and (QUOTA_USED_UP in message or TOO_MANY_REQUESTS in message):
        text = (
            f"The store's quota of requests is used up for now, so the refresh of {resource.resource} waits. It goes "
            "on by itself; nothing is lost."
        )
        yield make(FindingCode.WAITING_FOR_QUOTA, "wait", text, **which)
    elif is_waiting and ASKED_AGAIN in message:
        text = (
            f"The refresh of {resource.resource} waits for the store and goes on by itself; nothing is lost. {message}"
        )
        yield make(FindingCode.STORE_UNREACHABLE, "wait", text, **which)


def _spoken(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
