"""Databases as hosts of version 0.1.0 left them, in ``tests/data``; ``python -m tests.upgrade.dumps`` makes them anew.

They are made by running that version's own code (``old_host.py``) against the store below, on each database.
"""

from __future__ import annotations

import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..services import DATABASES, fresh_database
from .old_code import environment, unpack

DATA = Path(__file__).parents[1] / "data"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOKEN = "t0ken-of-the-store-that-was-upgraded"
LATENCY_MS = 40


def store() -> SandboxStore:
    """The store that was connected, with every record as it was then."""
    return SandboxStore(32, 36, seed=10, now=NOW, store_hash="upgraded10", access_token=TOKEN)


def spoil(store: SandboxStore) -> None:
    """Let a product and an order come so that no version can store them."""
    for ids, records, spoilt in (
        (store.product_ids, dict(store.product_records()), store.spoilt_products),
        (store.order_ids, dict(store.order_records()), store.spoilt_orders),
    ):
        spoilt[ids[3]] = json.dumps({**json.loads(records[ids[3]]), "date_modified": "some day"})


def path_of(kind: str) -> Path:
    """Where the dump for this kind of database is."""
    return DATA / f"rows-0.1.0.{kind}.sql.xz"


def load(kind: str, url: str) -> None:
    """Fill the empty database at ``url``."""
    sql = lzma.decompress(path_of(kind).read_bytes()).decode()
    if kind == "sqlite":
        with sqlite3.connect(make_url(url).database or "") as connection:
            connection.executescript(sql)
        connection.close()
        return
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, connection.connection.cursor() as cursor:
        # Both programs write each statement to a line's end, and no text holds a line's end.
        for statement in sql.split(";\n"):
            if statement.strip():
                cursor.execute(statement)


def make(kind: str, old: Path, directory: Path) -> None:
    """Run the old host on such a database, and keep what it leaves."""
    with fresh_database(kind, directory) as url, SandboxServer(served := store(), latency_ms=LATENCY_MS) as server:
        spoil(served)
        script = Path(__file__).with_name("old_host.py")
        arguments = [url, server.api_url, served.store_hash, TOKEN]
        subprocess.run([sys.executable, str(script), *arguments], cwd=old, env=environment(old), check=True)
        path_of(kind).write_bytes(lzma.compress(_dump(kind, url).encode(), preset=9))


def _dump(kind: str, url: str) -> str:
    if kind == "sqlite":
        connection = sqlite3.connect(make_url(url).database or "")
        with connection:
            return "\n".join(connection.iterdump())
    parts = make_url(url)
    place = [f"--host={parts.host}", f"--port={parts.port}", f"--{'username' if kind == 'postgresql' else 'user'}"]
    place[-1] += f"={parts.username}"
    options = {
        "postgresql": ["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments"],
        "mariadb": ["mariadb-dump", "--skip-comments", "--skip-add-locks", "--skip-lock-tables", "--order-by-primary"],
    }
    done = subprocess.run(
        [*options[kind], *place, str(parts.database)],
        env={**os.environ, "PGPASSWORD": parts.password or "", "MYSQL_PWD": parts.password or ""},
        capture_output=True,
        check=True,
    )
    lines = done.stdout.decode().splitlines(keepends=True)
    # Commands for the servers' own clients, and remarks.
    return "".join(line for line in lines if not line.startswith(("\\", "--", "/*M!"))).strip()


def main() -> None:
    """Make all three."""
    with tempfile.TemporaryDirectory() as directory:
        old = unpack(Path(directory))
        for kind in DATABASES:
            make(kind, old, Path(directory))
            print(path_of(kind), path_of(kind).stat().st_size)  # noqa: T201 - for the person who runs it


if __name__ == "__main__":
    main()
