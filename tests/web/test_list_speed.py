"""How long a page of a list takes on a million rows, beside as many rows read by primary key: printed, not judged."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert, select, text

from ..conftest import made
from ..host_app import HostApp
from ..services import fresh_database
from .mirrored import Mirrored, connected
from .test_list_plans import analyze, faults, order, statements_of

pytestmark = pytest.mark.slow

ROWS = 1_000_000
ASKED = 200
LISTS: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    "by id": lambda place: {"after": place},
    "changes": lambda place: {"changed_after": place},
    "by customer": lambda place: {"customer_id": place % 5000},
    "by status": lambda place: {"status_id": 3},
    "by common status": lambda place: {"status_id": 10, "after": place},
    "modified since": lambda place: {"modified_from": "2026-02-05T00:00:00Z"},
    "created within": lambda place: {"created_from": "2026-03-01T00:00:00Z", "created_until": "2026-03-02T00:00:00Z"},
    "archived, searched for": lambda place: {"archived": "true", "after": place},
    "gone, searched for": lambda place: {"deleted": "true", "after": place},
}


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def million(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    host_app = HostApp()
    broker = StubBroker(middleware=[])
    with fresh_database(request.param, tmp_path_factory.mktemp("speed")) as url:
        for app in made(host_app, broker, url):
            mirrored = connected(app, host_app)
            fill_from_a_few(mirrored)
            analyze(mirrored)
            yield mirrored
    broker.close()


def fill_from_a_few(mirrored: Mirrored) -> None:
    """A thousand orders made here, the others from them by the database itself."""
    chance = random.Random(7)
    common = {"instance_id": mirrored.instance_id, "content_hash": "x"}
    table = mirrored.tables.orders
    rows = []
    for number in range(1, 1001):
        stamps = {"bigcommerce_id": number, "change_number": number, "observed_at": order(1, chance)["date_created"]}
        rows.append(common | stamps | order(number, chance) | {"payload": "x" * 2000})
    mirrored.execute(insert(table).values(rows))
    with mirrored.app.app_context():
        engine = mirrored.host_app.db.engine
        later = (
            "date_created + interval '1 minute' * :by"
            if engine.name == "postgresql"
            else ("date_created + INTERVAL :by MINUTE")
        )
        names = [column.name for column in table.c if column.name != "id"]
        values = {name: name for name in names} | {
            "bigcommerce_id": "bigcommerce_id + :by",
            "change_number": "change_number + :by",
            "date_created": later,
            "date_modified": later.replace("date_created", "date_modified"),
            "customer_id": "(bigcommerce_id * 7919 + :by * 31) % 250000",
            "is_deleted": "(bigcommerce_id + :by) % 5000 = 0",
            "deleted_at": "CASE WHEN (bigcommerce_id + :by) % 3000 = 0 THEN observed_at END",
            "status_id": "CASE WHEN (bigcommerce_id + :by) % 20000 = 0 THEN 3 ELSE 10 END",
        }
        copy = text(
            f"INSERT INTO {table.name} ({', '.join(names)}) "
            f"SELECT {', '.join(values[name] for name in names)} FROM {table.name} WHERE bigcommerce_id <= :size"
        )
        size = 1000
        while size < ROWS:
            taken = min(size, ROWS - size)
            with engine.begin() as connection:
                connection.execute(copy, {"by": size, "size": taken})
            size += taken


def p95_ms(work: Callable[[int], object]) -> float:
    taken = []
    for turn in range(ASKED):
        place = turn * 4973 % (ROWS - 1000)
        begun = time.perf_counter()
        work(place)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[int(ASKED * 0.95)] * 1000


def test_pages_of_a_million_orders(million: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    table = million.tables.orders
    with million.app.app_context():
        engine = million.host_app.db.engine
    read = [column for column in table.c if column.name != "payload"]

    def bare(place: int) -> None:
        with engine.connect() as connection:
            connection.execute(select(*read).where(table.c.id > place).order_by(table.c.id).limit(51)).all()

    def statements(place: int) -> list[tuple[str, Any]]:
        return statements_of(million, "orders", ask(place))

    p95_ms(bare)
    base = p95_ms(bare)
    lines = [f"{engine.name}: 50 rows by primary key {base:.2f} ms"]
    for name, ask in LISTS.items():
        for statement, parameters in statements(ROWS // 2):
            assert not faults(million, statement, parameters), name
        whole = p95_ms(lambda place, ask=ask: million.get("orders", **ask(place)))  # type: ignore[misc]
        # The same statements alone: what the database and the driver take.
        made_of = {place: statements(place) for place in (0, ROWS // 3, ROWS // 2)}

        def alone(place: int, made_of: Any = made_of) -> None:
            places = list(made_of)
            with engine.connect() as connection:
                for statement, parameters in made_of[places[place % len(places)]]:
                    connection.exec_driver_sql(statement, parameters).all()

        queries = p95_ms(alone)
        lines.append(f"  {name}: queries {queries:.2f} ms, {queries / base:.1f} times; request {whole:.2f} ms")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
