"""``reconcile``."""

from __future__ import annotations

from collections.abc import Iterable

import click

from ...operations.context import RequestContext
from ...operations.reconciliation import Reconciliation, reconciliation, repair
from ...operations.refreshes import start_refresh
from ..command import FOUND, command, context_of, line_for, watch_option
from ..output import print_table
from .commands import follow, read_request
from .watch import watch

MOST_SHOWN = 50
_HOW = {"missing": "missing here", "different": "different", "extra": "no longer in the store"}


def reconcile_command(collections: Iterable[str]) -> click.Command:
    """``reconcile``, for these collections."""

    @command("reconcile")
    @click.argument("instance_id", metavar="INSTANCE", type=int)
    @click.argument("collection", type=click.Choice(list(collections)))
    @click.option("--from", "date_from", metavar="YYYY-MM-DD", help="The first day, in the store's time zone.")
    @click.option("--to", "date_to", metavar="YYYY-MM-DD", help="The last day.")
    @click.option("--repair", "is_repaired", is_flag=True, help="Wait, then read again exactly what differs.")
    @watch_option
    def reconcile(
        instance_id: int,
        collection: str,
        date_from: str | None,
        date_to: str | None,
        *,
        is_repaired: bool,
        is_watched: bool,
    ) -> None:
        """Compare a store with what is stored of it, and write nothing.

        With --watch it shows what differs, and ends with 3 if anything does; with --repair, with 0 once that is
        repaired.
        """
        context = context_of(instance_id)
        mode, parameters = read_request(context, "reconcile", date_from=date_from, date_to=date_to)
        view = start_refresh(context, collection, mode, parameters)
        follow(context, [view], "has begun", is_watched=is_watched or is_repaired)
        if is_watched or is_repaired:
            _conclude(context, reconciliation(context, view.row.id), is_repaired=is_repaired)

    return reconcile


def _conclude(context: RequestContext, found: Reconciliation, *, is_repaired: bool) -> None:
    _show(found)
    if not found.drift.count:
        return
    if not is_repaired:
        raise click.exceptions.Exit(FOUND)
    begun = repair(context, found.view.row.id)
    follow(context, begun, "repairs", is_watched=False)
    watch(context, [each.row.id for each in begun])
    if found.drift.count > len(found.drift.records):
        row = found.view.row
        again = line_for(f"reconcile {row.instance_id} {row.resource} --repair")
        click.echo(f"More differs than one comparison names. Compare again: {again}", err=True)
        raise click.exceptions.Exit(FOUND)


def _show(found: Reconciliation) -> None:
    records = sorted(found.drift.records.values(), key=lambda each: each.id)[:MOST_SHOWN]
    if records:
        print_table(
            ("ID", "HOW", "COLUMNS"), [(each.id, _HOW[each.kind], ", ".join(each.columns) or None) for each in records]
        )
    if found.drift.count > len(records):
        click.echo(f"{found.drift.count - len(records)} more differ.")
    unequal = [(*key, each.store, each.mirror) for key, each in sorted(found.drift.totals.items()) if not each.is_equal]
    if unequal:
        print_table(("MONTH", "CURRENCY", "STORE", "HERE"), unequal)
