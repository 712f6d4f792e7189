"""The check of the stores themselves: all at once, as each may need its five seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from time import monotonic

from ...client.clock import TOLERANCE
from ...models.instances import IntegrationInstance
from ...store_check.report import Report
from ..context import Caller
from ..findings.finding import CONNECTION
from ..findings.gather import findings
from ..findings.remedy import since_text
from ..instances.verification import regional_in, report_on
from .database import clock_skew_s
from .deployment import Deployment, name_of
from .results import Result, duration

AT_ONCE = 16
WITHIN_S = 4.5
"""All of them: a bit less than a check has, so that those that have answered are told."""
_NAME = "connections"
_UNREACHED = "Look whether this machine reaches the store; its refreshes try again by themselves."


def connections(deployment: Deployment) -> list[Result]:
    """Ask every store whether it can be read; those that there was no time for are told too."""
    with deployment.session() as session:
        stores = [each for each in deployment.stores(session) if each.id not in deployment.keyless]
    if not stores:
        text = "no token can be opened" if deployment.keyless else "no store is connected"
        return [Result(_NAME, "skipped", text)]
    database_skew_s = clock_skew_s(deployment)
    reports, asked = _reports(deployment, stores)
    results = [
        result
        for store in stores
        if (report := reports.get(store.id))
        for result in judge(store, report, database_skew_s)
    ]
    results += [_silent(store) for store in stores if store.id in asked - reports.keys()]
    deployment.unreadable |= {each.instance_id for each in results if each.outcome == "failure" and each.instance_id}
    results = list(_dated(deployment, stores, results))
    if late := [store.id for store in stores if store.id not in asked]:
        text = f"No time was left for the stores {', '.join(map(str, late[:20]))}: `--instance` asks one alone."
        results.append(Result(_NAME, "skipped", text))
    return results


def _dated(
    deployment: Deployment, stores: Sequence[IntegrationInstance], results: Sequence[Result]
) -> Iterator[Result]:
    """With since when each store cannot be read, as far as its refreshes have met that."""
    broken = [each for each in stores if each.id in deployment.unreadable]
    since: dict[int, datetime] = {}
    if broken:
        with deployment.session() as session:
            caller = Caller(deployment.state, session, "", None, has_shell=True)
            for each in findings(caller, broken):
                if each.code in CONNECTION and each.instance_id is not None and each.since is not None:
                    since[each.instance_id] = min(each.since, since.get(each.instance_id, each.since))
    for result in results:
        known = since_text(since.get(result.instance_id or 0)) if result.outcome == "failure" else ""
        yield replace(result, message=f"{result.message} {known}".strip())


def _silent(store: IntegrationInstance) -> Result:
    text = f"{name_of(store)}: the store did not answer within {WITHIN_S:g} seconds."
    return Result(_NAME, "failure", text, _UNREACHED, instance_id=store.id)


def _reports(deployment: Deployment, stores: list[IntegrationInstance]) -> tuple[dict[int, Report], set[int]]:
    """What the stores have answered by their ids, and which of them were asked in time to answer."""
    asked: set[int] = set()
    waiting: SimpleQueue[IntegrationInstance] = SimpleQueue()
    answered: SimpleQueue[tuple[int, Report]] = SimpleQueue()
    for store in stores:
        waiting.put(store)
    ends_at = monotonic() + WITHIN_S

    def work() -> None:
        while monotonic() < ends_at:
            try:
                store = waiting.get_nowait()
            except Empty:
                return
            if monotonic() < ends_at - WITHIN_S / 2:
                asked.add(store.id)
            answered.put((store.id, report_on(deployment.state, store, counts=False)))

    for _ in range(min(AT_ONCE, len(stores))):
        threading.Thread(target=work, name="bigcommerce-doctor-store", daemon=True).start()
    reports: dict[int, Report] = {}
    while len(reports) < len(stores):
        try:
            store_id, report = answered.get(timeout=max(0.0, ends_at - monotonic()))
        except Empty:
            return reports, asked | reports.keys()
        reports[store_id] = report
    return reports, asked | reports.keys()


def judge(store: IntegrationInstance, report: Report, database_skew_s: float) -> list[Result]:
    """Whether a refresh has all that it needs, and whether the store's clock can be believed.

    ``database_skew_s``: by how many seconds the database's clock is ahead of this machine's.
    """
    name, skew_s = name_of(store), report.clock_skew_s or 0
    if not report.is_ready:
        what, remedy = _broken(store, report)
        # A store that is silent is asked again by itself.
        is_silent = report.message is not None
        return [Result(_NAME, "failure", f"{name}: {what}", remedy, can_wait=is_silent, instance_id=store.id)]
    if abs(skew_s) > TOLERANCE.total_seconds():
        what, remedy = judge_clocks(skew_s, database_skew_s)
        return [Result(_NAME, "warning", f"{name}: {what}", remedy, instance_id=store.id)]
    if changes := _changes(store, report):
        text = f"{name}: {changes}"
        remedy = f"Run `flask bigcommerce check {store.id}`, which notes it; then ask whoever keeps the books."
        return [Result(_NAME, "warning", text, remedy, instance_id=store.id)]
    return [Result(_NAME, "ok", f"{name} can be read, all scopes are there.", instance_id=store.id)]


def judge_clocks(store_skew_s: float, database_skew_s: float) -> tuple[str, str]:
    """Which of three clocks is the odd one, and what to do; both are how far one is ahead of this machine's."""
    most_s = TOLERANCE.total_seconds()
    if abs(database_skew_s) <= most_s:
        text = f"its clock is {_ahead(store_skew_s)} those of this machine and the database, which agree."
        remedy = (
            "So the store's clock is probably wrong: then there is nothing to do, and refreshes lose nothing. Compare "
            "with the right time: if this machine's clock is the wrong one, set it (NTP)."
        )
        return text, remedy
    if abs(store_skew_s - database_skew_s) <= most_s:
        text = f"this machine's clock is {_ahead(-store_skew_s)} those of the store and the database, which agree."
        return text, "Set this machine's clock (NTP). Refreshes lose nothing meanwhile."
    text = f"its clock is {_ahead(store_skew_s)} this machine's; the database's is {_ahead(database_skew_s)} it."
    return text, "Compare each with the right time, and set the clock that is wrong (NTP). Refreshes lose nothing."


