"""Connected stores as a person sees them: the settings, the state of the refreshes, and the warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...models import Tables
from ...models.instances import IntegrationInstance, folded
from ...refresh.removal.purge import DELETING
from ..context import Caller, RequestContext, authorize_with_leases
from ..findings.finding import KEEPS_OLD, Finding
from ..findings.gather import findings_by_store
from ..health import Health, health_by_instance, health_by_leases
from ..warnings import of_instance, warnings

SHOWN = ("active", "needs_attention")


@dataclass(frozen=True)
class InstanceView:
    """An instance with its health, its warnings and its findings, the worst first."""

    instance: IntegrationInstance
    health: Health
    warnings: Sequence[dict[str, str]]
    findings: Sequence[Finding]

    def is_kept_up_to_date(self, resource: str) -> bool:
        """Whether nothing is found that keeps a collection from being read."""
        found = (each for each in self.findings if each.code in KEEPS_OLD)
        return all(each.resource not in (None, resource) for each in found)


def view_of(caller: Caller, instance: IntegrationInstance) -> InstanceView:
    """The instance as it is now."""
    (view,) = views_of(caller, [instance])
    return view


def view_of_new(caller: Caller, instance: IntegrationInstance, health: Health) -> InstanceView:
    """An instance that has just been connected."""
    (view,) = _views(caller, [instance], {instance.id: health})
    return view


def authorized_view(
    caller: Caller, action: str, instance_id: int, *, while_deleting: bool = False
) -> tuple[RequestContext, InstanceView]:
    """The instance as it is now, once tenant and ``may`` agree, as ``operations.context.authorize``; two queries."""
    state = caller.state
    context, leases = authorize_with_leases(caller, action, instance_id, while_deleting=while_deleting)
    stores = [context.instance]
    health = health_by_leases(caller.session, state.tables, state.config, stores, leases)
    (view,) = _views(context, stores, health)
    return context, view


def warnings_of(caller: Caller, instance: IntegrationInstance) -> list[dict[str, str]]:
    """The warnings about one instance."""
    (found,) = warnings(caller, [of_instance(instance)])
    return found


def list_instances(
    caller: Caller, *, page: int, per_page: int, status: str | None = None, name: str = ""
) -> tuple[list[InstanceView], int]:
    """One page of those that the caller may read, by id, and how many there are; none that is being deleted.

    A tenant has few stores. So ``may`` can decide on each, and pages and totals are still right.
    """
    found = [each for each in readable_instances(caller, status) if folded(name) in folded(each.name)]
    return views_of(caller, found[(page - 1) * per_page : page * per_page]), len(found)


def readable_instances(caller: Caller, status: str | None = None) -> list[IntegrationInstance]:
    """All of the tenant that the caller may read, by id; none that is being deleted."""
    return [each for each in _of_tenant(caller, status) if caller.may("read", each)]


def connected(session: Session, tables: Tables, instance_id: int | None = None) -> list[IntegrationInstance]:
    """All instances of every tenant but those that are being deleted, or this one of them; for the command line.

    Ends the transaction: what is done with each may take its time.
    """
    table = tables.instances
    wanted = select(table).where(table.c.status != DELETING).order_by(table.c.id)
    rows = session.execute(wanted if instance_id is None else wanted.where(table.c.id == instance_id)).all()
    session.rollback()
    return [IntegrationInstance.from_row(row) for row in rows]


def views_of(caller: Caller, instances: Sequence[IntegrationInstance]) -> list[InstanceView]:
    """These instances of the caller's tenant as they are now."""
    by_id = health_by_instance(caller.session, caller.state.tables, caller.state.config, instances)
    return _views(caller, instances, by_id)


def _views(caller: Caller, instances: Sequence[IntegrationInstance], by_id: Mapping[int, Health]) -> list[InstanceView]:
    found = warnings(caller, [of_instance(each, is_only_one=by_id[each.id].is_only_one) for each in instances])
    findings = findings_by_store(caller, instances, by_id, found)
    return [
        InstanceView(each, by_id[each.id], its, findings[each.id]) for each, its in zip(instances, found, strict=True)
    ]


def _of_tenant(caller: Caller, status: str | None) -> list[IntegrationInstance]:
    table = caller.state.tables.instances
    wanted = (table.c.tenant == caller.tenant, table.c.status.in_(SHOWN if status is None else [status]))
    rows = caller.session.execute(select(table).where(*wanted).order_by(table.c.id))
    return [IntegrationInstance.from_row(row) for row in rows]
