"""Notifications after a commit, with ids only; they may be lost (the host port is the contract)."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace
from flask import current_app

logger = logging.getLogger(__name__)

_signals = Namespace()

instance_created = _signals.signal("bigcommerce-instance-created")
"""Sent by the app with ``instance_id``."""

instance_changed = _signals.signal("bigcommerce-instance-changed")
"""Sent by the app with ``instance_id``: a person has changed its settings."""

instance_deleted = _signals.signal("bigcommerce-instance-deleted")
"""Sent by the app with ``instance_id``: it is gone for everybody, and its rows will be removed bit by bit."""

refresh_finished = _signals.signal("bigcommerce-refresh-finished")
"""Sent by the app with ``instance_id`` and ``refresh_id``; completed, failed or cancelled."""


def announce(signal: NamedSignal, **ids: Any) -> None:
    """Notify the receivers after the commit; an error of theirs is logged, as the change is stored all the same."""
    try:
        signal.send(current_app._get_current_object(), **ids)  # type: ignore[attr-defined]
    except Exception:
        logger.exception(
            "A receiver of %s failed; the change is stored all the same.",
            signal.name,
            extra={"action": "announce", **ids},
        )
