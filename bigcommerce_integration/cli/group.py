"""``flask bigcommerce …``."""

from __future__ import annotations

import click
from flask import Blueprint

from ..app_state import current_state
from ..operations.privacy.keys import rotate_keys
from ..resources.registry import Registry
from ..worker import actors
from .accounting import accounting_group
from .acknowledge import acknowledge_command
from .command import command
from .connect import connect_command
from .doctor import doctor_command
from .erase import erase_command
from .refreshes.commands import cancel_command, refresh_command, retry_command
from .refreshes.reconcile import reconcile_command
from .refreshes.watch import watch_command
from .stores import check_command, explain_command, list_command, show_command


def add_commands(blueprint: Blueprint, registry: Registry) -> None:
    """Add the commands to the blueprint's own group, which Flask names after the blueprint."""
    blueprint.cli.help = "Connect BigCommerce stores, and keep them going."
    for each in (
        list_command,
        show_command,
        connect_command,
        check_command,
        explain_command,
        acknowledge_command,
        refresh_command(registry.names),
        reconcile_command(registry.names),
        watch_command,
        cancel_command,
        retry_command,
        accounting_group,
        doctor_command,
        erase_command,
        tick_command,
        rotate_keys_command,
    ):
        blueprint.cli.add_command(each)


@command("tick")
def tick_command() -> None:
    """Begin what is due and send its hints, once: for cron, where no worker ticks by itself."""
    click.echo(f"{actors.tick_once(current_state())} hints sent.")


@command("rotate-keys")
def rotate_keys_command() -> None:
    """Encrypt every access token (and erasure key) with the first of BIGCOMMERCE_ENCRYPTION_KEYS."""
    click.echo(f"{rotate_keys(current_state())} access tokens encrypted with the first key.")
