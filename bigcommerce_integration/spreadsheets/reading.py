"""A file as a person's spreadsheet has saved it: its rows, whatever encoding, separator and order of columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import Invalid, MalformedBody
from ..resources.values import INT64_MAX
from .cells import unguarded

MOST_ROWS = 50_000
KEY, HOST_SKU, DECISION = "variant_id", "host_sku", "decision"
_SEPARATORS = ",;\t"
# Excel names the separator in a line of its own.
_NAMED_SEPARATOR = re.compile('\ufeff?"?sep=([,;\t|])"?\r?\n', re.IGNORECASE)
# A spreadsheet may show a whole number with a decimal; more of them could be a separator of thousands.
_ID = re.compile("([0-9]{1,19})([.,]0)?")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Line:
    """A row in which a person has filled something in; ``number`` is that of its line, its last if it has several."""

    number: int
    # None is no id.
    variant_id: int | None
    host_sku: str
    decision: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """All rows below the first, of which ``touched`` are those that decide something."""

    columns: Sequence[str]
    rows: int
    touched: Sequence[Line]


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8 or UTF-16; ``MalformedBody`` names the line with other bytes."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    if 0 in data[:2]:
        # UTF-16 without a mark: every other byte of plain letters is zero.
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        name = "UTF-16" if "16" in encoding else "UTF-8"
    raise MalformedBody(f"Line {line} is not {name}: save the file as CSV in UTF-8 and send it again.")


def sheet_of(text: str) -> Sheet:
    """The rows of a file; ``MalformedBody`` names the line that is no CSV, ``Invalid`` says what the file lacks."""
    named = _NAMED_SEPARATOR.match(text)
    text, skipped = (text[named.end() :], 1) if named else (text, 0)
    separator = _separator(text, str(named[1]) if named else "")
    records = _records(text, separator, skipped)
    header = [_name(cell) for cell in next(records, (0, [""]))[1]]
    if KEY not in header or not {HOST_SKU, DECISION} & set(header):
        raise Invalid({"_schema": [f"The first row must name the columns {KEY}, and {HOST_SKU} or {DECISION}."]})
    places = [header.index(name) if name in header else None for name in (KEY, HOST_SKU, DECISION)]
    rows, touched = 0, list[Line]()
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        rows += 1
        if rows > MOST_ROWS:
            raise Invalid({"_schema": [f"The file has more than {MOST_ROWS} rows: send it in parts."]})
        key, host_sku, decision = (_cell(cells, place) for place in places)
        if host_sku or decision:
            touched.append(Line(number, _id(key), host_sku, decision.casefold(), cells))
    return Sheet(header, rows, touched)


def _separator(text: str, named: str) -> str:
    """The one with which the first row has a column for the key."""
    first_line = text[:10_000].splitlines()[:1]
    each: str
    for each in (*named, *_SEPARATORS):
        if any(KEY in map(_name, cells) for cells in csv.reader(first_line, delimiter=each)):
            return each
    return named or ","


def _records(text: str, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    problem = ""
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
    except csv.Error as error:
        problem = f"Line {reader.line_num + skipped} is not CSV: {error}."
    if problem:
        raise MalformedBody(problem)


def _name(cell: str) -> str:
    return unguarded(cell).lstrip("\ufeff").strip().casefold()


def _cell(cells: Sequence[str], place: int | None) -> str:
    return unguarded(cells[place]).strip() if place is not None and place < len(cells) else ""


def _id(cell: str) -> int | None:
    found = _ID.fullmatch(cell)
    number = int(found[1]) if found else 0
    return number if 0 < number <= INT64_MAX else None
