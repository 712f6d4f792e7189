"""``acknowledge``."""

from __future__ import annotations

import click

from ..operations.findings.acknowledge import CHANGES, NAMES, acknowledge
from .command import command, context_of


@command("acknowledge")
@click.argument("instance_id", metavar="INSTANCE", type=int)
def acknowledge_command(instance_id: int) -> None:
    """Confirm that you know of the store's new time zone or default currency."""
    context = context_of(instance_id)
    instance, found = context.instance, 0
    for code, subject in CHANGES.items():
        before, after = getattr(instance, f"{subject}_before"), getattr(instance, f"store_{subject}")
        if before is not None:
            acknowledge(context, code, after)
            found += 1
            click.echo(f"Acknowledged: the {NAMES[subject]} was {before}, and is {after}.")
    if not found:
        click.echo("There is no change to acknowledge.")
