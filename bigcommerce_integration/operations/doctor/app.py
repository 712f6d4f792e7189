"""Checks of what needs no database: the settings and the broker."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from dramatiq.brokers.stub import StubBroker

from ...app_state import require_shared
from ...config import PREFIX, Config
from ...worker.messages.broker_watch import ask
from .deployment import Deployment
from .results import Result

_START_BROKER = (
    "Start the broker, or correct its URL in the app. Workers look for work by themselves every second meanwhile."
)
_SECRET = ("encryption_keys", "proxy_url")


def configuration(deployment: Deployment) -> list[Result]:
    """The app would not have started with a bad value: this says which settings are not the default."""
    require_shared(deployment.engine.url)
    config = deployment.state.config
    changed = [f"{PREFIX}{name.upper()}{_value(config, name)}" for name in _changed(config)]
    text = f"The settings are valid; not the default: {', '.join(changed)}." if changed else "All are the default."
    if "api_url" in _changed(config):
        text += " Another BIGCOMMERCE_API_URL is right for a test store, or for a gateway of your own."
    return [Result("configuration", "ok", text)]


def _changed(config: Config) -> list[str]:
    return [item.name for item in fields(config) if item.default not in (MISSING, getattr(config, item.name))]


def _value(config: Config, name: str) -> str:
    """Of a setting that is no secret and holds none."""
    return "" if name in _SECRET else f" = {getattr(config, name)}"


def broker(deployment: Deployment) -> list[Result]:
    """Ask the broker anything; of its error only the kind is told, as its text may hold the URL with a password."""
    found: Any = deployment.state.broker
    if isinstance(found, StubBroker):
        text = "The broker is in memory, so messages do not leave this process: right for tests alone."
        remedy = "Give create_blueprint the broker that your workers use."
        return [Result("broker", "warning", text, remedy, is_advice=True)]
    try:
        is_asked = ask(found)
    except Exception as error:  # noqa: BLE001 - any broker's any error
        text = f"The broker ({type(found).__name__}) cannot be reached: {type(error).__name__}."
        return [Result("broker", "failure", text, _START_BROKER)]
    if not is_asked:
        return [Result("broker", "skipped", f"a {type(found).__name__} cannot be tried without a message")]
    return [Result("broker", "ok", f"The broker ({type(found).__name__}) answers.")]
