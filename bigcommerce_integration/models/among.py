"""Rows by many values at once: a long IN is slow to compile and to send, and PostgreSQL takes them as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, all_, any_, bindparam
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

# Well below SQLite's oldest limit on parameters, and few enough for one index scan each.
VALUES_A_STATEMENT = 900


def among(session: Session, column: Any, values: Sequence[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions, one a statement, that together hold for the rows whose ``column`` is one of ``values``."""
    kind: TypeEngine[Any] = column.type
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    if values and is_postgresql:
        yield column == any_(bindparam(None, values, type_=ARRAY(kind)))
        return
    for start in range(0, len(values), VALUES_A_STATEMENT):
        yield column.in_(values[start : start + VALUES_A_STATEMENT])


def not_among(session: Session, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """That ``column`` is none of ``values``, of which there are no more than fit into a statement."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(ColumnElement[bool], column != all_(bindparam(None, values, type_=ARRAY(column.type))))
    return cast(ColumnElement[bool], column.not_in(values))
