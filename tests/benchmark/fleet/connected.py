"""Very many stores that are connected and have nothing due."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Collection, Iterator

from sqlalchemy import text, update

from bigcommerce_integration.models import db_now

from ...copied_stores import copy_store
from ..table import Row
from .scene import fleet

NAMES = ("idle",)
CPU_SHARE, STATEMENTS_A_S = 0.01, 1.0
"""Aims, of each process."""
LONG_S = 3600.0
SETTLES_S = 12.0


def rows(options: Namespace, wanted: Collection[str]) -> Iterator[Row]:
    """One is connected and read; the others are copies of its rows."""
    if not wanted:
        return
    with fleet(options, (1, options.records, options.records)) as all_:
        with all_.crew():
            all_.connect(all_.server.hashes)
            all_.settle(1)
        tables = all_.stage.tables
        with all_.stage.session() as session:
            session.execute(update(tables.instances).values(is_automatic_sync_enabled=True))
            session.commit()
            copy_store(session, tables, options.connected)
            session.execute(update(tables.leases).values(next_sync_at=db_now(LONG_S)))
            session.commit()
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text("ANALYZE"))
                session.commit()
        with all_.crew(sync_interval_s=2 * LONG_S):
            time.sleep(SETTLES_S)
            with all_.measured() as spent:
                time.sleep(options.seconds)
    used, processes = spent(), options.processes
    name, told = f"{options.connected:,} stores connected, nothing due: a process's", used.told()
    share = used.cpu_s["workers"] / used.wall_s / processes
    yield Row(f"{name} CPU", [(100 * share, 100 * CPU_SHARE)], 1.0, "%", beside=f"in {used.wall_s:.0f} s; {told}")
    a_second = used.statements / used.wall_s / processes
    yield Row("… statements a second", [(a_second, STATEMENTS_A_S)], 1.0, "/s")
