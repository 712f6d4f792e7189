"""The database breaks off within a page, or goes away as a whole: the work goes on, and nothing is doubled."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.sandbox import SandboxStore

from ..gate import Gate
from ..processes import workers
from ..services import fresh_database
from ..shop import Shop, opened, opened_for_workers, redis_place
from ..test_end_to_end import working
from ..worker_host import WorkerHost
from .servers import own_postgresql

RECORDS, PAGE_SIZE, CONCURRENCY = 60, 10, 2
SETTINGS = {"page_size": PAGE_SIZE, "concurrency": CONCURRENCY, "lease_s": 3.0, "tick_s": 0.3}
OWN_SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
END_SESSION = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


@pytest.fixture(params=["postgresql", pytest.param("mariadb", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, broker: StubBroker, tmp_path: Path) -> Iterator[Shop]:
    """On the databases that are servers."""
    store = SandboxStore(RECORDS, RECORDS, awkward=False)
    with fresh_database(request.param, tmp_path) as url, opened(url, broker, store=store, settings=SETTINGS) as shop:
        yield shop


@contextmanager
def ending_sessions(url: str) -> Iterator[Callable[[Session], None]]:
    """Ends the session's connection from another one, as an administrator or a time-out does."""
    admin = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    kind = make_url(url).get_backend_name()

    def end(session: Session) -> None:
        number = session.scalar(text(OWN_SESSION[kind]))
        with admin.connect() as connection:
            connection.execute(text(END_SESSION[kind].format(number)))

    yield end


def url_of(shop: Shop) -> str:
    with shop.app.app_context():
        return shop.host_app.db.engine.url.render_as_string(hide_password=False)


def assert_each_counted_once(shop: Shop, *, cuts: int) -> None:
    """Whatever was cut: rows and counters are those of a quiet walk, but for the requests."""
    shop.assert_exact()
    for refresh in shop.refreshes():
        results = refresh["results"]
        assert (results["fetched"], results["created"], results["rejected"]) == (RECORDS, RECORDS, 0), refresh
    pages = math.ceil(RECORDS / (PAGE_SIZE - 2)) + CONCURRENCY + 4
    assert shop.server.requests.count <= 2 * pages + cuts * (CONCURRENCY + 1)


def test_connections_cut_in_the_middle_of_pages(shop: Shop) -> None:
    host, cuts = state_of(shop.app).host, {"products": [1, 4], "orders": [2]}
    with ending_sessions(url_of(shop)) as end:

        def cutting(resource: str) -> Callable[[Session, Any, list[int]], None]:
            calls: list[int] = []

            def changed(session: Session, instance: Any, ids: list[int]) -> None:
                calls.append(len(ids))
                if len(calls) in cuts[resource]:
                    end(session)

            return changed

        host.products_changed, host.orders_changed = cutting("products"), cutting("orders")
        shop.post()
        with working(shop.broker):
            shop.wait(60)
    assert_each_counted_once(shop, cuts=3)


def test_the_answer_to_a_commit_that_arrived_is_lost(shop: Shop) -> None:
    """Whether the page is stored is then unknown to the worker: only the database can tell."""
    lost: list[str] = []
    with shop.app.app_context():
        engine = shop.host_app.db.engine

    def lose(connection: Any) -> None:
        fetched = connection.scalar(text("SELECT MAX(fetched) FROM bigcommerce_refreshes"))
        if len(lost) < 2 and fetched >= PAGE_SIZE * (1 + len(lost)):
            lost.append("commit")
            connection.connection.dbapi_connection.commit()
            connection.connection.dbapi_connection.close()
            raise OperationalError("COMMIT", None, Exception("lost"), connection_invalidated=True)

    event.listen(engine, "commit", lose)
    shop.post()
    with working(shop.broker):
        shop.wait(60)
    event.remove(engine, "commit", lose)
    assert len(lost) == 2
    assert_each_counted_once(shop, cuts=2)


@contextmanager
def own_shop(database: str, directory: Path, **options: Any) -> Iterator[tuple[Shop, Callable[[float], None]]]:
    """With what takes the database away for so long: a PostgreSQL of its own crashes, the way to MariaDB is cut."""
    with ExitStack() as stack:
        if database == "postgresql":
            server, url = stack.enter_context(own_postgresql())
            stop, start = server.stop, server.start
        else:
            direct = make_url(stack.enter_context(fresh_database(database, directory)))
            gate = stack.enter_context(Gate("127.0.0.1", direct.port or 3306, "open"))
            url = direct.set(port=gate.port).render_as_string(hide_password=False)
            stop, start = partial(gate.turn, "closed"), partial(gate.turn, "open")

        def take_away(seconds: float) -> None:
            stop()
            time.sleep(seconds)
            start()

        broker_url, namespace = stack.enter_context(redis_place())
        # The host's own choice, without which its first request afterwards meets a dead connection.
        engine = {"SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True}}
        host = WorkerHost(url, broker_url, namespace)
        yield stack.enter_context(opened_for_workers(host, options=engine, **options)), take_away


@pytest.mark.ci
@pytest.mark.parametrize(
    ("database", "times"),
    [
        ("postgresql", 1),
        pytest.param("postgresql", 8, marks=pytest.mark.slow),
        pytest.param("mariadb", 8, marks=pytest.mark.slow),
    ],
)
def test_the_database_goes_away_and_comes_back(database: str, times: int, tmp_path: Path) -> None:
    records = 40 * (1 + times)
    store = SandboxStore(records, records, awkward=False)
    with own_shop(database, tmp_path, store=store, latency_ms=80, settings=SETTINGS) as (shop, take_away):
        take_away(0)
        shop.post()
        with workers(shop.host, tmp_path, processes=2) as crew:
            for number in range(times):
                shop.wait_fetched(20 + 30 * number)
                take_away(number % 3)
            shop.wait(90)
            assert crew.master.poll() is None, "the workers have outlived it"
        shop.assert_exact()
        for refresh in shop.refreshes():
            assert refresh["results"]["fetched"] == refresh["results"]["created"] == records
