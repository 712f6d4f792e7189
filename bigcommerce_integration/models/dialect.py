"""What each database does in its own way: a value for each, and the functions that read it.

No other place asks which database it has, but for the column types (``types``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from typing import Any, Literal, cast

from sqlalchemy import (
    ARRAY,
    URL,
    ColumnElement,
    Connection,
    Delete,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    Update,
    all_,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import insert as for_postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

Lack = Literal["conflict", "connection", "connections", "disk", "memory", "migration", "read-only", "time"]
"""What a database was short of while the values that it was given are right."""


@dataclass(frozen=True)
class LockWait:
    """How the longest wait for a lock is read and set, and how many of its units make a second."""

    read: str
    write: str
    units: int


@dataclass(frozen=True)
class Dialect:
    """One database.

    ``now`` is the present in naive UTC plus ``{seconds}``. ``begins_with`` are the statements that begin a job's
    transaction, unless it is small. ``locks_within_writes``: an UPDATE or DELETE can pass over rows that are locked.
    ``writes_within_reads``: a WITH may hold an UPDATE or DELETE, and the rest reads what that returns.
    ``ends_with_errors``: a statement that fails ends its transaction.
    ``errors`` are its numbers or states (a state by its beginning), ``conflicts`` those after which the same work may
    succeed, ``text_errors`` those that refuse a character. The rest is about plans: whether the values of a long IN go
    as one array, whether a column that is NULL throughout must stand in ORDER BY, whether an index must be forced,
    whether a comparison of row values or IS NOT NULL is seen as a range of an index, and whether a search in any case
    is seen as one only by ranges beside it. ``idle_limit_s`` reads how long a session may idle within a transaction.
    """

    names: tuple[str, ...]
    now: str
    errors: Mapping[int | str, Lack]
    conflicts: frozenset[int | str]
    text_errors: frozenset[int] = frozenset()
    has_row_locks: bool = True
    locks_within_writes: bool = False
    writes_within_reads: bool = False
    is_read_committed: bool = True
    ends_with_errors: bool = False
    begins_with: Sequence[str] = ()
    lock_wait: LockWait | None = None
    is_equality_exact: bool = True
    takes_arrays: bool = False
    orders_by_constants: bool = False
    needs_forced_index: bool = False
    sees_row_values: bool = True
    sees_not_null: bool = False
    needs_text_ranges: bool = False
    idle_limit_s: str | None = None


POSTGRESQL = Dialect(
    names=("postgresql",),
    now="((clock_timestamp() AT TIME ZONE 'UTC') + make_interval(secs => {seconds}))",
    # By the SQLSTATE (PostgreSQL, appendix A).
    errors={
        **dict.fromkeys(("40", "55P03"), "conflict"),
        **dict.fromkeys(("08", "57"), "connection"),
        "53300": "connections",
        **dict.fromkeys(("53100", "58", "XX001", "XX002"), "disk"),
        **dict.fromkeys(("42703", "42P01"), "migration"),
        **dict.fromkeys(("53", "53200"), "memory"),
        "25006": "read-only",
        **dict.fromkeys(("25P03", "25P04", "57014", "57P05"), "time"),
    },
    # serialization failure, deadlock, lock time-out
    conflicts=frozenset({"40001", "40P01", "55P03"}),
    # No plan of a prepared statement that was made while our tables were still empty.
    begins_with=("SET LOCAL plan_cache_mode = force_custom_plan",),
    locks_within_writes=True,
    writes_within_reads=True,
    ends_with_errors=True,
    lock_wait=LockWait(
        "SELECT current_setting('lock_timeout')", "SELECT set_config('lock_timeout', :wait, true)", 1000
    ),
    takes_arrays=True,
    orders_by_constants=True,
    sees_not_null=True,
    needs_text_ranges=True,
    # In milliseconds where a number has no unit.
    idle_limit_s="SELECT setting::bigint / 1000.0 FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'",
)
MARIADB = Dialect(
    names=("mysql", "mariadb"),
    now="(UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND)",
    # By the number (MySQL and MariaDB: the reference of server, client and global errors).
    errors={
        **dict.fromkeys((1020, 1205, 1206, 1213, 1615, 1637), "conflict"),
        **dict.fromkeys((0, 1047, 1053, 1077, 1078, 1079, 1152, 1153, 1158, 1159, 1160, 1161, 1184), "connection"),
        **dict.fromkeys((1927, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2026, 2045, 2055, 3169, 4031), "connection"),
        **dict.fromkeys((1040, 1129, 1135, 1203, 1226), "connections"),
        **dict.fromkeys((3, 20, 1021, 1023, 1026, 1028, 1030, 1114, 1180, 1194, 1195, 1878), "disk"),
        **dict.fromkeys((1054, 1146), "migration"),
        **dict.fromkeys((5, 1037, 1038, 1041), "memory"),
        **dict.fromkeys((1036, 1290, 1792, 1836), "read-only"),
        **dict.fromkeys((1317, 1969, 3024), "time"),
    },
    # deadlock, lock wait time-out, record changed since last read
    conflicts=frozenset({1213, 1205, 1020}),
    # An illegal mix of collations (1267, 1270, 1271), a string that a character set does not hold (1300, 1366, 3988).
    text_errors=frozenset({1267, 1270, 1271, 1300, 1366, 3988}),
    lock_wait=LockWait("SELECT @@innodb_lock_wait_timeout", "SET SESSION innodb_lock_wait_timeout = :wait", 1),
    is_equality_exact=False,
    needs_forced_index=True,
    sees_row_values=False,
    idle_limit_s="SELECT @@idle_transaction_timeout",
)
SQLITE = Dialect(
    names=("sqlite",),
    # Six digits, as SQLAlchemy stores times: they are compared as text.
    now="strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')",
    errors={
        **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL), "conflict"),
        **dict.fromkeys((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN), "disk"),
        **dict.fromkeys((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB), "disk"),
        sqlite3.SQLITE_NOMEM: "memory",
        sqlite3.SQLITE_READONLY: "read-only",
        sqlite3.SQLITE_INTERRUPT: "time",
    },
    conflicts=frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}),
    has_row_locks=False,
    is_read_committed=False,
)
_BY_NAME = {name: dialect for dialect in (POSTGRESQL, MARIADB, SQLITE) for name in dialect.names}


def dialect_of(session: Session) -> Dialect:
    """The database that a session talks to."""
    return _BY_NAME[session.get_bind().dialect.name]


# -- transactions and locks ----------------------------------------------------------------------------------------


def begin(session: Session, *, is_small: bool = False) -> None:
    """Begin a job's transaction: READ COMMITTED, whatever the host's default is.

    So a page reads what others committed meanwhile, and no gap is locked. One that ``is_small`` reads and writes rows
    by their keys alone, and may do so by old plans.
    """
    if dialect_of(session).is_read_committed:
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
    if not is_small:
        plan_anew(session)


def plan_anew(session: Session) -> None:
    """Read by no plan of a time when tables were smaller, until the transaction ends."""
    for statement in dialect_of(session).begins_with:
        session.connection().exec_driver_sql(statement)


def is_lockable(session: Session, row: Select[Any]) -> bool:
    """Lock this row, or say no if there is none or another transaction has it: nobody waits for a frozen process.

    Where there are no row locks (SQLite) the answer is always yes.
    """
    if not dialect_of(session).has_row_locks:
        return True
    return session.execute(row.with_for_update(skip_locked=True)).first() is not None


def affected(session: Session, statement: Update | Delete, values: Mapping[str, Any] | None = None) -> int:
    """How many rows it has changed; ``values`` are those of its parameters."""
    result: Any = session.execute(statement, values)
    return int(result.rowcount)


def inserted(session: Session, table: Table, rows: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Insert the rows in one statement; each with its ``id``. ``key`` names a column in which no two are equal."""
    new, column = insert(table), table.c[key]
    if session.get_bind().dialect.insert_executemany_returning:
        found = session.execute(new.returning(column, table.c.id), rows).all()
    else:
        session.execute(new, rows)
        found = session.execute(select(column, table.c.id).where(column.in_([each[key] for each in rows]))).all()
    ids = dict(map(tuple, found))
    return [each | {"id": ids[each[key]]} for each in rows]


