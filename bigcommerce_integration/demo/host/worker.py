"""What ``dramatiq bigcommerce_integration.demo.host.worker:broker`` runs: the host's own worker module."""

from __future__ import annotations

from .app import create_app
from .brokers import make_broker
from .settings import settings_from_environment

_settings = settings_from_environment()
broker = make_broker(_settings.broker_url, _settings.broker_namespace)
app = create_app(_settings, broker)
