"""What is measured, as ratios to a bound or counts against an allowance, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table: a measured value and the bound of the same run, for each run; the aim is for the ratio.

    ``unit`` is shown behind both. A bound of 0 is an exact one: the aim is then met by 0 alone. The ratio is to be the
    aim at most, or at least if ``is_least``. ``beside`` are other figures, on a line of their own.
    """

    name: str
    pairs: Sequence[tuple[float, float]]
    aim: float
    unit: str = "s"
    is_least: bool = False
    beside: str = ""

    @property
    def ratio(self) -> float:
        """The median over the runs."""
        return median(value / bound if bound else float(value > 0) for value, bound in self.pairs)

    @property
    def is_met(self) -> bool:
        """Whether the ratio is within its aim."""
        return self.ratio >= self.aim if self.is_least else self.ratio <= self.aim

    def line(self) -> str:
        """For the terminal."""
        value, bound = (median(column) for column in zip(*self.pairs, strict=True))
        return (
            f"{self.name:<64} {value:>10.4g} {bound:>10.4g} {self.unit:<4} {self.ratio:>6.2f} "
            f"{'≥' if self.is_least else '≤'} {self.aim:<5.2f} {'met' if self.is_met else 'not met'}"
            + (f"\n    {self.beside}" if self.beside else "")
        )


HEAD = f"{'median of the runs':<64} {'measured':>10} {'bound':>10} {'':<4} {'ratio':>6} {'aim':>6}"
