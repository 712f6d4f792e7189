"""``flask bigcommerce …``."""

from __future__ import annotations

import click
from flask import Blueprint

from ..app_state import current_state
from ..errors import ConfigError, DatabaseBusy
from ..operations.keys import rotate_keys
from ..worker import actors
from .check import check_command
from .erase import erase_command
from .errors import reporting_missing_tables


def add_commands(blueprint: Blueprint) -> None:
    """Add the commands to the blueprint's own group, which Flask names after the blueprint."""
    blueprint.cli.help = "Keep BigCommerce stores going."
    blueprint.cli.command("tick")(_tick)
    blueprint.cli.command("rotate-keys")(_rotate_keys)
    blueprint.cli.add_command(erase_command)
    blueprint.cli.add_command(check_command)


@reporting_missing_tables
def _tick() -> None:
    """Begin what is due and send its hints, once: for cron, where no worker ticks by itself."""
    try:
        count = actors.tick_once(current_state())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} hints sent.")


@reporting_missing_tables
def _rotate_keys() -> None:
    """Encrypt every access token (and erasure key) with the first of BIGCOMMERCE_ENCRYPTION_KEYS."""
    try:
        count = rotate_keys(current_state())
    except (ConfigError, DatabaseBusy) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} access tokens encrypted with the first key.")
