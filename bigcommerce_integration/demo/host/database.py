"""The database that the demo may fill, by its URL."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..errors import CannotStart

OUR_TABLES = ("bigcommerce_", "demo_")
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def database_url(text: str) -> URL:
    """The URL with the driver that the extras install, if it names none; ``CannotStart`` if it is no URL."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise CannotStart("--database-url is not a URL such as postgresql://me@127.0.0.1/empty.") from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise CannotStart("--database-url: a database in memory cannot be shared with a worker; name a file.")
    if url.get_backend_name() not in ("sqlite", *_DRIVERS):
        raise CannotStart(f"--database-url: PostgreSQL, MariaDB, MySQL and SQLite are supported, not {url.drivername}.")
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def require_empty(url: URL) -> None:
    """``CannotStart`` if the database cannot be reached or holds tables of the plugin or of the demo."""
    shown = url.render_as_string(hide_password=True)
    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
    except ModuleNotFoundError as error:
        raise CannotStart(f"{error.name} is missing: pip install 'bigcommerce_integration[demo]'") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise CannotStart(f"The database {shown} cannot be used: {reason}") from error
    taken = sorted(name for name in tables if name.startswith(OUR_TABLES))
    if taken:
        raise CannotStart(
            f"The database {shown} is not empty: it has {len(taken)} tables of an earlier run, such as {taken[0]}. "
            "Name an empty one."
        )
