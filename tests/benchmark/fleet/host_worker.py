"""As ``worker``, with an actor of the host's own: it notes how long its message was under way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq

from .shared import ACTOR, MAILS, QUEUE, VARIABLE
from .worker import broker

__all__ = ["broker"]


def _send_mail(sent_at: float) -> None:
    # One line at a time, appended whole.
    with (Path(os.environ[VARIABLE]) / MAILS).open("a") as file:
        file.write(f"{time.time() - sent_at}\n")


dramatiq.actor(_send_mail, actor_name=ACTOR, queue_name=QUEUE, broker=broker, max_retries=0)
