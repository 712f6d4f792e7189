"""``doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from ..app_state import current_state
from ..operations.doctor.deployment import Deployment
from ..operations.doctor.examination import CHECKS, examine
from ..operations.doctor.results import Result, first_step
from .command import FAILED, FOUND, command, json_option
from .output import coloured, harmless, print_json, print_table

_NAMES = click.Choice([each.name for each in CHECKS])


@command("doctor", needs_database=False)
@click.option("--check", "names", multiple=True, type=_NAMES, help="Only this one; may come often.")
@click.option("--list", "is_listed", is_flag=True, help="Only list the checks.")
@click.option("--instance", "instance_id", metavar="INSTANCE", type=int, help="Only this store.")
@click.option("--strict", is_flag=True, help="End with 3 if there are warnings.")
@json_option
def doctor_command(
    *, names: Sequence[str], is_listed: bool, instance_id: int | None, strict: bool, as_json: bool
) -> None:
    """Find what is wrong, and say what to do first. Works with the database, the broker or a store down."""
    if is_listed:
        if as_json:
            print_json({"data": [{"check": each.name, "about": each.about} for each in CHECKS]})
        else:
            print_table(["CHECK", "WHAT IT LOOKS AT"], [(each.name, each.about) for each in CHECKS])
        return
    state = current_state()
    results: list[Result] = []
    for result in examine(Deployment(state, state.db.engine, instance_id), names):
        results.append(result)
        if not as_json:
            _print(result)
    if as_json:
        print_json({"data": [asdict(each) for each in results], "first_step": first_step(results)})
    else:
        click.echo(f"\n{harmless(first_step(results))}")
    outcomes = {each.outcome for each in results}
    if "failure" in outcomes:
        raise click.exceptions.Exit(FAILED)
    if strict and "warning" in outcomes:
        raise click.exceptions.Exit(FOUND)


def _print(result: Result) -> None:
    """One line, at once: a check may take its time."""
    outcome = coloured(result.outcome) + " " * (7 - len(result.outcome))
    text = " ".join(filter(None, (result.message, result.remedy)))
    click.echo(f"{outcome}  {result.check:<13}  {harmless(text)}")
