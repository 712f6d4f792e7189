"""``flask bigcommerce erase``."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import click

from ..app_state import State, current_state, engine_of
from ..models.instances import IntegrationInstance
from ..operations.instances.views import connected
from ..operations.privacy.erasure import erase, erase_everybody
from ..resources.person_data import customer, email
from .command import command


@command("erase")
@click.option("--customer-id", "customer_ids", type=int, multiple=True, help="Of the store; may come often.")
@click.option("--email", "emails", multiple=True, help="Of a customer or guest; may come often.")
@click.option("--everybody", is_flag=True, help="All that was stored before PERSON_DATA=drop was set.")
@click.option("--instance", "instance_id", type=int, help="Only in this integration instance.")
def erase_command(customer_ids: Sequence[int], emails: Sequence[str], everybody: bool, instance_id: int | None) -> None:
    """Blank a person's data in stored orders, and in whatever arrives later. Orders and amounts stay."""
    people = _people(customer_ids, emails, everybody=everybody)
    state = current_state()
    engine = engine_of(state, threading.Event())
    if everybody and engine.config.person_data != "drop":
        raise click.UsageError("--everybody needs BIGCOMMERCE_PERSON_DATA=drop: all would come back otherwise.")
    for instance in _instances(state, instance_id, is_number_given=bool(customer_ids)):
        done = erase_everybody(engine, instance) if everybody else erase(engine, instance, people)
        counts = ", ".join(f"{count} {name}" for name, count in done.records.items())
        click.echo(f"Instance {instance.id}: {counts} and {done.rejected_records} rejected records blanked.")


def _people(customer_ids: Sequence[int], emails: Sequence[str], *, everybody: bool) -> list[str]:
    if everybody == bool(customer_ids or emails):
        raise click.UsageError("Say who: --customer-id and --email, or --everybody.")
    if any(each < 1 for each in customer_ids):
        raise click.UsageError("--customer-id must be above 0: 0 is every guest. Erase a guest by --email.")
    if any("@" not in each for each in emails):
        raise click.UsageError("--email must be an e-mail address.")
    return [*map(customer, customer_ids), *map(email, emails)]


def _instances(state: State, instance_id: int | None, *, is_number_given: bool) -> list[IntegrationInstance]:
    """Those to erase from; what is being deleted is left to that."""
    instances = connected(state.db.session(), state.tables, instance_id)
    if not instances:
        raise click.UsageError("There is no such instance." if instance_id else "No store is connected.")
    if is_number_given and len({each.store_hash for each in instances}) > 1:
        raise click.UsageError("A customer's id is another person's in another store: say which store's by --instance.")
    return instances
