"""A chart of a number a day, as shapes that a template writes as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 560, 120
_LEFT, _BOTTOM, _GAP = 4, 18, 4
_TOP = 14


@dataclass(frozen=True)
class Bar:
    """One day: where its bar stands, and how high it is, in pixels of the chart."""

    day: date
    number: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """The bars, and the largest number."""

    bars: Sequence[Bar]
    largest: int
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = HEIGHT - _BOTTOM


def chart(numbers: Sequence[tuple[date, int]]) -> Chart | None:
    """None if nothing happened on any of the days."""
    largest = max((number for _, number in numbers), default=0)
    if not largest:
        return None
    step = (WIDTH - 2 * _LEFT) / len(numbers)
    full = HEIGHT - _BOTTOM - _TOP
    bars = []
    for place, (day, number) in enumerate(numbers):
        # What happened is seen, however little it is beside the rest.
        height = max(2.0, round(full * number / largest, 1)) if number else 0.0
        x = round(_LEFT + place * step + _GAP / 2, 1)
        bars.append(Bar(day, number, x, HEIGHT - _BOTTOM - height, round(step - _GAP, 1), height))
    return Chart(bars, largest)
