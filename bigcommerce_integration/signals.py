"""Notifications after a commit, with ids only; they may be lost (the host port is the contract)."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

instance_created = _signals.signal("bigcommerce-instance-created")
"""Sent by the app with ``instance_id``."""

instance_changed = _signals.signal("bigcommerce-instance-changed")
"""Sent by the app with ``instance_id``: a person has changed its settings."""

instance_deleted = _signals.signal("bigcommerce-instance-deleted")
"""Sent by the app with ``instance_id``: it is gone for everybody, and its rows will be removed bit by bit."""

refresh_finished = _signals.signal("bigcommerce-refresh-finished")
"""Sent by the app with ``instance_id`` and ``refresh_id``; completed, failed or cancelled."""
