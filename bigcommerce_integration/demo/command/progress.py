"""Watching the two refreshes over HTTP until both have ended."""

from __future__ import annotations

import time
from typing import Any

from ..errors import WentWrong
from .http import Api
from .processes import Workers
from .terminal import Terminal

OPEN = ("pending", "processing")
_POLL_EVERY_S = 0.25
_LINE_EVERY_S = 2.0
_STALLS_AFTER_S = 180.0

Refresh = dict[str, Any]


def watch(
    api: Api, terminal: Terminal, instance_id: int, refresh_ids: list[int], workers: Workers | None
) -> list[Refresh]:
    """The refreshes when they have ended; ``WentWrong`` if nothing moves for minutes or the workers are gone."""
    line = _Lines(terminal)
    seen: object = None
    moved_at = time.monotonic()
    while True:
        refreshes = [api.get(f"/api/big-commerce/{instance_id}/refreshes/{each}")["data"] for each in refresh_ids]
        is_over = all(refresh["status"] not in OPEN for refresh in refreshes)
        line.show(refreshes, is_over=is_over)
        if is_over:
            return refreshes
        if refreshes != seen:
            seen, moved_at = refreshes, time.monotonic()
        if time.monotonic() - moved_at > _STALLS_AFTER_S:
            log = "" if workers is None else workers.log_tail()
            raise WentWrong(f"Nothing has moved for {_STALLS_AFTER_S:.0f} seconds.\n{log}".rstrip())
        if workers is not None:
            workers.require_alive()
        time.sleep(_POLL_EVERY_S)


class _Lines:
    """Bars that move where the terminal allows it, else a line now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._printed_at = time.monotonic()
        self._printed: list[str] = []

    def show(self, refreshes: list[Refresh], *, is_over: bool) -> None:
        lines = [self._line(refresh) for refresh in refreshes]
        if self._terminal.is_live:
            self._terminal.draw(lines)
            if is_over:
                self._terminal.keep_drawn()
        elif is_over or (lines != self._printed and time.monotonic() - self._printed_at >= _LINE_EVERY_S):
            self._printed_at, self._printed = time.monotonic(), lines
            for line in lines:
                self._terminal.print_line(line)

    def _line(self, refresh: Refresh) -> str:
        percentage = refresh["progress_percentage"] or 0
        results = refresh["results"]
        count = f"{results['fetched']:,}" + (f" of {results['total']:,}" if results["total"] is not None else "")
        has_more = refresh["message"] and refresh["status"] != "completed"
        status = f"{refresh['status']}: {refresh['message']}" if has_more else refresh["status"]
        bar = self._terminal.bar(percentage)
        return f"  {refresh['resource']:<9}{bar} {percentage:3d} %  {count:<16}  {status}"
