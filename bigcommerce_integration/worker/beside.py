"""What may take long, done beside the tick: each in a thread of its own, one at a time in each process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from flask import Flask

from ..app_state import State, engine_of
from ..refresh.job.context import Engine

log = logging.getLogger(__name__)

EVERY_S = 15.0
Work = Callable[[State, Engine], None]
"""Gets the state and an engine in an app context, and commits in sessions of its own."""


class Beside:
    """Does ``work`` every ``every_s`` at most (None: ``EVERY_S``); what hangs in it holds up no tick.

    What it raises is logged: ``what`` is the subject of the sentence. ``reports`` says what it has logged itself: a
    table that is missing.
    """

    def __init__(
        self, work: Work, reports: Callable[[Exception], bool], *, what: str, every_s: float | None = None
    ) -> None:
        self._work = work
        self._reports = reports
        self._what = what
        self._every_s = every_s
        self._thread: threading.Thread | None = None
        self._begin_at = 0.0

    def begin(self, app: Flask, state: State, stopping: threading.Event) -> None:
        """Begin in the thread, unless it is still at it or has been lately."""
        if time.monotonic() < self._begin_at or (self._thread is not None and self._thread.is_alive()):
            return
        self._begin_at = time.monotonic() + (EVERY_S if self._every_s is None else self._every_s)
        # A daemon, as a host's method that does not return must not hold up the end of the process.
        self._thread = threading.Thread(
            target=self._do, args=(app, state, stopping), name=f"bigcommerce-{self._what.lower()}", daemon=True
        )
        self._thread.start()

    def join(self, within_s: float) -> None:
        """Wait for its end, but not for ever."""
        if self._thread is not None:
            self._thread.join(within_s)

    def do(self, state: State, engine: Engine) -> None:
        """Do it now, in this thread; raises what it raises."""
        self._work(state, engine)

    def _do(self, app: Flask, state: State, stopping: threading.Event) -> None:
        try:
            with app.app_context():
                self.do(state, engine_of(state, stopping))
        except Exception as error:  # noqa: BLE001 - it is done again soon
            if not self._reports(error):
                action = self._what.lower()
                log.warning("%s will be tried again: %s.", self._what, type(error).__name__, extra={"action": action})
