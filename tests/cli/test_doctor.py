"""``flask bigcommerce doctor``: planted faults, each of which the last line must name with its store and its cure."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import text, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.doctor import examination
from bigcommerce_integration.operations.findings.remedy import wait_text
from bigcommerce_integration.worker.heartbeat import note_worker

from ..host_app import ENCRYPTION_KEY, HostApp
from ..services import free_port, service_url
from ..shop import Shop, opened, opened_for_workers, redis_place
from ..worker_host import WorkerHost
from .conftest import Run, connect, run_in

MAY, MUST_NOT = wait_text(can_wait=True), wait_text(can_wait=False)


def last_line(done: Result) -> str:
    return done.stdout.rstrip().splitlines()[-1]


def note(shop: Shop, **values: Any) -> None:
    """A worker that has just ticked."""
    with shop.app.app_context():
        note_worker(engine_of(state_of(shop.app), threading.Event()), "host:7:abc")
    if values:
        shop.execute(update(shop.tables.workers).values(**values))


@pytest.fixture
def well(read: Shop) -> Shop:
    """A store that is kept up to date, all of it read, and a worker that ticks."""
    read.execute(update(read.tables.instances).values(is_automatic_sync_enabled=True))
    read.execute(update(read.tables.refreshes).values(conflicts=0))
    read.execute(update(read.tables.variants).values(link_conflict=None, link_conflict_code=None))
    note(read)
    return read


def lost_key(shop: Shop) -> None:
    shop.execute(update(shop.tables.instances).values(access_token=TokenCipher([generate_key()]).encrypt("x")))


def missing_column(shop: Shop) -> None:
    shop.execute(text("ALTER TABLE bigcommerce_refreshes DROP COLUMN trouble"))


def missing_index(shop: Shop) -> None:
    shop.execute(text("DROP INDEX ix_bigcommerce_refreshes_finished_at"))


def no_worker(shop: Shop) -> None:
    shop.execute(update(shop.tables.workers).values(last_tick_at=db_now(-600)))


def older_worker(shop: Shop) -> None:
    shop.execute(update(shop.tables.workers).values(version="0.1.0"))


def other_settings(shop: Shop) -> None:
    config = replace(state_of(shop.app).config, page_size=7, overlap_s=1)
    shop.execute(update(shop.tables.workers).values(settings=config.fingerprint()))


def other_key(shop: Shop) -> None:
    config = replace(state_of(shop.app).config, encryption_keys=(generate_key(),))
    shop.execute(update(shop.tables.workers).values(settings=config.fingerprint()))


def idle_workers(shop: Shop) -> None:
    run_in(shop.app, "refresh", "1", "orders", "--full")
    note(shop, last_slice_at=db_now(-400))


def wrong_hash(shop: Shop) -> None:
    shop.execute(update(shop.tables.instances).values(store_hash="another1"))


def failed_refresh(shop: Shop) -> None:
    values = {"status": "failed", "message": "The host refused it.", "error_code": "host_refused"}
    refreshes = shop.tables.refreshes
    shop.execute(update(refreshes).where(refreshes.c.id == 2).values(**values))


def sync_off(shop: Shop) -> None:
    shop.execute(update(shop.tables.instances).values(is_automatic_sync_enabled=False))


FAULTS: list[tuple[Callable[[Shop], None], int, str, tuple[str, ...]]] = [
    (lost_key, 1, "keys", ("Instance 1 (Main shop)", "no key", "BIGCOMMERCE_ENCRYPTION_KEYS", MUST_NOT)),
    (missing_column, 1, "tables", ("bigcommerce_refreshes.trouble", "flask db upgrade", MUST_NOT)),
    (missing_index, 0, "tables", ("ix_bigcommerce_refreshes_finished_at", "flask db migrate", MAY)),
    (
        no_worker,
        1,
        "workers",
        ("No worker runs, and none has ticked for 10 min", "dramatiq host.worker:broker", MUST_NOT),
    ),
    (older_worker, 0, "workers", ("host:7 runs 0.1.0", "Restart it", MAY)),
    (
        other_settings,
        0,
        "workers",
        ("host:7 has another value of BIGCOMMERCE_PAGE_SIZE, BIGCOMMERCE_OVERLAP_S", "--check configuration", MAY),
    ),
    (other_key, 0, "workers", ("another value of BIGCOMMERCE_ENCRYPTION_KEYS than", "which side is wrong")),
    (idle_workers, 1, "workers", ("none has ended a piece of work for 7 min", "Restart the workers", MUST_NOT)),
    (wrong_hash, 1, "connections", ("Instance 1 (Main shop)", "no store with this hash", "store hash", MUST_NOT)),
    (failed_refresh, 1, "findings", ("Instance 1 (Main shop)", "retry --failed 1", MUST_NOT)),
    (sync_off, 0, "findings", ("Instance 1 (Main shop)", "Switch automatic sync on", MAY)),
]


def test_a_deployment_that_is_well_has_nothing_to_do(well: Shop, run: Run) -> None:
    checks = [word for check in examination.CHECKS if check.name != "broker" for word in ("--check", check.name)]
    done = run("doctor", *checks, "--strict")
    assert (done.exit_code, last_line(done)) == (0, "All is well."), done.stdout + done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()[:-2]} == {"ok"}
    assert well.server.access_token not in done.output
    assert ENCRYPTION_KEY not in done.output


@pytest.mark.ci
@pytest.mark.parametrize(("plant", "exit_code", "check", "words"), FAULTS, ids=[each[0].__name__ for each in FAULTS])
def test_the_last_line_names_the_fault_and_its_cure(
    well: Shop, run: Run, plant: Callable[[Shop], None], exit_code: int, check: str, words: tuple[str, ...]
) -> None:
    plant(well)
    done = run("doctor", "--check", check)
    assert done.exit_code == exit_code, done.stdout
    assert last_line(done).startswith("Do first: "), done.stdout
    assert [word for word in words if word not in last_line(done)] == [], done.stdout
    assert run("doctor", "--check", check, "--strict").exit_code == (1 if exit_code else 3)


def test_of_several_faults_what_cannot_wait_comes_first(well: Shop, run: Run) -> None:
    sync_off(well)
    lost_key(well)
    done = run("doctor")
    assert done.exit_code == 1
    assert "no key of this process opens" in last_line(done)
    assert "more after that" in last_line(done)
    assert "skipped  connections    no token can be opened" in done.stdout


def test_a_store_that_is_down_is_told_once(well: Shop, run: Run) -> None:
    well.server.stop()
    done = run("doctor", "--instance", "1", "--json")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    failures = [each for each in answer["data"] if each["outcome"] == "failure"]
    assert [(each["check"], each["instance_id"]) for each in failures] == [("connections", 1)]
    assert "Instance 1 (Main shop)" in answer["first_step"]
    assert MAY in answer["first_step"]


def test_one_cause_is_counted_once(well: Shop, run: Run) -> None:
    down = RedisBroker(url=f"redis://127.0.0.1:{free_port()}/0")
    object.__setattr__(state_of(well.app), "broker", down)
    well.execute(update(well.tables.workers).values(broker_down_since=db_now(-600)))
    done = run("doctor", "--json")
    data = json.loads(done.stdout)["data"]
    assert [each["check"] for each in data if each["outcome"] == "failure"] == ["broker"], done.stdout
    assert data[-1]["message"] == "No finding beyond the checks above (1 store)."
    # Alone, no other check tells it.
    assert "The message broker does not answer" in last_line(run("doctor", "--check", "findings"))


def test_a_worker_that_has_just_ended_may_be_on_its_way(well: Shop, run: Run) -> None:
    well.execute(update(well.tables.workers).values(ended_at=db_now()))
    assert "run this again in half a minute" in last_line(run("doctor", "--check", "workers"))
    no_worker(well)
    assert "half a minute" not in last_line(run("doctor", "--check", "workers"))
    assert "No background worker runs" in last_line(run("doctor", "--check", "findings"))


def test_settings_are_told_with_their_values_but_no_secret(
    host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    settings = {"BIGCOMMERCE_PAGE_SIZE": 50, "BIGCOMMERCE_PROXY_URL": "http://me:s3cret-pass@127.0.0.1:1"}
    app = host_app.create_app(sqlite_url, broker=broker, settings=settings)
    done = run_in(app, "doctor", "--check", "configuration")
    assert "BIGCOMMERCE_PAGE_SIZE = 50" in done.stdout
    assert "BIGCOMMERCE_PROXY_URL" in done.stdout
    assert "s3cret-pass" not in done.output
    assert ENCRYPTION_KEY not in done.output
    host_app.dispose(app)


def test_without_tables_the_later_checks_are_skipped(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    app = host_app.create_app(sqlite_url, broker=broker)
    done = run_in(app, "doctor")
    assert done.exit_code == 1
    assert "skipped  keys           the database lacks bigcommerce_" in done.stdout
    assert "flask db upgrade" in last_line(done)
    host_app.dispose(app)


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_database_that_is_down(host_app: HostApp, broker: StubBroker, driver: str) -> None:
    app = host_app.create_app(f"{driver}://root:s3cret-pass@127.0.0.1:{free_port()}/none", broker=broker)
    for words in ((), ("--check", "keys")):
        done = run_in(app, "doctor", *words)
        assert done.exit_code == 1
        assert "skipped  keys           no database" in done.stdout
        assert "The database does not answer" in last_line(done)
        assert "refused" in last_line(done)
        assert "s3cret-pass" not in done.output
    host_app.dispose(app)


def test_a_broker_that_is_down_can_wait(host_app: HostApp, sqlite_url: str) -> None:
    down = free_port()
    for broker in (
        RedisBroker(url=f"redis://:s3cret-pass@127.0.0.1:{down}/0"),
        RabbitmqBroker(url=f"amqp://guest:s3cret-pass@127.0.0.1:{down}"),
    ):
        app = host_app.create_app(sqlite_url, broker=broker)
        done = run_in(app, "doctor", "--check", "broker")
        assert done.exit_code == 1
        assert f"The broker ({type(broker).__name__}) cannot be reached" in last_line(done)
        assert MAY in last_line(done)
        assert "s3cret-pass" not in done.output
        host_app.dispose(app)


@pytest.mark.parametrize("name", ["TEST_REDIS_URL", "TEST_RABBITMQ_URL"])
def test_a_broker_that_runs_answers(host_app: HostApp, sqlite_url: str, name: str) -> None:
    kind = RedisBroker if "REDIS" in name else RabbitmqBroker
    broker: Any = kind(url=service_url(name))
    app = host_app.create_app(sqlite_url, broker=broker)
    assert run_in(app, "doctor", "--check", "broker").stdout.splitlines()[-1] == "All is well."
    host_app.dispose(app)
    broker.close()


def test_every_check_works_on_each_database(any_shop: Shop) -> None:
    connect(any_shop)
    note(any_shop)
    answer = json.loads(run_in(any_shop.app, "doctor", "--json").stdout)
    outcomes = {each["check"]: each["outcome"] for each in answer["data"]}
    assert list(outcomes) == [each.name for each in examination.CHECKS]
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in ("ok", "warning")} == {}
    assert outcomes["tables"] == outcomes["character-set"] == outcomes["keys"] == outcomes["workers"] == "ok"


def test_narrow_tables_of_mysql_are_named(broker: StubBroker) -> None:
    from ..services import fresh_database_on

    with fresh_database_on(service_url("TEST_MARIADB_URL")) as url, opened(url, broker) as shop:
        statement = "ALTER TABLE bigcommerce_orders CONVERT TO CHARACTER SET utf8mb3"
        shop.execute(text(statement))
        done = run_in(shop.app, "doctor", "--check", "character-set")
        assert "ALTER TABLE bigcommerce_orders CONVERT TO CHARACTER SET utf8mb4" in last_line(done)


def test_an_unfinished_rotation_is_a_warning(host_app: HostApp, broker: StubBroker, well: Shop, run: Run) -> None:
    config = state_of(well.app).config
    object.__setattr__(config, "encryption_keys", (generate_key(), *config.encryption_keys))
    done = run("doctor", "--check", "keys")
    assert (done.exit_code, "rotate-keys" in last_line(done)) == (0, True)


def test_list_and_json_need_nothing(host_app: HostApp, broker: StubBroker) -> None:
    app = host_app.create_app(f"postgresql+psycopg://127.0.0.1:{free_port()}/none", broker=broker)
    listed = run_in(app, "doctor", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [each.name for each in examination.CHECKS]
    assert run_in(app, "doctor", "--check", "nothing").exit_code == 2
    host_app.dispose(app)


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield server.getsockname()[1]


@pytest.mark.ci
def test_a_silent_database_and_broker_cost_seconds(host_app: HostApp) -> None:
    with silent_server() as port:
        broker = RedisBroker(url=f"redis://127.0.0.1:{port}/0")
        app = host_app.create_app(f"postgresql+psycopg://root@127.0.0.1:{port}/none", broker=broker)
        began = time.monotonic()
        done = run_in(app, "doctor")
        assert time.monotonic() - began < 30
        assert done.exit_code == 1
        assert "The database did not answer within 5.0 seconds" in last_line(done)
        assert "skipped  tables         no database" in done.stdout


@pytest.mark.ci
def test_doctor_as_a_process_with_all_of_it_down(tmp_path: Path) -> None:
    with redis_place() as (broker_url, namespace):
        url = f"sqlite:///{tmp_path / 'host.db'}"
        with opened_for_workers(WorkerHost(url, broker_url, namespace)) as shop:
            connect(shop)
            environment = shop.host.environment()
        # The store's server has ended with the shop; the broker's and the database's ports are closed ones.
        down = WorkerHost(
            f"postgresql+psycopg://root@127.0.0.1:{free_port()}/none",
            f"redis://127.0.0.1:{free_port()}/0",
            namespace,
            shop.host.settings,
        )
        for each, words in (
            (environment, ("failure  connections", "Instance 1 (Main shop)")),
            (down.environment(), ("failure  broker", "failure  database", "skipped  connections    no database")),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "flask", "--app", "tests.worker_host:app", "bigcommerce", "doctor"],
                env=each,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 1, done.stderr
            assert [word for word in words if word not in done.stdout] == [], done.stdout
            assert done.stdout.splitlines()[-1].startswith("Do first: ")
            assert "Traceback" not in done.stderr
