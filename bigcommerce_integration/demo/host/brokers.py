"""The broker that carries the hints, by its URL."""

from __future__ import annotations

import contextlib
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from dramatiq import Broker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Retries, ShutdownNotifications, TimeLimit

from ..errors import CannotStart

QUEUE = "bigcommerce"
_NO_SUCH_QUEUE = 404


def make_broker(url: str | None, namespace: str) -> Broker:
    """The broker at ``url``; one in memory without. ``CannotStart`` if its client is not installed."""
    # Dramatiq 1's own list has one that serves metrics on every address of this machine.
    middleware = [AgeLimit(), TimeLimit(), ShutdownNotifications(), Retries()]
    if url is None:
        return StubBroker(middleware=middleware)
    scheme = urlsplit(url).scheme
    try:
        if scheme in ("redis", "rediss", "unix"):
            from dramatiq.brokers.redis import RedisBroker

            redis_broker: Any = RedisBroker
            return cast(Broker, redis_broker(url=url, namespace=namespace, middleware=middleware))
        if scheme in ("amqp", "amqps"):
            from dramatiq.brokers.rabbitmq import RabbitmqBroker

            return RabbitmqBroker(url=url, middleware=middleware)
    except ImportError as error:
        raise CannotStart(
            f"{error.name or 'A package'} is missing: pip install 'bigcommerce_integration[demo]'"
        ) from error
    raise CannotStart(f"--broker-url must begin with redis:// or amqp://, not {scheme or 'nothing'}://.")


def require_reachable(broker: Any, url: str) -> None:
    """``CannotStart`` if nobody answers at ``url``, or if another app's workers read our queue there."""
    try:
        if _is_redis(broker):
            broker.client.ping()
            return
        consumers = _rabbitmq_consumers(broker)
    except Exception as error:
        raise CannotStart(f"The broker at {without_password(url)} cannot be used: {_reason(error)}") from error
    if consumers:
        raise CannotStart(
            f"Workers of another app read the queue {QUEUE!r} of {without_password(url)} and would take the demo's "
            "messages: name a virtual host of its own, as in amqp://guest:guest@127.0.0.1:5672/demo."
        )


def clear_away(broker: Any) -> None:
    """Take the demo's queues out of a real broker again; what cannot be reached stays."""
    with contextlib.suppress(Exception):
        if _is_redis(broker):
            keys = list(broker.client.scan_iter(f"{broker.namespace}*"))
            if keys:
                broker.client.delete(*keys)
        elif hasattr(broker, "connection"):
            for queue in (QUEUE, f"{QUEUE}.DQ", f"{QUEUE}.XQ"):
                broker.connection.channel().queue_delete(queue, if_unused=True)
    with contextlib.suppress(Exception):
        broker.close()


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username}:•••@{parts.netloc.rpartition('@')[2]}"))


def _is_redis(broker: Any) -> bool:
    return hasattr(broker, "client") and hasattr(broker, "namespace")


def _rabbitmq_consumers(broker: Any) -> int:
    channel = broker.connection.channel()
    try:
        count: int = channel.queue_declare(QUEUE, passive=True).method.consumer_count
    except Exception as error:
        if getattr(error, "reply_code", None) == _NO_SUCH_QUEUE:
            return 0
        raise
    channel.close()
    return count


def _reason(error: BaseException) -> str:
    """The message of the innermost error that has one: pika wraps its own in errors without one."""
    message = str(error).strip()
    if message and not message.startswith("("):
        return message
    cause = error.__cause__ or error.__context__ or next((a for a in error.args if isinstance(a, BaseException)), None)
    return _reason(cause) if cause is not None else (message or type(error).__name__)
