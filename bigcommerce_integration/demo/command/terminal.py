"""What a person sees: plain lines, live bars where there is a terminal, and tables."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

_BAR_WIDTH = 30
_INDENT = "  "


class Terminal:
    """Writes to ``out``; ``is_live`` if lines can be drawn again in place."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.is_live = self._out.isatty()
        self._drawn = 0
        # A buffer in memory has none.
        self._encoding = self._out.encoding or "utf-8"
        is_utf = self._encoding.lower().replace("-", "").startswith("utf")
        self._full, self._empty = ("█", "░") if is_utf else ("#", ".")

    def print_line(self, line: str = "") -> None:
        """A line that stays."""
        self._out.write(f"{self._encodable(line)}\n")
        self._out.flush()

    def heading(self, title: str) -> None:
        """A line that begins a part."""
        self.print_line()
        self.print_line(f"\033[1m{title}\033[0m" if self.is_live else title)

    def draw(self, lines: Sequence[str]) -> None:
        """Draw these lines over those drawn last; only where the terminal is live."""
        columns = shutil.get_terminal_size().columns
        up = f"\033[{self._drawn}A" if self._drawn else ""
        self._out.write(up + "".join(f"\r\033[2K{self._encodable(_cut(line, columns - 1))}\n" for line in lines))
        self._out.flush()
        self._drawn = len(lines)

    def keep_drawn(self) -> None:
        """What is drawn stays; the next drawing goes below."""
        self._drawn = 0

    def bar(self, percentage: int) -> str:
        """A bar of fixed width."""
        full = _BAR_WIDTH * percentage // 100
        return self._full * full + self._empty * (_BAR_WIDTH - full)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]], widths: Sequence[int]) -> None:
        """Columns of fixed width, numbers to the right; longer texts are cut."""
        numeric = [any(isinstance(value, int | float) for value in column) for column in zip(*rows, strict=True)]
        numeric = numeric or [False] * len(heads)
        for cells in (heads, *([_cell(value) for value in row] for row in rows)):
            line = _INDENT.join(
                _padded(cell, width, to_right=to_right)
                for cell, width, to_right in zip(cells, widths, numeric, strict=True)
            )
            self.print_line(_INDENT + line.rstrip())

    def _encodable(self, line: str) -> str:
        return line.encode(self._encoding, "replace").decode(self._encoding)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else _harmless(str(value))


def _harmless(text: str) -> str:
    """Without what could move the cursor, turn the line round or is no character at all."""
    shown = (char if char.isprintable() and not unicodedata.combining(char) else "·" for char in text)
    return "".join(shown).strip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return f"{text}…"


def _padded(text: str, width: int, *, to_right: bool = False) -> str:
    text = _cut(text, width)
    blanks = " " * (width - _width(text))
    return blanks + text if to_right else text + blanks
