"""A host's own actor while its workers read many stores."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Collection, Iterator

from dramatiq import Message

from bigcommerce_integration.app_state import state_of

from ...waiting import wait_until
from ..table import Row
from .scene import HOST_WORKER, LONGEST_S, Fleet, fleet
from .shared import ACTOR, MAILS, QUEUE

NAMES = ("host",)
STORES = 100
AIM_S = 1.0
EVERY_S = 0.2


def rows(options: Namespace, wanted: Collection[str]) -> Iterator[Row]:
    """Its messages, sent for as long as the first refreshes take."""
    if not wanted:
        return
    stores = min(STORES, options.stores)
    with fleet(options, (stores, options.records, options.records)) as all_, all_.crew(HOST_WORKER):
        all_.connect(all_.server.hashes)
        sent = _send(all_)
        wait_until(lambda: len(_took_s(all_)) >= sent, 60.0, "all mails", every_s=0.2)
        took_s = _took_s(all_)
    yield Row(
        f"a host's own actor while {stores} stores are read: sent to begun, the longest of {sent}",
        [(took_s[-1], AIM_S)],
        1.0,
        beside=f"p50 {took_s[len(took_s) // 2] * 1000:.0f} ms",
    )


def _send(all_: Fleet) -> int:
    """How many were sent until nothing was left to refresh."""
    broker, sent = state_of(all_.stage.app).broker, 0
    broker.declare_queue(QUEUE)
    ends_at = time.monotonic() + LONGEST_S
    while all_.left() and time.monotonic() < ends_at:
        broker.enqueue(Message(queue_name=QUEUE, actor_name=ACTOR, args=(time.time(),), kwargs={}, options={}))
        sent += 1
        time.sleep(EVERY_S)
    return sent


def _took_s(all_: Fleet) -> list[float]:
    path = all_.directory / MAILS
    return sorted(map(float, path.read_text().split())) if path.exists() else []
