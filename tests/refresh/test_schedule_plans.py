"""What a tick reads while 10,000 stores are connected and nothing is due: the rows that are due, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, insert, select, text

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.lifecycle import schedule
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.messages import outbox

from .conftest import Connect, Mirror

STORES = 10_000
LARGE = ("leases", "instances", "refreshes")


def fill(mirror: Mirror) -> None:
    """As many stores like the first one, each brought up to date and due in a while."""
    tables = mirror.engine.tables
    (instance,), leases = mirror.rows("instances"), mirror.rows("leases")
    refreshes = mirror.rows("refreshes", status="completed")
    now = mirror.transaction(lambda session: session.scalar(select(db_now())))
    # The first one's are not due either.
    mirror.execute(tables.leases.update().values(next_sync_at=now + timedelta(seconds=100)))
    for begin in range(1, STORES, 1000):
        numbers = range(begin + 1, begin + 1001)
        copies: dict[str, list[dict[str, Any]]] = {name: [] for name in LARGE}
        for number in numbers:
            mine = {"instance_id": number}
            due = {"next_sync_at": now + timedelta(seconds=100 + number % 200)}
            copies["instances"].append(instance | {"id": number, "name_key": f"{number}", "store_hash": f"s{number}"})
            copies["leases"] += [lease | mine | due for lease in leases]
            # Ids are given by the database.
            copies["refreshes"] += [{**{k: v for k, v in row.items() if k != "id"}, **mine} for row in refreshes]
        for name, rows in copies.items():
            mirror.transaction(
                lambda session, name=name, rows=rows: session.execute(insert(getattr(tables, name)), rows)
            )


def explained(mirror: Mirror, statement: Select[Any]) -> list[dict[str, Any]]:
    """Each scan of the plan that the statement is really read by."""
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        compiled = statement.compile(engine, compile_kwargs={"render_postcompile": True})
        names = compiled.positiontup
        given: Any = compiled.params if names is None else tuple(compiled.params[name] for name in names)
        with engine.connect() as connection:
            if engine.name == "postgresql":
                sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled.string}"
                found = connection.exec_driver_sql(sql, given).scalar_one()
                plan = found if isinstance(found, list) else json.loads(found)
                return list(scans(plan[0]["Plan"]))
            return [dict(row._mapping) for row in connection.exec_driver_sql(f"EXPLAIN {compiled.string}", given)]


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
    fill(mirror)
    with mirror.app.app_context():
        engine = mirror.host_app.db.engine
        verb = "ANALYZE" if engine.name == "postgresql" else "ANALYZE TABLE"
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in (*LARGE, "hints"):
                connection.execute(text(f"{verb} {mirror.table(name).name}"))

    def waiting(session: Any) -> Select[Any]:
        now = session.scalar(select(db_now()))
        return schedule._waiting(session, mirror.engine, now, None, False)

    for statement in (mirror.transaction(waiting), outbox._ready(mirror.engine).limit(16)):
        found = explained(mirror, statement)
        assert found
        assert max(map(read, found)) < 100, json.dumps(found, default=str)
