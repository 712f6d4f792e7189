"""A host's worker module, run by real worker processes: ``dramatiq tests.worker_host:broker``.

What it is to be comes from the environment, as JSON (see ``WorkerHost``).
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dramatiq import Broker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from bigcommerce_integration.resources.registry import REGISTRY

from .customers import WITH_CUSTOMERS
from .host_app import HostApp

VARIABLE = "TEST_WORKER_HOST"
# Apart from the rest, which the tests of 0.1.0 read too.
MIRRORED = "TEST_MIRRORED"
REGISTRIES = {"": REGISTRY, "customers": WITH_CUSTOMERS}
# The table that the demo's verification reads links from.
MODEL_OPTIONS = {"Product": {"__tablename__": "demo_products"}}


@dataclass(frozen=True)
class WorkerHost:
    """Which database, which broker, which settings; ``makes_app`` is false for a module that forgot to.

    ``trouble`` is what its code does inside a page's transaction (see ``Trouble``).
    """

    database_url: str
    broker_url: str
    namespace: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    makes_app: bool = True
    trouble: Mapping[str, Any] = field(default_factory=dict)

    def broker(self) -> Broker:
        """A new broker at that URL; Redis keys begin with the namespace, RabbitMQ has a virtual host for each."""
        if self.broker_url.startswith("redis"):
            return RedisBroker(url=self.broker_url, namespace=self.namespace)
        return RabbitmqBroker(url=self.broker_url)

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to be this."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


@dataclass(frozen=True)
class Trouble:
    """What a host's code does when it is told of changed products.

    It kills the process if ``deadly_id`` is among them, and while the file ``holds_at`` is there it holds the
    transaction for the instance of the name in that file, once it has put its own pid behind that name.
    """

    deadly_id: int | None = None
    holds_at: str | None = None

    def given(self, host: Any) -> Any:
        """The host with this trouble."""
        if self != Trouble():
            host.products_changed = self._changed
        return host

    def _changed(self, session: Any, instance: Any, ids: Sequence[int]) -> None:
        if self.deadly_id in ids:
            os.kill(os.getpid(), signal.SIGKILL)
        while self.holds_at and (held := Path(self.holds_at)).exists() and held.read_text().startswith(instance.name):
            held.write_text(f"{instance.name}\n{os.getpid()}")
            time.sleep(0.05)


if VARIABLE in os.environ:
    _host = WorkerHost(**json.loads(os.environ[VARIABLE]))
    broker = _host.broker()
    if _host.makes_app:
        code = HostApp(model_options=MODEL_OPTIONS)
        app = code.create_app(
            _host.database_url,
            broker=broker,
            settings=_host.settings,
            host=Trouble(**_host.trouble).given(code.host()),
            registry=REGISTRIES[os.environ.get(MIRRORED, "")],
        )
    else:
        broker.declare_queue("bigcommerce")
