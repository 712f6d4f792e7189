"""``list``, ``show``, ``check`` and ``explain``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ..answers.explanations import explanation_answer
from ..answers.instances import instance_answer, report_answer
from ..app_state import current_state
from ..host.tenancy import acting_for
from ..models.instances import IntegrationInstance
from ..operations.context import caller_with_shell
from ..operations.explain.find import EXPLAIN
from ..operations.findings.finding import Action, Finding, worst_first
from ..operations.findings.remedy import remedy_of, since_text, wait_text
from ..operations.health import ResourceHealth
from ..operations.instances.verification import note_report, report_on
from ..operations.instances.views import InstanceView, connected, view_of, views_of
from ..store_check.report import Report
from .command import FAILED, WrongInput, command, context_of, json_option, system_user
from .output import duration, harmless, print_json, print_pairs, print_table


@command("list")
@click.option("--tenant", help="Only this tenant's; without it those of all tenants.")
@json_option
def list_command(tenant: str | None, as_json: bool) -> None:
    """The connected stores, and how fresh their records are."""
    views = _all_views(tenant)
    cipher = current_state().cipher
    if as_json:
        print_json({"data": [{**instance_answer(each, cipher), "tenant": each.instance.tenant} for each in views]})
        return
    if not views:
        click.echo("No store is connected. Connect one with `flask bigcommerce connect`.")
        return
    has_tenants = any(each.instance.tenant for each in views)
    names = current_state().tables.registry.names
    print_table(
        ["ID", *(["TENANT"] if has_tenants else []), "NAME", "STORE", "STATUS", "SYNC", *map(str.upper, names)],
        [_row(each, has_tenants=has_tenants) for each in views],
    )
    # What concerns all stores is found of each.
    found = {finding: None for view in views for finding in view.findings}
    print_findings(list(found))


@command("show")
@click.argument("instance_id", metavar="INSTANCE", type=int)
@json_option
def show_command(instance_id: int, as_json: bool) -> None:
    """One store: its settings, its refreshes, and what needs a person."""
    context = context_of(instance_id, while_deleting=True)
    view = view_of(context, context.instance)
    if as_json:
        print_json({"data": instance_answer(view, context.state.cipher)})
        return
    instance, health = view.instance, view.health
    click.echo(f"{harmless(instance.name)} (instance {instance.id})")
    print_pairs(
        [
            *([("tenant", instance.tenant)] if instance.tenant else []),
            ("store hash", instance.store_hash),
            ("status", instance.status),
            ("start date", instance.start_date),
            ("time zone", instance.store_timezone),
            ("currency", instance.store_currency),
            ("automatic sync", instance.is_automatic_sync_enabled),
            ("link products", instance.auto_link_products),
            ("create products", instance.auto_create_products),
            ("last worker tick", health.last_worker_tick_at and f"{health.last_worker_tick_at:%Y-%m-%d %H:%M:%S} UTC"),
            *((each.resource, _freshness(each)) for each in health.resources),
        ]
    )
    if health.newest:
        click.echo("\nThe newest refreshes:")
        print_table(
            ["ID", "COLLECTION", "MODE", "STATUS", "%", "MESSAGE"],
            [
                (each.row.id, each.row.resource, each.row.mode, each.row.status, each.percentage, each.message)
                for each in health.newest
            ],
        )
    print_findings(view.findings)


@command("check")
@click.argument("instance", metavar="[INSTANCE]", type=int, required=False)
@click.option("--instance", "instance_option", metavar="INSTANCE", type=int, help="Only this instance.")
@json_option
def check_command(instance: int | None, instance_option: int | None, as_json: bool) -> None:
    """Ask the stores whether they can be mirrored. Ends with 1 if one of them cannot.

    Saves nothing but that a time zone or a default currency has changed.
    """
    if instance is not None and instance_option is not None:
        raise WrongInput("Give the instance once.")
    instance_id = instance_option if instance is None else instance
    state = current_state()
    instances = connected(state.db.session(), state.tables, instance_id)
    if instance_id is not None and not instances:
        raise click.ClickException(f"There is no instance {instance_id}.")
    reports = [(each, report_on(state, each)) for each in instances]
    for each, report in reports:
        note_report(state, state.db.session(), each, report)
    if as_json:
        print_json({"data": [{"id": each.id, "name": each.name, **report_answer(its)} for each, its in reports]})
    else:
        for each, its in reports:
            print_report(f"Instance {each.id} ({harmless(each.name)}):", its)
    if not all(report.is_ready for _, report in reports):
        raise click.exceptions.Exit(FAILED)


def print_report(title: str, report: Report) -> None:
    """What a store has answered."""
    click.echo(title)
    if report.message is not None:
        click.echo(f"  {harmless(report.message)}")
        return
    for name, value in report.values().items():
        text = "unknown" if value is None else json.dumps(value)
        reason = report.reasons.get(name)
        click.echo(f"  {name}: {f'{text} ({harmless(reason)})' if reason else text}")


@command("explain")
@click.argument("instance_id", metavar="INSTANCE", type=int)
@click.option("--order", type=click.IntRange(1), help="The id of an order in the store.")
@click.option("--refund", type=click.IntRange(1), help="The id of a refund in the store.")
@click.option("--sku", help="The SKU of variants.")
@click.option("--variant", type=click.IntRange(1), help="The id of a variant in the store.")
@click.option("--ask-store", is_flag=True, help="Ask the store too, for five seconds at most.")
@json_option
def explain_command(instance_id: int, ask_store: bool, as_json: bool, **subjects: Any) -> None:
    """Why an order or refund is not here, or a variant not linked."""
    given = [(name, value) for name, value in subjects.items() if value is not None]
    if len(given) != 1:
        raise WrongInput("Give exactly one of --order, --refund, --sku and --variant.")
    ((subject, value),) = given
    context = context_of(instance_id)
    explained = EXPLAIN[subject](context, value, ask_store=ask_store)
    if as_json:
        print_json({"data": explanation_answer(subject, value, explained)})
        return
    for each in explained:
        if each.bigcommerce_id is not None and len(explained) > 1:
            click.echo(f"{each.bigcommerce_id}:")
        for reason in each.reasons:
            todo = "" if reason.action is Action.NONE else f" {reason.action.meaning}"
            click.echo(harmless(f"{reason.message}{todo}{f' ({reason.link})' if reason.link else ''}"))


def _all_views(tenant: str | None) -> list[InstanceView]:
    """Of all tenants, or of this one; each is looked at for its own tenant, by id."""
    state = current_state()
    found = connected(state.db.session(), state.tables)
    by_tenant: dict[str, list[IntegrationInstance]] = {}
    for instance in found:
        by_tenant.setdefault(instance.tenant, []).append(instance)
    views: list[InstanceView] = []
    for its, instances in by_tenant.items():
        if tenant is None or its == tenant:
            with acting_for(its):
                views += views_of(caller_with_shell(state, its, system_user()), instances)
    return sorted(views, key=lambda each: each.instance.id)


def _row(view: InstanceView, *, has_tenants: bool) -> Sequence[object]:
    instance = view.instance
    return [
        instance.id,
        *([instance.tenant] if has_tenants else []),
        instance.name,
        instance.store_hash,
        instance.status,
        instance.is_automatic_sync_enabled,
        *map(_freshness, view.health.resources),
    ]


def _freshness(health: ResourceHealth) -> str:
    """How old what is mirrored of a collection is, and what is being done about it."""
    if health.off_reason is not None:
        return "off"
    opened = health.open_refresh
    age = "never" if health.age_s is None else f"{duration(health.age_s)} ago"
    if opened is None:
        return age
    doing = "waiting" if opened.percentage is None else f"{opened.percentage} %"
    return f"{age} ({doing})"


def print_findings(found: Sequence[Finding]) -> None:
    """What needs a person (!), and what mends itself (·), the worst first."""
    if found:
        click.echo()
    for each in worst_first(found):
        mark = click.style("!", fg="red") if each.severity == "person" else "·"
        whose = "" if each.store is None else f"{each.store}: "
        more = (since_text(each.since), remedy_of(each), wait_text(can_wait=each.can_wait))
        click.echo(" ".join([mark, harmless(f"{whose}{each.sentence} {' '.join(filter(None, more))}")]))
