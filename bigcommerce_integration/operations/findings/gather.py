"""All findings of stores, and of the deployment that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import KeyMissing
from ...models.instances import IntegrationInstance
from ..context import Caller
from ..health import Health, health_by_instance
from ..warnings import TWICE, of_instance, warnings
from ..work.problem import BROKER
from . import counts
from .books import unbooked
from .finding import Finding, FindingCode, worst_first
from .standing import Standing
from .store import of_store

_NO_WORKER = (
    "No background worker runs, so no store is brought up to date. Nothing is lost: it goes on when one runs. Whoever "
    "runs the servers has to start a BigCommerce worker."
)
Warnings = Sequence[Mapping[str, str]]


def findings(caller: Caller, stores: Sequence[IntegrationInstance]) -> list[Finding]:
    """What is found of these stores, which the caller may read, and of the deployment; the worst first.

    Six queries at most for a hundred stores, four more if the host has books, and it commits nothing. Of a store
    that is well there are none.
    """
    health = health_by_instance(caller.session, caller.state.tables, caller.state.config, stores)
    found = warnings(caller, [of_instance(each, is_only_one=health[each.id].is_only_one) for each in stores])
    by_store = findings_by_store(caller, stores, health, found)
    whole = {finding for its in by_store.values() for finding in its if finding.instance_id is None}
    return worst_first([*whole, *(one for its in by_store.values() for one in its if one.instance_id is not None)])


def findings_by_store(
    caller: Caller, stores: Sequence[IntegrationInstance], health: Mapping[int, Health], found: Sequence[Warnings]
) -> dict[int, list[Finding]]:
    """The same of each store by its id, with those of the deployment; health and warnings are known already."""
    counted = counts.counts(caller.session, caller.state.tables, health)
    not_booked = unbooked(caller, [each.id for each in stores])
    made = {}
    for instance, its in zip(stores, found, strict=True):
        twice = next((each["message"] for each in its if each["code"] == TWICE), None)
        standing = Standing(
            instance,
            health[instance.id],
            counted[instance.id],
            caller.state.config.sync_interval_s,
            twice,
            _has_key(caller, instance),
            not_booked.get(instance.id, ()),
        )
        made[instance.id] = worst_first([*_of_deployment(health[instance.id]), *of_store(standing)])
    return made


def _has_key(caller: Caller, instance: IntegrationInstance) -> bool:
    try:
        caller.state.cipher.decrypt(instance.access_token)
    except KeyMissing:
        return False
    return True


def _of_deployment(health: Health) -> list[Finding]:
    if not health.has_worker:
        return [Finding(FindingCode.NO_WORKER, "person", _NO_WORKER, since=health.last_worker_tick_at)]
    if health.broker_down_since is not None:
        return [Finding(FindingCode.BROKER_DOWN, "person", BROKER, since=health.broker_down_since)]
    return []
