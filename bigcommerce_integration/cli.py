"""``flask bigcommerce …``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from flask import Blueprint
from sqlalchemy import Row, Select, select, update

from . import tasks
from .cli_erase import erase_command
from .connection import check
from .errors import ConfigError
from .refresh.deletion import DELETING
from .state import State, current_state
from .web.checking import report_answer, store_of


def add_commands(blueprint: Blueprint) -> None:
    """Add the commands to the blueprint's own group, which Flask names after the blueprint."""
    blueprint.cli.help = "Keep BigCommerce stores going."
    blueprint.cli.command("tick")(_tick)
    blueprint.cli.command("rotate-keys")(_rotate_keys)
    blueprint.cli.add_command(erase_command)
    blueprint.cli.command("check")(click.option("--instance", "instance_id", type=int, help="Only this one.")(_check))


def _tick() -> None:
    """Begin what is due and send its hints, once: for cron, where no worker ticks by itself."""
    try:
        count = tasks.tick_once(current_state())
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} hints sent.")


def _check(instance_id: int | None) -> None:
    """Ask the stores of all instances whether they can be mirrored; saves nothing."""
    state = current_state()
    rows = _connected(state, instance_id)
    if instance_id is not None and not rows:
        raise click.ClickException(f"There is no instance {instance_id}.")
    is_ready = True
    for row in rows:
        report = check(state.config, state.cipher, store_of(row))
        is_ready = is_ready and report.is_ready
        click.echo(f"Instance {row.id} ({row.name}):")
        for name, value in report_answer(report).items():
            if name != "reasons":
                click.echo(f"  {name}: {_shown(value, report.reasons.get(name))}")
    if not is_ready:
        raise click.exceptions.Exit(1)


def _connected(state: State, instance_id: int | None) -> Sequence[Row[Any]]:
    """The instances' rows, with no transaction left open: a store may take its time."""
    table, session = state.tables.instances, state.db.session()
    wanted: Select[Any] = select(table).where(table.c.status != DELETING).order_by(table.c.id)
    rows = session.execute(wanted if instance_id is None else wanted.where(table.c.id == instance_id)).all()
    session.rollback()
    return rows


def _shown(value: Any, reason: str | None) -> str:
    told = "unknown" if value is None else json.dumps(value)
    return f"{told} ({reason})" if reason else told


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
