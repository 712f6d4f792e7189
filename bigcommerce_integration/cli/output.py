"""What people see: tables, ages, and JSON for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_COLOURS = {
    "active": "green",
    "completed": "green",
    "ok": "green",
    "needs_attention": "red",
    "failed": "red",
    "failure": "red",
    "cancelled": "yellow",
    "warning": "yellow",
    "deleting": "yellow",
}


def print_json(value: Any) -> None:
    """As ASCII, so that every terminal and every pipe can carry it."""
    click.echo(json.dumps(value, indent=2))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as they need to be, whole numbers to the right; words that tell a state have a colour."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    is_number = [bool(rows) and all(isinstance(each, int) for each in column) for column in zip(*rows, strict=True)]
    for texts in (list(heads), *cells):
        padded = (
            _padded(text, width, to_right=to_right)
            for text, width, to_right in zip(texts, widths, is_number or [False] * len(heads), strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"  {name:<{width}}  {coloured(_cell(value))}")


def coloured(word: str) -> str:
    """A word that tells a state in its colour; where there is a terminal, click keeps it."""
    colour = _COLOURS.get(word)
    return word if colour is None else click.style(word, fg=colour)


def harmless(text: str) -> str:
    """Without what could move the cursor, turn the line round or is no character at all."""
    shown = (char if char.isprintable() and not unicodedata.combining(char) else "·" for char in text)
    return "".join(shown).strip()


def duration(seconds: float) -> str:
    """In the largest unit that is not above it."""
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{max(0, int(seconds // size))} {unit}"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "-" if value is None else harmless(str(value))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int, *, to_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if to_right else coloured(text) + blanks