def _ahead(seconds: float) -> str:
    return f"{duration(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'}"


def _changes(store: IntegrationInstance, report: Report) -> str:
    """What the store says now of its time zone and its currency that no refresh has noted yet."""
    said = regional_in(report)
    found = (
        ("time zone", store.store_timezone, said.timezone),
        ("default currency", store.store_currency, said.currency),
    )
    return " ".join(
        f"its {what} was changed from {before} to {after}."
        for what, before, after in found
        if before is not None and after not in (None, before)
    )


def _broken(store: IntegrationInstance, report: Report) -> tuple[str, str]:
    """Why the store cannot be read, and what to do."""
    if report.message is not None:
        return report.message, _UNREACHED
    if report.is_store_hash_right is False:
        return report.reasons["is_store_hash_right"], "Correct the store hash, or reopen the store."
    if report.is_token_accepted is False:
        remedy = (
            "Make a new token in the store, under Settings › Store-level API accounts. Enter it on the page "
            f"/{store.id}/settings, or by PATCH /api/big-commerce/{store.id}."
        )
        return "the store does not accept the access token.", remedy
    if report.missing_scopes:
        text = f"its token lacks {', '.join(report.missing_scopes)}."
        one = len(report.missing_scopes) == 1
        remedy = (
            f"Give its API account {'this scope' if one else 'these scopes'}, or enter a token that has "
            f"{'it' if one else 'them'} on the page /{store.id}/settings."
        )
        return text, remedy
    return " ".join(dict.fromkeys(report.reasons.values())), "Try again in a moment."
