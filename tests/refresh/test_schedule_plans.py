"""What each tick reads while 10,000 stores are connected and nothing is due: the rows that are due, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.refresh.removal.purge import purge
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.spreadsheets.job import advance_imports
from bigcommerce_integration.worker.look import look
from bigcommerce_integration.worker.messages.outbox import send_due, take_ready

from ..copied_stores import NAMES, copy_store
from .conftest import Connect, Mirror

STORES = 10_000
TICK: tuple[Callable[[Engine], object], ...] = (
    look,
    lambda engine: begin_due(engine, with_following=False),
    lambda engine: take_ready(engine, most=16, delay_s=1.0),
    lambda engine: send_due(engine, lambda _: True),
    purge,
    advance_imports,
)
"""What each tick asks. What is done less often may look at more."""


def selects(mirror: Mirror, work: Callable[[Engine], object]) -> list[tuple[str, Any]]:
    """The queries that the work asks, with what they are asked with."""
    found: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, sql: str, given: Any, *___: Any) -> None:
        if sql.startswith("SELECT"):
            found.append((sql, given))

    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            work(mirror.engine)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    return found


def explained(mirror: Mirror, sql: str, given: Any) -> list[dict[str, Any]]:
    """Each scan of the plan that the query is really read by."""
    with mirror.app.app_context(), mirror.host_app.db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", given).scalar_one()
            plan = found if isinstance(found, list) else json.loads(found)
            return list(scans(plan[0]["Plan"]))
        rows = connection.exec_driver_sql(f"EXPLAIN {sql}", given)
        return [dict(row._mapping) for row in rows if row._mapping["table"]]


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node:
        yield node
    for each in node.get("Plans", ()):
        yield from scans(each)


def read(scan: dict[str, Any]) -> float:
    """How many rows a scan has read, or is thought to read."""
    if "rows" in scan:
        return float(scan["rows"] or 0)
    removed = sum(value for name, value in scan.items() if name.startswith("Rows Removed"))
    return float((scan["Actual Rows"] + removed) * scan["Actual Loops"])


@pytest.mark.slow
def test_a_tick_reads_what_is_due_and_no_other_rows(connect_server: Connect) -> None:
    mirror = connect_server(SandboxStore(1, 1, awkward=False), is_automatic_sync_enabled=True).completed()
    mirror.execute(mirror.table("hints").delete())
    mirror.execute(mirror.table("refreshes").update().values(status="completed", open_key=None))
    mirror.transaction(lambda session: copy_store(session, mirror.engine.tables, STORES))
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        verb = "ANALYZE" if engine.name == "postgresql" else "ANALYZE TABLE"
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in (*NAMES, "hints"):
                connection.execute(text(f"{verb} {mirror.table(name).name}"))

    for work in TICK:
        for sql, given in selects(mirror, work):
            found = explained(mirror, sql, given)
            assert max(map(read, found), default=0) < 100, f"{sql}: {json.dumps(found, default=str)}"
