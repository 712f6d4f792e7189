"""Text in a cell of a CSV file: a spreadsheet must not take it for a formula, and gives it back as it was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

# A spreadsheet calculates what begins so; the last four are what it takes for the same in wide characters.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(f"'{_FORMULA.pattern}")


def guarded(text: str) -> str:
    """With a ``'`` before what would be a formula, and before text that looks as if it had one already."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that ``guarded`` was given."""
    return text[1:] if _GUARDED.match(text) else text


def csv_text(rows: Iterable[Sequence[str | int]]) -> str:
    """These rows as CSV: commas, quotes where they are needed, lines that end as RFC 4180 has it."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()
