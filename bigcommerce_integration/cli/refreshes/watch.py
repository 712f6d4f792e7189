"""Watch refreshes until they have ended."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from ...models.refreshes import OPEN
from ...operations.context import RequestContext
from ...operations.queries import RefreshView
from ...operations.refreshes import list_refreshes, refresh_now
from ..command import FAILED, INTERRUPTED, command, context_of, line_for
from ..output import coloured, duration, harmless

POLL_EVERY_S = 0.5
LINE_EVERY_S = 5.0
_BAR_WIDTH, _AROUND_THE_BAR = 12, 13


@command("watch")
@click.argument("instance_id", metavar="INSTANCE", type=int)
def watch_command(instance_id: int) -> None:
    """Show the progress of a store's open refreshes, and of those that follow them, until all have ended."""
    context = context_of(instance_id)
    seen: set[int] = set()
    while ids := [each for each in open_refreshes(context) if each not in seen]:
        seen.update(ids)
        watch(context, ids)
    if not seen:
        click.echo("No refresh is open.")


def open_refreshes(context: RequestContext) -> list[int]:
    """The ids of those of the instance that have not ended, the oldest first."""
    found = [each for status in OPEN for each in list_refreshes(context, page=1, per_page=100, status=status)[0]]
    return sorted(each.row.id for each in found)


def watch(context: RequestContext, refresh_ids: Sequence[int]) -> None:
    """Show one after the other; ends the command with 1 if one did not complete, with 130 after Ctrl-C."""
    try:
        ended = [_watched(context, each) for each in refresh_ids]
    except KeyboardInterrupt:
        names = "The refresh goes" if len(refresh_ids) == 1 else "The refreshes go"
        again = line_for(f"watch {context.instance.id}")
        click.echo(f"\n{names} on in the workers. To watch again: {again}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if any(each.row.status != "completed" for each in ended):
        raise click.exceptions.Exit(FAILED)


def _watched(context: RequestContext, refresh_id: int) -> RefreshView:
    view = refresh_now(context, refresh_id)
    view = (_bar if sys.stderr.isatty() else _lines)(context, view)
    click.echo(f"{_name(view)} {coloured(view.row.status)}. {harmless(view.message or '')}".strip())
    return view


def _bar(context: RequestContext, view: RefreshView) -> RefreshView:
    """In place, on the terminal."""
    options: dict[str, Any] = {"show_eta": False, "width": _BAR_WIDTH, "file": sys.stderr, "update_min_steps": 0}
    with click.progressbar(length=100, label=view.row.resource, item_show_func=lambda text: text, **options) as bar:
        while True:
            room = shutil.get_terminal_size().columns - len(view.row.resource) - _BAR_WIDTH - _AROUND_THE_BAR
            bar.update((view.percentage or 0) - bar.pos, _cut(_described(view), room))
            if view.row.status not in OPEN:
                return view
            time.sleep(POLL_EVERY_S)
            view = refresh_now(context, view.row.id)


def _lines(context: RequestContext, view: RefreshView) -> RefreshView:
    """A line now and then: the output goes to a file or to another program."""
    printed, printed_at = "", 0.0
    while view.row.status in OPEN:
        line = f"{_name(view)} {view.percentage or 0} %  {_described(view)}"
        if line != printed and time.monotonic() - printed_at >= LINE_EVERY_S:
            printed, printed_at = line, time.monotonic()
            click.echo(line, err=True)
        time.sleep(POLL_EVERY_S)
        view = refresh_now(context, view.row.id)
    return view


def _name(view: RefreshView) -> str:
    return f"Refresh {view.row.id} ({view.row.resource})"


def _described(view: RefreshView) -> str:
    """What is being done, how fast, and how long it takes yet."""
    text, speed = harmless(view.message or "Waiting for a worker."), view.speed
    if view.row.status != "processing" or view.row.phase != "walk" or speed.records_per_s is None:
        return text
    left = "" if speed.eta_s is None else f", {duration(speed.eta_s)} left"
    return f"{text} {speed.records_per_s:,.0f}/s{left}"


def _cut(text: str, room: int) -> str:
    """What fits behind the bar: a line that wraps cannot be drawn over."""
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"
