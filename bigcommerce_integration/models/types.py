"""How tables are declared: column types that Alembic renders without importing this package, exact on all databases."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, MetaData, Numeric, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from ..resources.values import MONTH_NAMES
from .dialect.databases import MARIADB, SQLITE

NAME_LENGTH = 255
"""Of the names of instances, of callers and of tenants."""
FOUR_BYTES: dict[str, Any] = {f"{dialect}_default_charset": "utf8mb4" for dialect in MARIADB.names}
"""What a table is made with, so that it holds every character whatever the database's own character set is."""
DECLARED = MetaData()
"""The tables that are the same whatever the collections are; ``Tables`` has their copies."""


def declare_table(name: str, *items: SchemaItem, sqlite_autoincrement: bool = False) -> None:
    """Declare a table of this name, which is also that of the attribute of ``Tables``."""
    options = FOUR_BYTES | {"sqlite_autoincrement": sqlite_autoincrement}
    Table(f"bigcommerce_{name}", DECLARED, *items, **options)


def row_id() -> TypeEngine[int]:
    """A 64-bit key; plain INTEGER on SQLite, where only that counts up by itself."""
    return BigInteger().with_variant(Integer(), *SQLITE.names)


def moment() -> TypeEngine[Any]:
    """A naive UTC time with microseconds (MySQL's own DATETIME drops them)."""
    return DateTime().with_variant(mysql.DATETIME(fsp=6), *MARIADB.names)


def moment_text(moment: datetime | None) -> str | None:
    """A naive UTC time in ISO 8601."""
    return None if moment is None else f"{moment.isoformat(timespec='microseconds')}Z"


def day_text(day: date) -> str:
    """A day as people write it: 22 Oct 2025, in any locale."""
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def when_text(moment: datetime) -> str:
    """A naive UTC time as people write it: 22 Oct 2025 14:05 UTC."""
    return f"{day_text(moment)} {moment:%H:%M} UTC"


def amount_text(value: Decimal, currency: str | None) -> str:
    """An amount as people write it: with two decimals or as many as it has, and its currency if it is known."""
    amount = Decimal(str(value)).normalize()
    exponent = amount.as_tuple().exponent
    decimals = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{amount:,.{decimals}f} {currency or ''}".strip()


def long_text() -> TypeEngine[str]:
    """Text without a limit that a payload could reach (MySQL's TEXT ends at 64 KiB)."""
    return Text().with_variant(mysql.LONGTEXT(), *MARIADB.names)


def long_bytes() -> TypeEngine[bytes]:
    """Bytes without a limit that a payload could reach (MySQL's BLOB ends at 64 KiB)."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), *MARIADB.names)


def exact_string(length: int) -> TypeEngine[str]:
    """A string whose case and accents count in comparisons on MariaDB too."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), *MARIADB.names
    )


def money() -> TypeEngine[Any]:
    """BigCommerce's amounts have four decimals; SQLite keeps about 15 digits of them."""
    return Numeric(20, 4)


def exchange_rate() -> TypeEngine[Any]:
    """BigCommerce's exchange rates have ten decimals."""
    return Numeric(20, 10)
