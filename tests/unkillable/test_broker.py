"""The broker stops, starts, falls silent and forgets, also while POSTs come in: all are answered and done."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker import actors, dispatcher

from ..gate import Gate
from ..processes import workers
from ..services import fresh_database
from ..shop import Shop, opened_for_workers, opened_on_servers, rabbitmq_place
from ..worker_host import WorkerHost
from .servers import own_redis

pytestmark = pytest.mark.usefixtures("due_at_once")

SETTINGS = {"lease_s": 3.0, "tick_s": 0.3}
POST_S = 2.0
# What a loaded machine may take on top.
MARGIN_S = 1.0
RECORDS = 4


@dataclass(frozen=True)
class Trouble:
    """What is done to a broker."""

    stop: Callable[[], None]
    start: Callable[[], None]
    silence: Callable[[], None]
    wake: Callable[[], None]
    empty: Callable[[], None]


@contextmanager
def own_redis_place(directory: Path) -> Iterator[tuple[str, str, Trouble]]:
    """A Redis of its own: its URL, a namespace, and its troubles."""
    import redis

    with own_redis(directory) as (server, url):

        def empty() -> None:
            with redis.Redis.from_url(url) as client:
                client.flushall()

        yield url, "own", Trouble(server.stop, server.start, server.freeze, server.wake, empty)


@contextmanager
def gated_rabbitmq_place() -> Iterator[tuple[str, str, Trouble]]:
    """The machine's RabbitMQ behind a gate."""
    import pika

    with rabbitmq_place() as (url, namespace), Gate("127.0.0.1", make_url(url).port or 5672, "open") as gate:

        def empty() -> None:
            with pika.BlockingConnection(pika.URLParameters(url)) as connection:
                for queue in ("bigcommerce", "bigcommerce.DQ"):
                    connection.channel().queue_purge(queue)

        def turned(mode: str) -> Callable[[], None]:
            return lambda: gate.turn(mode)  # type: ignore[arg-type]

        through = make_url(url).set(port=gate.port).render_as_string(hide_password=False)
        is_open = turned("open")
        yield through, namespace, Trouble(turned("closed"), is_open, turned("silent"), is_open, empty)


@contextmanager
def troubled_shop(database: str, broker: str, directory: Path) -> Iterator[tuple[Shop, Trouble]]:
    """A small shop on a broker that can be troubled."""
    places = {"redis": lambda: own_redis_place(directory), "rabbitmq": gated_rabbitmq_place}
    with ExitStack() as stack:
        database_url = stack.enter_context(fresh_database(database, directory))
        broker_url, namespace, trouble = stack.enter_context(places[broker]())
        host = WorkerHost(database_url, broker_url, namespace)
        store = SandboxStore(RECORDS, RECORDS)
        yield stack.enter_context(opened_for_workers(host, store=store, settings=SETTINGS)), trouble


def assert_all_done(shop: Shop, *, instances: int) -> None:
    """Every instance has every record, once."""
    assert len(shop.instances) == instances
    assert shop.statuses() == ["completed"] * 2 * instances
    for table, ids in (("products", shop.store.product_ids), ("orders", shop.store.order_ids)):
        stored = [(row.instance_id, row.bigcommerce_id) for row in shop.rows(table, "instance_id", "bigcommerce_id")]
        assert sorted(stored) == sorted((instance["id"], each) for instance in shop.instances for each in ids)
    # A hint stays that another process had locked as its refresh ended: nobody sends it, as that is not open.
    refreshes = {row.id: row.status for row in shop.rows("refreshes", "id", "status")}
    assert {refreshes[row.refresh_id] for row in shop.rows("hints")} <= {"completed"}


def timed_post(shop: Shop, name: str) -> float:
    """How many seconds the request took; ``shop.post`` insists on a 201."""
    began = time.monotonic()
    shop.post(name=name, integration_settings__auto_create_products=False)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("database", "broker", "rounds"),
    [
        ("postgresql", "redis", 1),
        pytest.param("mariadb", "rabbitmq", 1, marks=pytest.mark.slow),
        pytest.param("postgresql", "redis", 5, marks=pytest.mark.slow),
        pytest.param("postgresql", "rabbitmq", 5, marks=pytest.mark.slow),
    ],
)
def test_troubled_while_posts_come_in(
    database: str, broker: str, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with troubled_shop(database, broker, tmp_path) as (shop, trouble), workers(shop.host, tmp_path):
        over, took = threading.Event(), []

        def post(person: int) -> None:
            number = 0
            while not over.wait(0.9):
                took.append(timed_post(shop, f"Shop {person}.{number}"))
                number += 1

        with ThreadPoolExecutor(3) as pool:
            people = [pool.submit(post, person) for person in range(3)]
            try:
                for _ in range(rounds):
                    for begin, end in ((trouble.stop, trouble.start), (trouble.silence, trouble.wake)):
                        time.sleep(0.4)
                        begin()
                        time.sleep(1.2)
                        end()
                    trouble.empty()
            finally:
                over.set()
        for person in people:
            person.result()

        original = actors.send_hints
        for name, moment in (("stopped", trouble.stop), ("silent", trouble.silence), ("emptied", trouble.empty)):

            def send(*args: object, moment: Callable[[], None] = moment) -> None:
                moment()
                original(*args)  # type: ignore[arg-type]

            with monkeypatch.context() as between_commit_and_send:
                between_commit_and_send.setattr(actors, "send_hints", send)
                took.append(timed_post(shop, f"Shop {name}"))
            {"stopped": trouble.start, "silent": trouble.wake}.get(name, trouble.empty)()
        assert len(took) >= 3 * 2 + 3
        assert max(took) < POST_S + MARGIN_S, sorted(took)
        shop.wait(60)
        assert_all_done(shop, instances=len(took))


@pytest.mark.slow
@pytest.mark.parametrize(("database", "broker"), [("postgresql", "redis"), ("mariadb", "rabbitmq")])
def test_busy_workers_leave_few_hints(database: str, broker: str, tmp_path: Path) -> None:
    store = SandboxStore(250, 250, awkward=False)
    settings = {"page_size": 10, "concurrency": 2, "slice_s": 0.3, "tick_s": 0.2}
    with opened_on_servers(database, broker, tmp_path, store=store, latency_ms=40, settings=settings) as shop:
        held: list[float] = []
        open_at: dict[float, int] = {}
        with workers(shop.host, tmp_path, processes=2, threads=4):
            for number in range(4):
                shop.post(name=f"Shop {number}", integration_settings__auto_create_products=False)
            while is_open := sum(status in ("pending", "processing") for status in shop.statuses()):
                open_at[time.monotonic()] = is_open
                # A hint that was put off may come when its refresh has ended.
                since = time.monotonic() - dispatcher.LONGEST_BUSY_DELAY_S
                held.append(messages(shop) / max(count for at, count in open_at.items() if at >= since))
                time.sleep(0.1)
        assert set(shop.statuses()) == {"completed"}
        # Asking RabbitMQ takes about a second.
        assert len(held) >= 5
        assert max(held) <= 3, sorted(held)


def messages(shop: Shop) -> int:
    """How many messages of ours the broker holds, those that workers have taken and not done included."""
    if hasattr(shop.broker, "client"):
        return shop.queued()
    place = make_url(shop.host.broker_url).database or "/"
    listed = subprocess.run(
        ["rabbitmqctl", "--quiet", "-p", place, "list_queues", "messages", "name"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return sum(int(count) for count, name in rows if name in ("bigcommerce", "bigcommerce.DQ"))
