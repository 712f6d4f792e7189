"""``flask bigcommerce …``."""

from __future__ import annotations

import click
from flask import Blueprint
from sqlalchemy import select, update

from ..app_state import State, current_state
from ..errors import ConfigError
from ..refresh.removal.deletion import DELETING
from ..worker import actors
from .check import check_command
from .erase import erase_command
from .errors import naming_what_is_missing


def add_commands(blueprint: Blueprint) -> None:
    """Add the commands to the blueprint's own group, which Flask names after the blueprint."""
    blueprint.cli.help = "Keep BigCommerce stores going."
    blueprint.cli.command("tick")(_tick)
    blueprint.cli.command("rotate-keys")(_rotate_keys)
    blueprint.cli.add_command(erase_command)
    blueprint.cli.add_command(check_command)


@naming_what_is_missing
def _tick() -> None:
    """Begin what is due and send its hints, once: for cron, where no worker ticks by itself."""
    try:
        count = actors.tick_once(current_state())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} hints sent.")


@naming_what_is_missing
def _rotate_keys() -> None:
    """Encrypt every access token (and erasure key) with the first of BIGCOMMERCE_ENCRYPTION_KEYS."""
    try:
        count = rotate_keys(current_state())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} access tokens encrypted with the first key.")


def rotate_keys(state: State) -> int:
    """Encrypt all tokens and erasure keys anew in one transaction; how many tokens.

    ``ConfigError`` names the first that no key opens.
    """
    table, session = state.tables.instances, state.db.session()
    secrets = (table.c.access_token, table.c.erasure_key)
    # Those of instances that are being deleted are wiped.
    wanted = select(table.c.id, *secrets).where(table.c.status != DELETING).order_by(table.c.id)
    stored = session.execute(wanted.with_for_update()).all()
    try:
        for row in stored:
            for column in secrets:
                ciphertext = row._mapping[column]
                if ciphertext is None:
                    continue
                session.execute(
                    update(table)
                    # Not over a token that was entered anew in the meantime (SQLite has no FOR UPDATE).
                    .where(table.c.id == row.id, column == ciphertext)
                    .values({column: _rotated(state, row.id, ciphertext)})
                )
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return len(stored)


def _rotated(state: State, instance_id: int, ciphertext: bytes) -> bytes:
    try:
        return state.cipher.rotate(ciphertext)
    except ConfigError as error:
        raise ConfigError(f"Instance {instance_id}: {error} Nothing was changed.") from None