def inserted_id(session: Session, table: Table, row: Mapping[str, Any], *, unique: Sequence[str]) -> int | None:
    """Insert the row; its id, or None if another row has its values in the columns of the constraint ``unique``.

    The transaction goes on either way. ``sqlalchemy.exc.IntegrityError`` if another constraint is violated.
    """
    if dialect_of(session).ends_with_errors:
        new = for_postgresql(table).on_conflict_do_nothing(index_elements=unique).returning(table.c.id)
        found: int | None = session.scalar(new, dict(row))
        return found
    try:
        result: Any = session.execute(insert(table), dict(row))
        return int(result.inserted_primary_key[0])
    except IntegrityError as error:
        failed = error
    # The latest that is committed, also where the transaction reads from an older snapshot (MariaDB).
    same = (table.c[name] == row[name] for name in unique)
    if session.execute(select(table.c.id).where(*same).with_for_update(read=True)).first() is None:
        raise failed
    return None


def write_free(session: Session, statement: Update | Delete, key: Any, *conditions: ColumnElement[bool]) -> int:
    """Write the rows that meet the conditions and that no other transaction has locked; how many.

    ``key`` is the column of the primary key. Nobody waits for a frozen process.
    """
    dialect = dialect_of(session)
    rows = select(key).where(*conditions)
    if dialect.locks_within_writes:
        return affected(session, statement.where(key.in_(rows.with_for_update(skip_locked=True))))
    return affected(session, statement.where(*conditions)) if is_lockable(session, rows) else 0


