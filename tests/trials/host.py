"""A host app with pages, alerts and metrics, as a web server, a worker or the command line imports it.

``flask --app tests.trials.host …``, ``gunicorn tests.trials.host:app``, ``dramatiq tests.trials.host:broker``. What it
is to be comes from the environment, as JSON (see ``Deployment``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dramatiq import Broker
from dramatiq.brokers.redis import RedisBroker
from flask import Flask, Response, redirect, request
from flask_jwt_extended import create_access_token, set_access_cookies
from prometheus_client import CollectorRegistry, generate_latest

from bigcommerce_integration import Attention, create_pages
from bigcommerce_integration.metrics import register_metrics
from bigcommerce_integration.operations.alerts import decision

from ..host_app import HostApp

VARIABLE = "TRIAL_DEPLOYMENT"


@dataclass(frozen=True)
class Deployment:
    """Where its servers are, and the settings of the app. ``alerts_at`` is the file to which alerts are written.

    ``alert_after_s`` and ``ends_after_s`` stand for the minute and the five minutes that an alert waits.
    """

    database_url: str
    broker_url: str
    namespace: str
    alerts_at: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    alert_after_s: float = 60.0
    ends_after_s: float = 300.0
    refuses_orders: bool = False

    def environment(self) -> dict[str, str]:
        """The environment of a process that is to be a part of it."""
        return {**os.environ, VARIABLE: json.dumps(asdict(self)), "NO_COLOR": "1"}

    def broker(self) -> Broker:
        """A new broker."""
        return RedisBroker(url=self.broker_url, namespace=self.namespace)

    def attention_needed(self, session: Any, finding: Attention) -> None:
        """A line of JSON for each alert."""
        with Path(self.alerts_at).open("a") as file:
            file.write(json.dumps(asdict(finding), default=str) + "\n")


def _refuse(*_: Any) -> None:
    raise RuntimeError("The ledger of this month is closed.")


def make_app(deployment: Deployment, broker: Broker) -> Flask:
    """The host app."""
    decision.HOLDS_S, decision.ENDS_S = deployment.alert_after_s, deployment.ends_after_s
    decision.LATE_S = 2 * deployment.alert_after_s if deployment.alert_after_s < 60.0 else decision.LATE_S
    code = HostApp()
    host: Any = code.host()
    host.attention_needed = deployment.attention_needed
    if deployment.refuses_orders:
        host.orders_changed = _refuse
    settings = {"TESTING": False, "SQLALCHEMY_ENGINE_OPTIONS": {}, **deployment.settings}
    made = code.create_app(deployment.database_url, broker=broker, settings=settings, host=host)
    made.register_blueprint(create_pages(login_url="/login"))
    registry = CollectorRegistry()
    register_metrics(made, registry)

    @made.get("/login")
    def login() -> Any:
        answer = redirect(request.args.get("next", "/big-commerce/"))
        set_access_cookies(answer, create_access_token("ada"))
        return answer

    @made.get("/metrics")
    def metrics() -> Any:
        return Response(generate_latest(registry), mimetype="text/plain")

    made.extensions["trial_code"] = code
    return made


if VARIABLE in os.environ:
    _deployment = Deployment(**json.loads(os.environ[VARIABLE]))
    broker = _deployment.broker()
    app = make_app(_deployment, broker)
