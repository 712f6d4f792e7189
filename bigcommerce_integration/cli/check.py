"""``flask bigcommerce check``."""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import with_appcontext

from ..app_state import current_state
from ..operations.instances.verification import report_on
from ..operations.instances.views import connected
from .errors import reporting_missing_tables


@click.command("check")
@click.option("--instance", "instance_id", type=int, help="Only this integration instance.")
@with_appcontext
@reporting_missing_tables
def check_command(instance_id: int | None) -> None:
    """Ask the stores whether they can be mirrored; saves nothing. Ends with 1 if one of them cannot."""
    state = current_state()
    instances = connected(state.db.session(), state.tables, instance_id)
    if instance_id is not None and not instances:
        raise click.ClickException(f"There is no instance {instance_id}.")
    is_ready = True
    for instance in instances:
        report = report_on(state, instance)
        is_ready = is_ready and report.is_ready
        click.echo(f"Instance {instance.id} ({instance.name}):")
        if report.message is not None:
            click.echo(f"  {report.message}")
            continue
        for name, value in report.values().items():
            click.echo(f"  {name}: {_shown(value, report.reasons.get(name))}")
    if not is_ready:
        raise click.exceptions.Exit(1)


def _shown(value: Any, reason: str | None) -> str:
    text = "unknown" if value is None else json.dumps(value)
    return f"{text} ({reason})" if reason else text
