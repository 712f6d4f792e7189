"""The database's own clock: leases of workers on several machines must agree on one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, bindparam, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from .dialect.databases import now_sql
from .types import moment


class db_now(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """Now, in naive UTC with microseconds, plus ``plus_s`` seconds; moves within a transaction too."""

    type = moment()
    inherit_cache = True

    def __init__(self, plus_s: float = 0.0) -> None:
        super().__init__(bindparam(None, float(plus_s), type_=Float()))


ALLOWED_S = 60.0
"""How far clocks may be apart."""


def is_due(moment: ColumnElement[Any], *, within_s: float, now: datetime | None = None) -> ColumnElement[bool]:
    """Whether a stored time has come, or is none; by ``now``, if the database has just told it.

    A clock that moves within a statement is no range of an index; a value is.

    Also if it lies further ahead than anybody in his right mind could have set it, ``within_s`` seconds: the database's
    clock was wrong then, and to wait for that time could mean to wait for years.
    """
    if now is not None:
        return or_(moment.is_(None), moment <= now, moment > now + timedelta(seconds=within_s + ALLOWED_S))
    return or_(moment.is_(None), moment <= db_now(), moment > db_now(within_s + ALLOWED_S))


@compiles(db_now)
def _compiled(element: db_now, compiler: SQLCompiler, **kw: Any) -> str:
    return now_sql(compiler.dialect.name, compiler.process(element.clauses, **kw))
