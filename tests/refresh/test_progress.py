"""How fast, and how long still."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bigcommerce_integration.refresh.job.progress import Speed, speed

NOON = datetime(2026, 1, 1, 12)
RUNNING: dict[str, Any] = {
    "fetched": 300,
    "total": 1000,
    "started_at": NOON,
    "now": NOON + timedelta(seconds=70),
    "waited_s": 10,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Speed(5.0, 140.0)),
        ({"waited_s": 40}, Speed(10.0, 70.0)),
        ({"total": None}, Speed(5.0, None)),
        # More came than the store had said.
        ({"total": 200}, Speed(5.0, 0.0)),
        ({"fetched": 0}, Speed()),
        ({"started_at": None}, Speed()),
        ({"now": NOON}, Speed()),
        ({"waited_s": 70}, Speed()),
    ],
)
def test_speed(changes: dict[str, Any], expected: Speed) -> None:
    assert speed(**(RUNNING | changes)) == expected
