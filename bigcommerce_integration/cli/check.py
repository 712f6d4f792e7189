"""``flask bigcommerce check``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import Row, Select, select

from ..app_state import State, current_state
from ..refresh.removal.deletion import DELETING
from ..store_check.probe import check
from ..web.instances.check_views import report_answer, store_of
from .errors import naming_what_is_missing


@click.command("check")
@click.option("--instance", "instance_id", type=int, help="Only this integration instance.")
@with_appcontext
@naming_what_is_missing
def check_command(instance_id: int | None) -> None:
    """Ask the stores whether they can be mirrored; saves nothing. Ends with 1 if one of them cannot."""
    state = current_state()
    rows = _connected(state, instance_id)
    if instance_id is not None and not rows:
        raise click.ClickException(f"There is no instance {instance_id}.")
    is_ready = True
    for row in rows:
        report = check(state.config, state.cipher, store_of(row))
        is_ready = is_ready and report.is_ready
        click.echo(f"Instance {row.id} ({row.name}):")
        if report.message is not None:
            click.echo(f"  {report.message}")
            continue
        for name, value in report_answer(report).items():
            if name not in ("reasons", "message"):
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
