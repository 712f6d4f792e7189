"""Which way the databases read lists: along an index, never over the whole table, sorting a few rows at most."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import Connection, event, insert, text, update

from bigcommerce_integration.operations.lists import paging

from ..conftest import made
from ..host_app import HostApp
from ..services import fresh_database
from .mirrored import NOON, Mirrored, connected

ROWS = 20_000
# A rarer condition than the one that the list goes by may be taken first, and what it leaves be sorted.
SORTED = 1000
SPAN = {"from": "2026-02-01T00:00:00Z", "until": "2026-02-01T06:00:00Z"}
FILTERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "products": {
        "sku": {"sku": "P-77"},
        "is_visible": {"is_visible": "false"},
        "modified": {f"modified_{end}": moment for end, moment in SPAN.items()},
    },
    "variants": {
        "sku": {"sku": "V-77"},
        "product": {"product": 77},
        "to": {"host_product_id": 77},
        "linked": {"linked": "false"},
        "is_linked": {"linked": "true"},
        "conflict": {"conflict": "true"},
        "code": {"link_conflict_code": "blank_sku"},
    },
    "orders": {
        "status": {"status_id": 3},
        "often": {"status_id": 10},
        "customer": {"customer_id": 77},
        "is_sale": {"is_sale": "false"},
        "archived": {"archived": "true"},
        "created": {f"created_{end}": moment for end, moment in SPAN.items()},
        "modified": {f"modified_{end}": moment for end, moment in SPAN.items()},
        "since": {"modified_from": "2026-01-01T00:00:00Z"},
    },
}
APART = ({"status", "often"}, {"linked", "is_linked"}, {"modified", "since"})


def product(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "sku": f"P-{number}",
        "is_visible": number % 1000 != 0,
        "date_modified": NOON + timedelta(minutes=number),
        "payload": "x" * 500,
        "is_only_referenced": False,
    }


def variant(number: int, chance: random.Random) -> dict[str, Any]:
    is_linked = number % 200 != 0
    return {
        "bigcommerce_product_id": number // 3,
        "sku": f"V-{number}",
        "sku_key": f"V-{number}",
        "host_product_id": number if is_linked else None,
        "link_conflict": None if is_linked or number % 400 else "Blank.",
        "link_conflict_code": None if is_linked or number % 400 else "blank_sku",
    }


def order(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "status_id": 3 if number % 2000 == 0 else 10,
        "customer_id": chance.randrange(ROWS // 4),
        "is_sale": number % 500 != 0,
        "is_deleted": number % 1500 == 0,
        "date_created": NOON + timedelta(minutes=number),
        "date_modified": NOON + timedelta(minutes=chance.randrange(ROWS)),
        "payload": "x" * 500,
    }


def order_line(number: int, chance: random.Random) -> dict[str, Any]:
    return {"bigcommerce_order_id": number // 3, "bigcommerce_variant_id": chance.randrange(ROWS)}


MAKERS = {"products": product, "variants": variant, "orders": order, "order_lines": order_line}
LISTS = ("products", "variants", "orders")


def fill(mirrored: Mirrored, name: str, count: int) -> None:
    """Rows of one instance, and as many of another one between them."""
    chance = random.Random(7)
    with mirrored.app.app_context():
        session = mirrored.host_app.db.session
        for begin in range(1, count, 2000):
            rows = []
            for number in range(begin, begin + 2000):
                common = {"bigcommerce_id": number, "content_hash": "x", "observed_at": NOON, "change_number": number}
                row = {"deleted_at": NOON if number % 3000 == 0 else None} | common | MAKERS[name](number, chance)
                rows += [row | {"instance_id": each} for each in (mirrored.instance_id, mirrored.instance_id + 1)]
            session.execute(insert(mirrored.table(name)), rows)
        session.commit()


@pytest.fixture(autouse=True)
def _looks_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks at one row of a hundred, as it does in a million: of a small table the whole is read sooner."""
    monkeypatch.setattr(paging, "MOST_SCANNED", ROWS // 100)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    host_app = HostApp()
    broker = StubBroker(middleware=[])
    with fresh_database(request.param, tmp_path_factory.mktemp("plans")) as url:
        for app in made(host_app, broker, url):
            mirrored = connected(app, host_app)
            for name in MAKERS:
                fill(mirrored, name, ROWS)
            analyze(mirrored)
            yield mirrored
    broker.close()


def analyze(mirrored: Mirrored) -> None:
    """What the servers do by themselves after a while."""
    with mirrored.app.app_context():
        engine = mirrored.host_app.db.engine
        verb = "ANALYZE" if engine.name == "postgresql" else "ANALYZE TABLE"
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in MAKERS:
                connection.execute(text(f"{verb} {mirrored.table(name).name}"))


def statements_of(
    mirrored: Mirrored, path: str, query: Mapping[str, Any], *, of_instances: bool = False
) -> list[tuple[str, Any]]:
    """The statements on mirror tables that a request sends; ``of_instances`` gives those on instances instead."""
    asked: list[tuple[str, Any]] = []

    def note(*args: Any) -> None:
        if ("bigcommerce_instances" in args[2]) is of_instances:
            asked.append((args[2], args[3]))

    with mirrored.app.app_context():
        engine = mirrored.host_app.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        mirrored.get(path, **query)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return asked


def faults(mirrored: Mirrored, statement: str, parameters: Any) -> list[str]:
    """What is wrong with the database's way to answer this statement."""
    with mirrored.app.app_context():
        engine = mirrored.host_app.db.engine
        with engine.connect() as connection:
            if engine.name == "postgresql":
                (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
                return [
                    f"{node['Node Type']} of {node['Plan Rows']} rows"
                    for node in nodes(plan["Plan"])
                    if node["Node Type"] == "Seq Scan"
                    or (node["Node Type"].endswith("Sort") and node["Plan Rows"] > SORTED)
                ]
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
            return [json.dumps(dict(row), default=str) for row in rows if is_wrong(row)]


def is_wrong(row: Mapping[str, Any]) -> bool:
    sorts = "filesort" in (row["Extra"] or "") and int(row["rows"]) > SORTED
    # By a part of the index alone, so that all rows before the page are read too.
    skips = row["type"] == "ref" and "index condition" in (row["Extra"] or "") and int(row["rows"]) > SORTED
    return sorts or skips or row["type"] in ("ALL", "index", "index_merge")


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def queries(name: str) -> Iterator[dict[str, Any]]:
    """Every combination of up to three filters, from the beginning and from the middle, and the changes."""
    known: Sequence[str] = list(FILTERS[name])
    for count in range(4):
        for chosen in combinations(known, count):
            if any(len(pair & set(chosen)) > 1 for pair in APART):
                continue
            query = {key: value for each in chosen for key, value in FILTERS[name][each].items()}
            yield query
            yield query | {"deleted": "true"}
    yield {"after": ROWS // 2}
    yield {"after": ROWS // 2, "deleted": "true"}
    if name == "orders":
        yield {"after": ROWS // 2, "status_id": 10}
    yield {"changed_after": 0}
    yield {"changed_after": ROWS - 10}


@pytest.mark.parametrize("name", LISTS)
def test_every_filter_reads_along_an_index(name: str, filled: Mirrored) -> None:
    found = []
    for query in queries(name):
        for statement, parameters in statements_of(filled, name, {**query, "limit": 20}):
            found += [f"{query}: {fault}" for fault in faults(filled, statement, parameters)]
    assert not found, "\n".join(found[:10])


def test_pages_in_the_middle_of_a_span_read_along_its_index(filled: Mirrored) -> None:
    for span in ("created", "modified", "since"):
        query: dict[str, Any] = {**FILTERS["orders"][span], "limit": 5}
        query["after"] = filled.get("orders", **query)["meta"]["next"]
        for statement, parameters in statements_of(filled, "orders", query):
            assert not faults(filled, statement, parameters)


def test_an_order_is_read_along_indexes(filled: Mirrored) -> None:
    statements = statements_of(filled, "orders/77", {})
    assert len(statements) == 2
    for statement, parameters in statements:
        assert not faults(filled, statement, parameters)


def test_that_a_variant_has_no_link_is_seen_at_once(filled: Mirrored) -> None:
    """Where all are linked, too: most stores are, and each look at a store asks for it."""
    asked = statements_of(filled, "", {}, of_instances=True)
    ((statement, parameters),) = (each for each in asked if "bigcommerce_variants" in each[0])
    with filled.app.app_context():
        session = filled.host_app.db.session
        session.execute(update(filled.table("variants")).values(link_conflict_code=None))
        read = variants_read(session.connection(), statement, parameters)
        session.rollback()
    assert read < ROWS / 10


def test_a_store_is_read_along_indexes(filled: Mirrored) -> None:
    """Beside its leases; of the workers there are few, and their table is read whole."""
    asked = statements_of(filled, "", {}, of_instances=True)
    ((statement, parameters),) = (each for each in asked if "bigcommerce_leases" in each[0])
    with filled.app.app_context(), filled.host_app.db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # Small tables are read whole because that is faster, not for want of an index.
            connection.exec_driver_sql("SET enable_seqscan = off")
            (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            whole = {node["Relation Name"] for node in nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"}
        else:
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
            # Of the refreshes there are too few here to show by which index they are found.
            assert {row["table"]: row["type"] for row in rows if row["table"] in ("s", "l")} == {
                "s": "const",
                "l": "ref",
            }
            whole = {row["table"] for row in rows if not row["possible_keys"] and not row["table"].startswith("<")}
    assert whole <= {"bigcommerce_workers", "worker"}, whole


def variants_read(connection: Connection, statement: str, parameters: Any) -> int:
    """How many rows of variants the database looks at; on MariaDB those of the other tables too."""
    if connection.dialect.name == "postgresql":
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        return sum(
            node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
            for node in nodes(explained[0]["Plan"])
            if node.get("Relation Name") == "bigcommerce_variants"
        )
    connection.exec_driver_sql("FLUSH STATUS")
    connection.exec_driver_sql(statement, parameters).all()
    return sum(int(value) for _, value in connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read_%%'"))


@pytest.mark.parametrize(("name", "q"), [("products", "p-77"), ("variants", "v-77"), ("variants", "V-7%")])
def test_the_beginning_of_a_sku_is_a_range_of_its_index(name: str, q: str, filled: Mirrored) -> None:
    (statement, parameters), *_ = statements_of(filled, name, {"q": q})
    with filled.app.app_context():
        engine = filled.host_app.db.engine
        with engine.connect() as connection:
            if engine.name == "postgresql":
                (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
                assert any("~>=~" in node.get("Index Cond", "") for node in nodes(plan["Plan"])), plan
            else:
                (row,) = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings().all()
                assert row["type"] == "range", row


def test_the_check_sees_a_scan_and_a_sort(filled: Mirrored) -> None:
    assert faults(filled, "SELECT payload FROM bigcommerce_orders WHERE payment_status = 'x'", {})
    assert faults(filled, "SELECT payload FROM bigcommerce_orders ORDER BY date_shipped LIMIT 5", {})
