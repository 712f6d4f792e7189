"""Checks of the database: whether it answers, its tables, its settings, its clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, UniqueConstraint, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from ...client.clock import TOLERANCE
from ...models import db_now
from ...models.dialect.server import idle_limit_s, tables_without_four_bytes
from ...refresh.job.database import shortage
from .deployment import Deployment
from .results import Result

log = logging.getLogger(__name__)

MIGRATE = "Run the host's migration: `flask db migrate`, read it, then `flask db upgrade`."
_MOST_NAMED = 5
_LONGEST_S = 3600.0


def failed(check: str, error: Exception, deployment: Deployment) -> Result:
    """What an error within a check says; of one that is not known only its kind."""
    found = shortage(error) if isinstance(error, SQLAlchemyError) else None
    if found is None:
        text = f"Something unexpected happened: {type(error).__name__}."
        log.debug("The check %s failed.", check, exc_info=error, extra={"action": "doctor"})
        remedy = "Report it, with the traceback that the logger bigcommerce_integration has at the level DEBUG."
        return Result(check, "failure", text, remedy)
    text = found.described
    if found.lack == "connection":
        text = f"The database does not answer: {_driver_text(error, deployment)}."
        remedy = f"{found.advice} A running app knows since when: GET /api/big-commerce/health."
        return Result(check, "failure", text, remedy, can_wait=False)
    return Result(check, "failure", text, found.advice, can_wait=False)


def _driver_text(error: Exception, deployment: Deployment) -> str:
    """The driver's own first line: a password wrong, a name unknown, a connection refused; never a password."""
    cause = getattr(error, "orig", None)
    parts = [str(each) for each in getattr(cause, "args", ()) if not isinstance(each, int)]
    line = next((part.strip().splitlines()[0] for part in parts if part.strip()), type(cause).__name__)
    password = deployment.engine.url.password
    return (line.replace(str(password), "••••••••") if password else line)[:300].rstrip(".")


# -- connection ----------------------------------------------------------------------------------------------------


def connection(deployment: Deployment) -> list[Result]:
    """Connect, and ask for the time."""
    began = time.monotonic()
    with deployment.session() as session:
        session.execute(select(db_now())).one()
        took_ms = (time.monotonic() - began) * 1000
        dialect = session.connection().dialect
        version = ".".join(map(str, dialect.server_version_info or ()))
    text = f"{dialect.name} {version} by {dialect.driver} answers in {took_ms:.0f} ms."
    return [Result("database", "ok", text)]


# -- tables --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """What the database has of one table: names of columns, and of unique constraints and indexes."""

    columns: frozenset[str]
    indexes: frozenset[str]


def tables(deployment: Deployment) -> list[Result]:
    """Compare our tables with what the database has."""
    expected = deployment.state.tables.named().values()
    with deployment.session() as session:
        inspector = inspect(session.connection())
        stored = {}
        for schema in {table.schema for table in expected}:
            names: Any = {"schema": schema, "filter_names": [each.name for each in expected if each.schema == schema]}
            columns = inspector.get_multi_columns(**names)
            uniques: Any = inspector.get_multi_unique_constraints(**names)
            indexes: Any = inspector.get_multi_indexes(**names)
            for key, found in columns.items():
                named = [each["name"] for each in (*uniques.get(key, ()), *indexes.get(key, ())) if each["name"]]
                stored[key] = Stored(frozenset(each["name"] for each in found), frozenset(named))
    if missing := _missing(expected, stored):
        deployment.lack = f"the database lacks {_few(missing, 1)}"
    return judge_tables(expected, stored)


def judge_tables(expected: Collection[Table], stored: Mapping[tuple[str | None, str], Stored]) -> list[Result]:
    """What the migration that is missing would bring; an index that is missing costs time alone."""
    if missing := _missing(expected, stored):
        text = f"The database lacks {_few(missing)}: a migration is missing. Refreshes wait meanwhile."
        return [Result("tables", "failure", text, MIGRATE, can_wait=False)]
    by_table = _by_table(expected, stored)
    slow = [
        each.name
        for table, found in by_table.items()
        for each in table.indexes
        if found and each.name and each.name not in found.indexes
    ]
    if slow:
        text = f"The database lacks {_few([str(name) for name in slow])}: lists are slow."
        return [Result("tables", "warning", text, MIGRATE)]
    return [Result("tables", "ok", f"All {len(by_table)} tables are as this version expects them.")]