def write_and_drop(session: Session, change: Update, key: Any, of_parts: Any, keys: Sequence[Any]) -> int:
    """Change rows with a ``key`` among ``keys``, and delete what belongs to them; how many were changed.

    ``of_parts`` is the primary key of another table that names the row it belongs to; what another transaction has
    locked there stays.
    """
    if not dialect_of(session).writes_within_reads:
        changed = affected(session, change)
        for each in keys if changed else ():
            write_free(session, delete(of_parts.table), of_parts, of_parts == each)
        return changed
    done = change.returning(key).cte("done")
    free = select(of_parts).where(of_parts.in_(select(done.c[key.name]))).with_for_update(skip_locked=True)
    dropped = delete(of_parts.table).where(of_parts.in_(free)).returning(of_parts).cte("dropped")
    return int(session.execute(select(func.count()).select_from(done).add_cte(dropped)).scalar_one())


def writes_within_reads(session: Session) -> bool:
    """Whether a WITH may hold an UPDATE, so that one statement writes and reads."""
    return dialect_of(session).writes_within_reads


def unlocked(session: Session, rows: Select[Any], table: Table) -> Select[Any]:
    """The statement with a lock on the rows of ``table``, without those that another transaction has locked.

    MariaDB locks the rows of the other tables along.
    """
    return rows.with_for_update(of=table, skip_locked=True) if dialect_of(session).has_row_locks else rows


