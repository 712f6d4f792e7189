"""Conditions on many values, or on one by code points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nlargest
from itertools import pairwise
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Integer, LargeBinary, String, Text, all_, any_, bindparam, func
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from .databases import dialect_of

_SEPARATOR = "\x1f"


VALUES_A_STATEMENT = 900
"""Well below SQLite's oldest limit on parameters, and few enough for one index scan each."""


WIDE_GAP = 1000


MOST_CUTS = 15
"""As pages are fetched side by side, rows that were written together are of so many ranges of ids, or fewer."""


def in_chunks(session: Session, column: Any, values: Sequence[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions, one a statement, that together hold for the rows whose ``column`` is one of ``values``.

    A long IN is slow to compile and to send, and PostgreSQL takes all values as one.
    """
    kind: TypeEngine[Any] = column.type
    if values and dialect_of(session).takes_arrays:
        if isinstance(kind, Integer):
            # Without the bounds, where there are no statistics, PostgreSQL reads all of an instance by another index;
            # with them it reads all that lies between, so that they are drawn around values that are close together.
            for near in close_together(values):
                yield column.between(near[0], near[-1]) & (column == any_(_array(kind, near, ",")))
        elif type(kind) in (String, Text) and all(values) and not any(_SEPARATOR in each for each in values):
            yield column == any_(_array(Text(), values, _SEPARATOR))
        else:
            yield column == any_(bindparam(None, values, type_=ARRAY(kind)))
        return
    for start in range(0, len(values), VALUES_A_STATEMENT):
        yield column.in_(values[start : start + VALUES_A_STATEMENT])


def close_together(values: Sequence[int]) -> Iterator[list[int]]:
    """The values in their order, cut at the widest gaps: where more lies between two than one more statement costs."""
    ordered = sorted(values)
    gaps = [(after - before, place) for place, (before, after) in enumerate(pairwise(ordered), 1)]
    wide = nlargest(MOST_CUTS, (each for each in gaps if each[0] > WIDE_GAP))
    cuts = [0, *sorted(place for _, place in wide), len(ordered)]
    for begin, end in pairwise(cuts):
        yield ordered[begin:end]


def _array(kind: TypeEngine[Any], values: Sequence[Any], separator: str) -> ColumnElement[Any]:
    """The values as one text, as the driver takes long over a list; PostgreSQL makes an array of it before it plans.

    A cast of the whole text would be made anew for each row, as the reading of an array is not immutable.
    """
    numbers = func.string_to_array(bindparam(None, separator.join(map(str, values)), type_=String()), separator)
    return cast_to(numbers, ARRAY(kind))


def not_in(session: Session, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """That ``column`` is none of ``values``, of which there are no more than fit into a statement."""
    if dialect_of(session).takes_arrays:
        return cast(ColumnElement[bool], column != all_(bindparam(None, values, type_=ARRAY(column.type))))
    return cast(ColumnElement[bool], column.not_in(values))


def is_exactly(session: Session, column: Any, value: str) -> list[ColumnElement[bool]]:
    """What makes ``column == value`` one by code points: MariaDB takes more for equal (case, accents, last blanks)."""
    if dialect_of(session).is_equality_exact:
        return []
    return [cast_to(column, LargeBinary) == value.encode()]
