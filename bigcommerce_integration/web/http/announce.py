"""Signals after the commit: a receiver that fails must not make the caller believe that nothing was stored."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal
from flask import current_app

logger = logging.getLogger(__name__)


def announce(signal: NamedSignal, **ids: Any) -> None:
    """Tell the host's receivers; one that raises is logged."""
    try:
        signal.send(current_app._get_current_object(), **ids)  # type: ignore[attr-defined]
    except Exception:
        logger.exception(
            "A receiver of %s failed; what it was told of is stored.", signal.name, extra={"action": "announce", **ids}
        )