def _by_table(
    expected: Collection[Table], stored: Mapping[tuple[str | None, str], Stored]
) -> dict[Table, Stored | None]:
    return {table: stored.get((table.schema, table.name)) for table in expected}


def _missing(expected: Collection[Table], stored: Mapping[tuple[str | None, str], Stored]) -> list[str]:
    """The tables, columns and unique constraints without which nothing works."""
    by_table = _by_table(expected, stored)
    missing = [table.name for table, found in by_table.items() if found is None]
    for table, found in by_table.items():
        if found is not None:
            missing += [f"{table.name}.{name}" for name in sorted({*table.c.keys()} - found.columns)]
            missing += [
                f"{table.name}, constraint {each.name}"
                for each in table.constraints
                if isinstance(each, UniqueConstraint) and each.name and each.name not in found.indexes
            ]
    return missing


def _few(names: list[str], most: int = _MOST_NAMED) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def character_set(deployment: Deployment) -> list[Result]:
    """Tables of MySQL and MariaDB that were made with three bytes for a character refuse some of them."""
    with deployment.session() as session:
        names = [each.name for each in deployment.state.tables.named().values()]
        narrow = tables_without_four_bytes(session, names)
    if not narrow:
        return [Result("character-set", "ok", "Every character has a place in the tables.")]
    text = f"Some characters (emoji) have no place in {_few(narrow)}: such records are rejected or their refresh waits."
    return [
        Result(
            "character-set", "warning", text, f"ALTER TABLE {narrow[0]} CONVERT TO CHARACTER SET utf8mb4; so for each."
        )
    ]


# -- transactions and clocks -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """How the app talks to the database; ``idle_limit_s`` as ``models.dialect.server.idle_limit_s``."""

    driver: str
    isolation: str
    idle_limit_s: float | None
    is_pinged: bool
    is_server: bool


def transactions(deployment: Deployment) -> list[Result]:
    """Read how the app's connections are set."""
    with deployment.session() as session:
        connection = session.connection()
        isolation: str = connection.get_isolation_level()
        limit_s = idle_limit_s(session)
        is_server = connection.dialect.name != "sqlite"
        driver = f"{connection.dialect.name}+{connection.dialect.driver}"
    is_pinged = bool(getattr(deployment.engine.pool, "_pre_ping", False))
    return judge_transactions(Settings(driver, isolation, limit_s, is_pinged, is_server))


def judge_transactions(settings: Settings) -> list[Result]:
    """What would break promises first, then what saves trouble."""
    name = "transactions"
    if settings.isolation in ("AUTOCOMMIT", "READ UNCOMMITTED") and settings.is_server:
        text = f"The app's connections have the isolation {settings.isolation}: half of a change may be seen or stay."
        return [Result(name, "failure", text, "Take isolation_level out of SQLALCHEMY_ENGINE_OPTIONS.", False)]
    results = []
    if settings.idle_limit_s == 0 or (settings.idle_limit_s or 0) > _LONGEST_S:
        text = "The database ends no session that idles in a transaction: a frozen worker would hold its store up."
        remedy = "Set idle_in_transaction_session_timeout (PostgreSQL), idle_transaction_timeout (MariaDB) to minutes."
        results.append(Result(name, "warning", text, remedy, is_advice=True))
    if settings.is_server and not settings.is_pinged:
        text = "Without pool_pre_ping the first request after a restart of the database fails."
        remedy = 'Set SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True}.'
        results.append(Result(name, "warning", text, remedy, is_advice=True))
    return results or [Result(name, "ok", f"{settings.driver}, isolation {settings.isolation}.")]


def clocks(deployment: Deployment) -> list[Result]:
    """Compare the database's clock with this machine's, less the time that the question took."""
    return [judge_clock(clock_skew_s(deployment))]


def clock_skew_s(deployment: Deployment) -> float:
    """By how many seconds the database's clock is ahead of this machine's."""
    with deployment.session() as session:
        session.connection()
        before = datetime.now(UTC).replace(tzinfo=None)
        told = session.scalar(select(db_now()))
        after = datetime.now(UTC).replace(tzinfo=None)
    assert told is not None
    skew: timedelta = told - (before + (after - before) / 2)
    return skew.total_seconds()


def judge_clock(skew_s: float) -> Result:
    """``skew_s``: by how many seconds the database's clock is ahead of this machine's."""
    text = f"The database's clock is {abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's."
    if abs(skew_s) <= TOLERANCE.total_seconds():
        return Result("clocks", "ok", text)
    return Result("clocks", "warning", text, "Set the clock that is wrong (NTP). Refreshes lose nothing meanwhile.")
