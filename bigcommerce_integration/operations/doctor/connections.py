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
from .deployment import Deployment, name_of
from .results import Result

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
    reports, asked = _reports(deployment, stores)
    results = [result for store in stores if (report := reports.get(store.id)) for result in judge(store, report)]
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


def judge(store: IntegrationInstance, report: Report) -> list[Result]:
    """Whether a refresh has all that it needs, and whether the store's clock can be believed."""
    name, skew_s = name_of(store), report.clock_skew_s or 0
    if not report.is_ready:
        what, remedy = _broken(report)
        # A store that is silent is asked again by itself.
        is_silent = report.message is not None
        return [Result(_NAME, "failure", f"{name}: {what}", remedy, can_wait=is_silent, instance_id=store.id)]
    if abs(skew_s) > TOLERANCE.total_seconds():
        text = f"{name}: its clock and this machine's are {abs(skew_s)} s apart."
        return [Result(_NAME, "warning", text, "Set this machine's clock (NTP).", instance_id=store.id)]
    if changes := _changes(store, report):
        text = f"{name}: {changes}"
        remedy = f"Run `flask bigcommerce check {store.id}`, which notes it; then ask whoever keeps the books."
        return [Result(_NAME, "warning", text, remedy, instance_id=store.id)]
    return [Result(_NAME, "ok", f"{name} can be read, all scopes are there.", instance_id=store.id)]


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


def _broken(report: Report) -> tuple[str, str]:
    """Why the store cannot be read, and what to do."""
    if report.message is not None:
        return report.message, _UNREACHED
    if report.is_store_hash_right is False:
        return report.reasons["is_store_hash_right"], "Correct the store hash, or reopen the store."
    if report.is_token_accepted is False:
        return report.reasons["is_token_accepted"], "Make a new token in the store and enter it here."
    if report.missing_scopes:
        text = f"its token lacks {', '.join(report.missing_scopes)}."
        return text, "Give its API account these scopes, or enter a token that has them."
    return " ".join(dict.fromkeys(report.reasons.values())), "Try again in a moment."
