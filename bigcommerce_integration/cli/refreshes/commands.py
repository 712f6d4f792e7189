"""``refresh``, ``cancel`` and ``retry``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from ...app_state import current_state
from ...errors import Invalid
from ...operations.context import RequestContext, instance_of_refresh
from ...operations.queries import RefreshView
from ...operations.refreshes import cancel_refresh, retry_failed, retry_refresh, start_refresh
from ...refresh.job.parameters import Mode, Parameters
from ...schemas.refreshes import load_refresh_request
from ..command import WrongInput, command, context_of, in_options, line_for, watch_option
from .watch import watch

_OPTIONS = {"date_from": "--from", "date_to": "--to", "ids": "--ids", "allow_mass_delete": "--allow-mass-delete"}


def refresh_command(collections: Iterable[str]) -> click.Command:
    """``refresh``, for these collections."""

    @command("refresh")
    @click.argument("instance_id", metavar="INSTANCE", type=int)
    @click.argument("collection", type=click.Choice(list(collections)))
    @click.option("--full", "is_full", is_flag=True, help="All records; without it those that have changed.")
    @click.option("--allow-mass-delete", is_flag=True, help="With --full: however many are gone from the store.")
    @click.option("--from", "date_from", metavar="YYYY-MM-DD", help="The first day, in the store's time zone.")
    @click.option("--to", "date_to", metavar="YYYY-MM-DD", help="The last day.")
    @click.option("--ids", metavar="ID,ID,…", help="These records alone.")
    @watch_option
    def refresh(instance_id: int, collection: str, is_watched: bool, **given: Any) -> None:
        """Bring a collection of a store up to date: what has changed, or what the options name."""
        context = context_of(instance_id)
        mode, parameters = _read(context, given)
        follow(context, [start_refresh(context, collection, mode, parameters)], "has begun", is_watched=is_watched)

    return refresh


@command("cancel")
@click.argument("refresh_id", metavar="REFRESH", type=int)
def cancel_command(refresh_id: int) -> None:
    """Stop a refresh at its next page. What was stored stays."""
    context = context_of(instance_of_refresh(current_state(), refresh_id))
    view = cancel_refresh(context, refresh_id)
    click.echo(f"Refresh {view.row.id} ({view.row.resource}) is cancelled. To go on: {line_for(f'retry {refresh_id}')}")


@command("retry")
@click.argument("refresh_id", metavar="[REFRESH]", type=int, required=False)
@click.option("--failed", "instance_id", metavar="INSTANCE", type=int, help="All that has failed of a store.")
@watch_option
def retry_command(refresh_id: int | None, instance_id: int | None, is_watched: bool) -> None:
    """Let a refresh that failed or was cancelled go on where it stopped."""
    if (refresh_id is None) == (instance_id is None):
        raise WrongInput("Give a refresh, or --failed and an instance.")
    if refresh_id is not None:
        context = context_of(instance_of_refresh(current_state(), refresh_id))
        views = [retry_refresh(context, refresh_id)]
    else:
        assert instance_id is not None
        context = context_of(instance_id)
        views = retry_failed(context)
    if not views:
        click.echo("Nothing has failed since the last success.")
    follow(context, views, "goes on", is_watched=is_watched)


def follow(context: RequestContext, views: Sequence[RefreshView], what: str, *, is_watched: bool) -> None:
    """Say that these have begun; show their progress if they are to be watched."""
    for view in views:
        click.echo(f"Refresh {view.row.id} ({view.row.resource}) {what}.")
        if view.lacks_worker and not is_watched:
            click.echo(view.message, err=True)
    if is_watched:
        watch(context, [view.row.id for view in views])


def _read(context: RequestContext, given: Mapping[str, Any]) -> tuple[Mode, Parameters]:
    """The mode that the options mean; ``WrongInput`` names each bad one."""
    is_range = given["date_from"] is not None or given["date_to"] is not None
    modes = [
        mode
        for mode, is_meant in (("full", given["is_full"]), ("date_range", is_range), ("ids", given["ids"] is not None))
        if is_meant
    ]
    if len(modes) > 1:
        raise WrongInput("--full, --from with --to, and --ids exclude each other: give one of them.")
    ids = None if given["ids"] is None else given["ids"].split(",")
    return read_request(
        context,
        modes[0] if modes else "incremental",
        date_from=given["date_from"],
        date_to=given["date_to"],
        ids=ids and [int(each) if each.strip().isdecimal() else each for each in ids],
        allow_mass_delete=given["allow_mass_delete"] or None,
    )


def read_request(context: RequestContext, mode: str, **given: object) -> tuple[Mode, Parameters]:
    """The request for a refresh of this mode with what is given, not None; ``WrongInput`` names each bad option."""
    body = {"mode": mode, **{name: value for name, value in given.items() if value is not None}}
    try:
        return load_refresh_request(body, start_date=context.instance.start_date)
    except Invalid as refusal:
        raise in_options(refusal, _OPTIONS) from None
