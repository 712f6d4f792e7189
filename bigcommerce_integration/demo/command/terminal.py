"""What a person sees: plain lines and tables."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

_INDENT = "  "


class Terminal:
    """Writes to ``out``; ``is_live`` if somebody sits in front of it."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.is_live = self._out.isatty()
        # A buffer in memory has none.
        self._encoding = self._out.encoding or "utf-8"

    def print_line(self, line: str = "") -> None:
        """A line that stays."""
        self._out.write(f"{line.encode(self._encoding, 'replace').decode(self._encoding)}\n")
        self._out.flush()

    def heading(self, title: str) -> None:
        """A line that begins a part."""
        self.print_line()
        self.print_line(f"\033[1m{title}\033[0m" if self.is_live else title)

    @contextmanager
    def showing_all(self) -> Iterator[None]:
        """What this process writes to its own output, and its errors, is shown here, too."""
        with redirect_stdout(self._out), redirect_stderr(self._out):
            yield

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
