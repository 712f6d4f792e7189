"""What tests of hints and ticks do to a shop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from dramatiq.brokers.stub import StubBroker
from sqlalchemy import select, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.worker.actors import tick_once

from .shop import Shop


def tick(shop: Shop) -> int:
    """One tick; how many hints it sent."""
    with shop.app.app_context():
        return tick_once(state_of(shop.app))


def engine(shop: Shop) -> Engine:
    """What a worker of this shop works with."""
    with shop.app.app_context():
        return engine_of(state_of(shop.app), threading.Event())


def make_due(shop: Shop) -> None:
    """Let the next tick send the hints of all open refreshes."""
    shop.execute(update(shop.tables.hints).values(next_hint_at=db_now()))


def hint_rows(shop: Shop) -> list[tuple[float, int]]:
    """Of each hint, in how many seconds it is due and how often it was sent."""
    hints = shop.tables.hints
    with shop.app.app_context():
        rows = shop.host_app.db.session.execute(select(hints, db_now().label("now")).order_by(hints.c.refresh_id))
        return [((row.next_hint_at - row.now).total_seconds(), row.times_sent) for row in rows]


def timed(call: Callable[[], Any]) -> float:
    """How many seconds the call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


class Deaf(StubBroker):
    """A broker that can be made to fail."""

    is_deaf = False
    asked = 0

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        self.asked += 1
        if self.is_deaf:
            raise ConnectionError("redis://:secret@somewhere is away")
        return super().enqueue(message, delay=delay)
