"""Searches for the beginning of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Session

from .databases import dialect_of


def text_begins_with(session: Session, column: Any, beginning: str) -> ColumnElement[bool]:
    """Whether the text of ``column`` begins so, in any case; by an index of ``TEXT_RANGES``."""
    dialect = dialect_of(session)
    # MariaDB's LIKE looks at no case, and serves by the index as long as no function is around the column.
    is_like = column.ilike if dialect.is_equality_exact else column.like
    like: ColumnElement[bool] = is_like(f"{like_escaped(beginning)}%", escape="/")
    ranges = _spellings(beginning) if dialect.needs_text_ranges else ()
    return and_(like, or_(*(_between(column, each) for each in ranges))) if ranges else like


def like_escaped(text: str) -> str:
    """The text as a part of a pattern in which ``/`` is the escape."""
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


TEXT_RANGES = "varchar_pattern_ops"
"""PostgreSQL's class of an index that serves ranges of text by their bytes, besides equality."""


_MOST_SPELLINGS = 16


def _spellings(beginning: str) -> Sequence[str]:
    """How a text that begins so in any case may begin, by as many characters as there are not too many ways for.

    They end before a letter that is not of ASCII. None if that is the first.
    """
    found = [""]
    for character in beginning:
        cases = {character.lower(), character.upper()}
        if not " " <= character < "~" or len(found) * len(cases) > _MOST_SPELLINGS:
            break
        found = [each + case for each in found for case in sorted(cases)]
    return found if found != [""] else ()


def _between(column: Any, beginning: str) -> ColumnElement[bool]:
    """That the bytes of the text begin so."""
    end = f"{beginning[:-1]}{chr(ord(beginning[-1]) + 1)}"
    return and_(column.op("~>=~", is_comparison=True)(beginning), column.op("~<~", is_comparison=True)(end))
