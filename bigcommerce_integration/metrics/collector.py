"""Metrics for Prometheus, from the rows at the moment of each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..app_state import state_of
from ..errors import ConfigError
from ..operations.work.watch import look
from .figures import Figures, StoreFigures, figures

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

_STORE = ("instance_id", "store")
_COLLECTION = (*_STORE, "collection")
GAUGES = {
    "bigcommerce_database_up": ("Whether the database answered; if not, the other metrics are missing.", ()),
    "bigcommerce_working": ("Whether work is done, or none is needed: as GET /health says it.", ()),
    "bigcommerce_worker_tick_age_seconds": ("How long ago a worker looked for work.", ()),
    "bigcommerce_broker_up": ("Whether the broker answers the workers that run.", ()),
    "bigcommerce_stores": ("How many stores are connected; at most 1,000 of them have metrics.", ()),
    "bigcommerce_freshness_seconds": ("How long ago the collection was brought up to date.", _COLLECTION),
    "bigcommerce_open_refreshes": ("How many refreshes have not ended.", _COLLECTION),
    "bigcommerce_overdue": ("Whether it was not brought up to date for longer than usual.", _COLLECTION),
    "bigcommerce_rejected_records": ("How many records could not be stored.", _COLLECTION),
    "bigcommerce_unlinked_variants": ("Variants without a link for a reason; counted up to 1,001 a reason.", _STORE),
    "bigcommerce_quota_left": ("How many requests the store said were left.", _STORE),
    "bigcommerce_findings": ("What was found, by whether it needs a person or mends itself.", (*_STORE, "severity")),
}
"""What each says, and its labels."""


def register_metrics(app: Flask, registry: CollectorRegistry) -> None:
    """Let ``registry`` read the figures of the app's stores, of all tenants, whenever it is scraped.

    Nothing is read now. ``ConfigError`` without the package ``prometheus-client``, or if no blueprint is registered in
    the app; ``ValueError`` of the registry if it is done twice.
    """
    state_of(app)
    try:
        from prometheus_client.registry import Collector
    except ImportError:
        raise ConfigError(
            "The metrics need the package prometheus-client: pip install 'bigcommerce_integration[metrics]'."
        ) from None

    class StoresCollector(Collector):
        """Asks the database when it is scraped."""

        def collect(self) -> Iterable[GaugeMetricFamily]:
            return _families(_read(app))

        def describe(self) -> Iterable[GaugeMetricFamily]:
            return _made().values()

    registry.register(StoresCollector())


def _read(app: Flask) -> Figures | None:
    """The figures; None if the database does not answer: the host's other metrics are to be scraped all the same."""
    with app.app_context():
        state = state_of(app)
        if look(state, fresh_s=0.0).is_database_down:
            return None
        try:
            with Session(state.db.engine) as session:
                return figures(state, session)
        except SQLAlchemyError:
            return None


def _made() -> dict[str, GaugeMetricFamily]:
    from prometheus_client.core import GaugeMetricFamily

    return {name: GaugeMetricFamily(name, about, labels=labels) for name, (about, labels) in GAUGES.items()}


def _families(found: Figures | None) -> list[GaugeMetricFamily]:
    families = _made()
    for name, labels, value in _samples(found):
        if value is not None:
            families[name].add_metric(labels, float(value))
    return [each for each in families.values() if each.samples]


def _samples(found: Figures | None) -> Iterator[tuple[str, list[str], Any]]:
    yield "bigcommerce_database_up", [], found is not None
    if found is None:
        return
    yield "bigcommerce_working", [], found.work.is_done
    yield "bigcommerce_worker_tick_age_seconds", [], found.work.tick_s_ago
    yield "bigcommerce_broker_up", [], found.work.broker_down_since is None if found.work.is_ticking else None
    yield "bigcommerce_stores", [], found.count
    for store in found.stores:
        yield from _of_store(store)


def _of_store(store: StoreFigures) -> Iterator[tuple[str, list[str], Any]]:
    labels = [str(store.instance_id), store.name]
    yield "bigcommerce_unlinked_variants", labels, store.unlinked
    yield "bigcommerce_quota_left", labels, store.quota_left
    for severity, number in store.findings.items():
        yield "bigcommerce_findings", [*labels, severity], number
    for each in store.collections:
        its = [*labels, each.name]
        yield "bigcommerce_freshness_seconds", its, each.freshness_s
        yield "bigcommerce_open_refreshes", its, each.open_refreshes
        yield "bigcommerce_overdue", its, each.is_overdue
        yield "bigcommerce_rejected_records", its, each.rejected
