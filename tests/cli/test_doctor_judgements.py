"""What the doctor decides from facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bigcommerce_integration.config import Config
from bigcommerce_integration.encryption import ProxyUrl
from bigcommerce_integration.models import tables
from bigcommerce_integration.operations.doctor.connections import judge_clocks
from bigcommerce_integration.operations.doctor.database import (
    Settings,
    Stored,
    judge_clock,
    judge_tables,
    judge_transactions,
)
from bigcommerce_integration.operations.doctor.results import Result, first_step
from bigcommerce_integration.operations.doctor.workers import Facts, WorkerNote, judge
from bigcommerce_integration.operations.findings.remedy import wait_text
from bigcommerce_integration.version import __version__


def settings(**changes: Any) -> Settings:
    given = {"driver": "x", "isolation": "READ COMMITTED", "idle_limit_s": 300.0, "is_pinged": True, "is_server": True}
    return Settings(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "outcomes"),
    [
        ({}, ["ok"]),
        ({"idle_limit_s": None, "is_server": False, "is_pinged": False}, ["ok"]),
        ({"isolation": "AUTOCOMMIT"}, ["failure"]),
        ({"isolation": "READ UNCOMMITTED"}, ["failure"]),
        ({"idle_limit_s": 0.0}, ["warning"]),
        ({"idle_limit_s": 86400.0}, ["warning"]),
        ({"idle_limit_s": 0.0, "is_pinged": False}, ["warning", "warning"]),
    ],
)
def test_connections_that_break_promises(changes: dict[str, Any], outcomes: list[str]) -> None:
    assert [each.outcome for each in judge_transactions(settings(**changes))] == outcomes


@pytest.mark.parametrize(("skew_s", "outcome"), [(0.2, "ok"), (-59.0, "ok"), (61.0, "warning"), (-3600.0, "warning")])
def test_clocks_may_be_a_minute_apart(skew_s: float, outcome: str) -> None:
    assert judge_clock(skew_s).outcome == outcome


@pytest.mark.parametrize(
    ("store_skew_s", "database_skew_s", "says", "cure"),
    [
        (5400, 0.1, "its clock is 90 min ahead of those of this machine and the database", "nothing to do"),
        (-300, -0.1, "its clock is 5 min behind those of this machine and the database", "nothing to do"),
        (300, 301.0, "this machine's clock is 5 min behind those of the store and the database", "this machine's"),
        (-300, -299.0, "this machine's clock is 5 min ahead of those of the store and the database", "this machine's"),
        (300, -300.0, "its clock is 5 min ahead of this machine's; the database's is 5 min behind it", "that is wrong"),
    ],
)
def test_the_odd_one_of_three_clocks_is_named(store_skew_s: int, database_skew_s: float, says: str, cure: str) -> None:
    what, remedy = judge_clocks(store_skew_s, database_skew_s)
    assert (says in what, cure in remedy) == (True, True), f"{what} {remedy}"


def test_a_missing_unique_constraint_is_a_failure() -> None:
    table = tables.refreshes
    names = {str(each.name) for each in (*table.indexes, *table.constraints)}
    assert (
        judge_tables([table], {(None, table.name): Stored(frozenset(table.c.keys()), frozenset(names))})[0].outcome
        == "ok"
    )
    without = Stored(frozenset(table.c.keys()), frozenset(names - {"uq_bigcommerce_refreshes_open_key"}))
    (result,) = judge_tables([table], {(None, table.name): without})
    assert (result.outcome, "uq_bigcommerce_refreshes_open_key" in result.message) == ("failure", True)
    assert judge_tables([table], {})[0].outcome == "failure"


MINE = Config(encryption_keys=("a", "b"))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"page_size": 7}, ["PAGE_SIZE"]),
        (
            {"encryption_keys": ("a",), "proxy_url": ProxyUrl("http://me:pass@proxy.example")},
            ["ENCRYPTION_KEYS", "PROXY_URL"],
        ),
        ({"encryption_keys": ("c",)}, ["ENCRYPTION_KEYS"]),
    ],
)
def test_a_fingerprint_tells_which_settings_differ(changes: dict[str, Any], names: list[str]) -> None:
    fingerprint = replace(MINE, **changes).fingerprint()
    assert MINE.differing(fingerprint) == [f"BIGCOMMERCE_{name}" for name in names]
    assert "pass" not in fingerprint


def facts(**changes: Any) -> Facts:
    running = [WorkerNote("host:1:a", __version__, MINE.fingerprint())]
    given = {"is_needed": True, "tick_s_ago": 1.0, "stuck_s": None, "running": running, "settings": MINE}
    return Facts(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "outcomes"),
    [
        ({}, ["ok"]),
        ({"running": [], "is_needed": False}, ["ok"]),
        ({"running": [], "tick_s_ago": None}, ["failure"]),
        ({"stuck_s": 301.0}, ["failure"]),
        ({"stuck_s": 299.0}, ["ok"]),
        ({"running": [WorkerNote("host:1:a", None, None)]}, ["warning"]),
        ({"running": [WorkerNote("host:1:a", __version__, None)]}, ["ok"]),
        ({"running": [WorkerNote("host:1:a", __version__, replace(MINE, slices=9).fingerprint())]}, ["warning"]),
    ],
)
def test_workers_that_do_not_run_or_get_on(changes: dict[str, Any], outcomes: list[str]) -> None:
    assert [each.outcome for each in judge(facts(**changes))] == outcomes


def test_the_first_step_is_what_cannot_wait() -> None:
    found = [
        Result("a", "warning", "A."),
        Result("b", "failure", "B."),
        Result("c", "failure", "C.", "Mend it.", can_wait=False),
        Result("d", "failure", "D.", can_wait=False),
    ]
    assert (
        first_step(found)
        == f"Do first: C. Mend it. {wait_text(can_wait=False)} Nothing that is stored is lost. 3 more after that."
    )
    assert first_step(found[:2]).startswith(f"Do first: B. {wait_text(can_wait=True)}")
    assert first_step([Result("a", "warning", "A.", verdict="Look now.")]) == "Do first: A. Look now."
    assert first_step([Result("a", "ok", "A.")]) == "All is well."
    assert first_step([Result("a", "skipped", "A.")]) == "All that was checked is well; 1 check was skipped."
