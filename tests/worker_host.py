"""A host's worker module, run by real worker processes: ``dramatiq tests.worker_host:broker``.

What it is to be comes from the environment, as JSON (see ``WorkerHost``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dramatiq import Broker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from .host_app import HostApp

VARIABLE = "TEST_WORKER_HOST"
# The table that the demo's verification reads links from.
MODEL_OPTIONS = {"Product": {"__tablename__": "demo_products"}}


@dataclass(frozen=True)
class WorkerHost:
    """Which database, which broker, which settings; ``makes_app`` is false for a module that forgot to."""

    database_url: str
    broker_url: str
    namespace: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    makes_app: bool = True

    def broker(self) -> Broker:
        """A new broker at that URL; Redis keys begin with the namespace, RabbitMQ has a virtual host for each."""
        if self.broker_url.startswith("redis"):
            return RedisBroker(url=self.broker_url, namespace=self.namespace)
        return RabbitmqBroker(url=self.broker_url)

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to be this."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


if VARIABLE in os.environ:
    _host = WorkerHost(**json.loads(os.environ[VARIABLE]))
    broker = _host.broker()
    if _host.makes_app:
        app = HostApp(model_options=MODEL_OPTIONS).create_app(
            _host.database_url, broker=broker, settings=_host.settings
        )
    else:
        broker.declare_queue("bigcommerce")
