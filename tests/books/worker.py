"""A worker module of a host with a journal, run by real processes: ``dramatiq tests.books.worker:broker``.

What it is to be comes from the environment, as for ``tests.worker_host``.
"""

from __future__ import annotations

import json
import os
import signal
from datetime import date
from pathlib import Path
from typing import Any

from ..worker_host import MODEL_OPTIONS, VARIABLE, WorkerHost
from .kit import JournalHost, host_app_with_journal

DIES, DIES_IN = "TEST_BOOKS_DIES", "TEST_BOOKS_DIES_IN"
"""The file that counts the deaths; and in one of how many calls a process kills itself."""


class Deadly(JournalHost):
    """Kills its process in some of the calls, when all is written and nothing is committed."""

    calls = 0

    def post_accounting(self, session: Any, instance: Any, posting: Any) -> str:
        said = super().post_accounting(session, instance, posting)
        Deadly.calls += 1
        if Deadly.calls % int(os.environ[DIES_IN]) == 0:
            with Path(os.environ[DIES]).open("a") as deaths:
                deaths.write(f"{os.getpid()} {posting.number}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return said

    def accounting_start(self, session: Any, instance: Any, kind: str) -> date:
        return date(2010, 1, 1)


if VARIABLE in os.environ:
    _host = WorkerHost(**json.loads(os.environ[VARIABLE]))
    broker = _host.broker()
    code = host_app_with_journal(model_options=MODEL_OPTIONS)
    app = code.create_app(
        _host.database_url,
        broker=broker,
        settings=_host.settings,
        host=code.host(Deadly, journal=code.Journal),  # type: ignore[attr-defined]
    )
