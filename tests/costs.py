"""A plugin that tells what tests cost in CPU seconds, their processes included: ``pytest -p tests.costs``."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

DEAREST = 20
KEY = "cpu_s"


def cpu_s() -> float:
    """What this process and its children that have ended have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Costs:
    """Measured where the tests run, and added up where they are reported."""

    def __init__(self) -> None:
        self._before = 0.0
        self._by_test: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """What was used to collect tests is no test's own."""
        self._before = cpu_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        """The report of each phase carries what was used in it."""
        report = yield
        now = cpu_s()
        report.user_properties.append((KEY, now - self._before))
        self._before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Reports come from all workers."""
        used = [value for key, value in report.user_properties if key == KEY]
        self._by_test[report.nodeid] += sum(used)  # type: ignore[assignment, arg-type]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The sum, the tests that cost most, and what each directory costs."""
        terminalreporter.section(f"{self._by_test.total():.0f} CPU seconds in {len(self._by_test)} tests, the dearest:")
        by_room: Counter[str] = Counter()
        for name, cost in self._by_test.items():
            by_room[name.split("::")[0].rpartition("/")[0]] += cost  # type: ignore[assignment]
        for name, cost in [*self._by_test.most_common(DEAREST), *by_room.most_common()]:
            terminalreporter.write_line(f"{cost:8.2f} s  {name}")


def pytest_configure(config: pytest.Config) -> None:
    """Beside each session, be it one that reports or one of its workers."""
    config.pluginmanager.register(Costs(), "costs")