def lockable(session: Session, column: Any, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    """Lock the rows of a table that no other transaction has; the values of ``column`` in them."""
    rows = select(column).where(*conditions)
    if dialect_of(session).has_row_locks:
        rows = rows.with_for_update(skip_locked=True)
    return session.scalars(rows).all()


@contextmanager
def bounded_waits(session: Session, seconds: int) -> Iterator[None]:
    """Within, a lock that another transaction keeps longer than ``seconds`` is a conflict (see ``is_conflict``).

    PostgreSQL would wait for a frozen process for ever, MariaDB for 50 seconds. SQLite has its own ``timeout``.
    """
    wait = dialect_of(session).lock_wait
    if wait is None:
        yield
        return
    before = session.scalar(text(wait.read))
    session.execute(text(wait.write), {"wait": str(seconds * wait.units) if wait.units > 1 else seconds})
    try:
        yield
    finally:
        # A transaction that PostgreSQL has broken off takes no statement; the setting ends with it.
        with suppress(DBAPIError):
            session.execute(text(wait.write), {"wait": before})


# -- what the server is set to ---------------------------------------------------------------------------------------


def idle_limit_s(session: Session) -> float | None:
    """After how many seconds the server ends a session that idles within a transaction: 0 is never.

    None where there is no such limit (SQLite, MySQL).
    """
    statement = dialect_of(session).idle_limit_s
    if statement is None:
        return None
    try:
        return float(session.scalar(text(statement)) or 0)
    except DBAPIError:
        session.rollback()
        return None


def tables_without_four_bytes(session: Session, names: Sequence[str]) -> list[str]:
    """Those of these tables with a text column that holds no character of four bytes; none but on MySQL and MariaDB."""
    if dialect_of(session) is not MARIADB:
        return []
    wanted = text(
        "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND character_set_name NOT IN ('utf8mb4', 'utf16', 'utf32') AND table_name IN :names ORDER BY table_name"
    )
    return list(session.scalars(wanted.bindparams(bindparam("names", list(names), expanding=True))))


# -- conditions ----------------------------------------------------------------------------------------------------

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


def now_sql(dialect_name: str, seconds: str) -> str:
    """The database's present plus ``seconds``, which is SQL too."""
    return _BY_NAME[dialect_name].now.format(seconds=seconds)


def takes_copy(connection: Connection) -> bool:
    """Whether the driver is one whose COPY is much faster than statements of many rows (psycopg)."""
    # A host that has its tables elsewhere by a map of schemas is served by statements that SQLAlchemy makes.
    has_map = connection.get_execution_options().get("schema_translate_map")
    return connection.dialect.driver == "psycopg" and not has_map


def is_in_memory(url: URL) -> bool:
    """Whether this is SQLite in memory, of which each process has its own."""
    name = url.database or ""
    is_private = name in ("", ":memory:") or name.startswith("file::memory:") or url.query.get("mode") == "memory"
    return url.get_backend_name() in SQLITE.names and is_private


# -- errors --------------------------------------------------------------------------------------------------------

_MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")


def _code(cause: BaseException | None) -> tuple[Dialect, int | str | None]:
    """Whose error a driver has raised, and its number or state."""
    if isinstance(cause, sqlite3.Error):
        return SQLITE, getattr(cause, "sqlite_errorcode", 0) & 0xFF
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return MARIADB, number
    return POSTGRESQL, getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def lack_of(cause: BaseException | None) -> Lack | None:
    """What the database was short of that a driver's error tells of, if that is what it tells of."""
    dialect, code = _code(cause)
    if dialect is SQLITE and any(words in str(cause) for words in _MISSING_IN_SQLITE):
        return "migration"
    if isinstance(code, str):
        return dialect.errors.get(code) or dialect.errors.get(code[:2])
    if code is None:
        # PostgreSQL's drivers have no state for a server that was never reached, or is gone.
        return "connection" if type(cause).__name__ in ("OperationalError", "ConnectionTimeout") else None
    return dialect.errors.get(code)


def is_lock_error(cause: BaseException | None) -> bool:
    """Whether a driver's error says that another transaction is in the way."""
    dialect, code = _code(cause)
    return code in dialect.conflicts


def is_text_refused(error: BaseException) -> bool:
    """Whether MariaDB or MySQL refuses a text, as a column of three-byte characters can neither hold nor compare it."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    dialect, code = _code(cause)
    return code in dialect.text_errors and (code != 1366 or "string value" in str(cause))
