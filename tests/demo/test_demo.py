"""The demo as a person starts it: a process of its own, real HTTP, on each kind of server."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bigcommerce_integration.demo.command.main import main

from ..services import fresh_database, service_url
from .conftest import differences_in

DemoHere = Callable[..., subprocess.CompletedProcess[str]]

DEMO = [sys.executable, "-m", "bigcommerce_integration", "demo"]
ALL_RIGHT = "Every count and every payload is as it is in the store."
IN_BALANCE = "Debits equal credits in each currency: the trial balance is zero."


def demo(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False)


@pytest.fixture
def demo_here(capsys: pytest.CaptureFixture[str]) -> Iterator[DemoHere]:
    """The same in this process, for what ends before anything is begun."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    logger = logging.getLogger("bigcommerce_integration")
    level = logger.level

    def demo_here(*arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(str(end.code))
        written = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, written.out, written.err)

    yield demo_here
    logger.setLevel(level)
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


def small(*arguments: str) -> tuple[str, ...]:
    return ("--once", "--products", "30", "--orders", "30", *arguments)


@contextmanager
def running(tmp_path: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A demo that goes on, and the file that it writes to; its temporary directory is in ``tmp_path``."""
    output = tmp_path / "output"
    with output.open("w") as out:
        process = subprocess.Popen(
            [*DEMO, *arguments], stdout=out, stderr=out, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
        )
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()


def wait_for(output: Path, words: str, timeout_s: float = 60) -> str:
    until = time.monotonic() + timeout_s
    while words not in output.read_text():
        assert time.monotonic() < until, output.read_text()
        time.sleep(0.05)
    return output.read_text()


def link_in(told: str) -> list[str]:
    """The link that logs in once."""
    return re.findall(r"http://127\.0\.0\.1:\d+/open/\S+", told)


def is_served(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_once_ends_with_everything_right() -> None:
    done = demo(*small())
    assert (done.returncode, done.stderr) == (0, "")
    assert ALL_RIGHT in done.stdout
    assert IN_BALANCE in done.stdout
    assert "\033" not in done.stdout


@pytest.mark.ci
def test_fewer_rows_than_records_are_explained() -> None:
    told = demo("--once", "--products", "60", "--orders", "60", "--seed", "3").stdout
    for resource, dated, table in (("products", "modified", "products"), ("orders", "created", "orders")):
        section = re.search(rf"The store has 60 {resource}:\n((?: +\d+ .*\n)+)", told)
        assert section is not None, told
        counts = [int(count) for count in re.findall(r"^ +(\d+) ", section[1], re.MULTILINE)]
        assert sum(counts) == 60
        stored = re.search(rf"bigcommerce_{table} +(\d+) rows", told)
        assert stored is not None
        out = re.search(r"(\d+) (?:is|are) older and stays? out", section[1])
        assert 60 - int(stored[1]) == (int(out[1]) if out else 0)
        assert f"were {dated} on the start date or later" in section[1]


@pytest.mark.ci
def test_an_empty_store_is_right_too() -> None:
    done = demo("--once", "--products", "0", "--orders", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert ALL_RIGHT in done.stdout


@pytest.mark.parametrize(("database", "broker"), [("postgresql", "TEST_REDIS_URL"), ("mariadb", "TEST_RABBITMQ_URL")])
def test_real_servers_and_worker_processes(tmp_path: Path, database: str, broker: str) -> None:
    broker_url = service_url(broker)
    with fresh_database(database, tmp_path) as url:
        arguments = ("--database-url", url, "--broker-url", broker_url)
        done = demo(*small(*arguments))
        assert (done.returncode, done.stderr) == (0, "")
        assert ALL_RIGHT in done.stdout
        assert IN_BALANCE in done.stdout
        assert differences_in(url, 30, 30) == []
        again = demo(*small(*arguments))
        assert again.returncode == 2
        assert "is not empty" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "broker"),
    [("sqlite", None), ("postgresql", "TEST_REDIS_URL"), ("mariadb", "TEST_RABBITMQ_URL")],
)
def test_two_thousand_of_each(tmp_path: Path, database: str, broker: str | None) -> None:
    with fresh_database(database, tmp_path) as url:
        arguments = ["--once", "--products", "2000", "--orders", "2000", "--database-url", url]
        if broker is not None:
            arguments += ["--broker-url", service_url(broker), "--worker-processes", "2"]
        done = demo(*arguments, timeout_s=600)
        assert (done.returncode, done.stderr) == (0, "")
        assert ALL_RIGHT in done.stdout
        assert IN_BALANCE in done.stdout
        assert differences_in(url, 2000, 2000) == []


@pytest.mark.ci
def test_a_changed_row_makes_the_exit_code_1(tmp_path: Path) -> None:
    """Harm done while the demo runs, by a trigger in its own database, is told and fails it."""
    path = tmp_path / "host.db"
    with running(tmp_path, *small("--latency-ms", "300", "--database-url", f"sqlite:///{path}")) as (process, output):
        wait_for(output, "its refreshes:")
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE TRIGGER harm AFTER INSERT ON bigcommerce_orders BEGIN "
                    "UPDATE bigcommerce_orders SET payload = '{}' WHERE id = NEW.id; END"
                )
            )
        engine.dispose()
        assert process.wait(60) == 1
        assert "the payload is not the store's" in output.read_text()


def test_the_printed_curl_lines_work_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("curl and bash are not installed")
    with running(tmp_path, "--products", "10", "--orders", "10") as (process, output):
        told = wait_for(output, "Ctrl-C ends everything.")
        lines = [line for line in told.splitlines() if line.startswith(("TOKEN=", "curl "))]
        assert len(lines) == 6
        answers = subprocess.run(
            ["bash", "-ec", "; echo; ".join(lines)], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert answers.count('"data":') == 5
        assert '"status":"completed"' in answers
        assert '"name":"Second look"' in answers
        opened = subprocess.run(
            ["curl", "-sL", "-c", str(tmp_path / "cookies"), "-w", "%{url_effective}", *link_in(told)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        assert opened.endswith("/big-commerce/1")
        assert "<h1>Demo store</h1>" in opened
        again = subprocess.run(["curl", "-sL", *link_in(told)], capture_output=True, text=True, timeout=60, check=True)
        assert "The demo's login" in again.stdout
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "Traceback" not in output.read_text()
        ports = [int(port) for port in re.findall(r"(?:store|host app) +http://127\.0\.0\.1:(\d+)", told)]
        assert len(ports) == 2
        assert not any(is_served(port) for port in ports)
        assert list(tmp_path.glob("bigcommerce-demo-*")) == []


def test_killed_workers_are_reported_while_the_demo_serves_on(tmp_path: Path) -> None:
    broker_url = service_url("TEST_REDIS_URL")
    with running(tmp_path, "--products", "10", "--orders", "10", "--broker-url", broker_url) as (process, output):
        wait_for(output, "Ctrl-C ends everything.")
        (log,) = tmp_path.glob("bigcommerce-demo-*/workers.log")
        pids = re.findall(r"\[PID (\d+)\].*WorkerProcess", log.read_text())
        os.kill(int(pids[0]), signal.SIGKILL)
        assert process.wait(60) != 0
        told = output.read_text()
        assert "The workers ended with exit code" in told
        assert "Traceback" not in told


@pytest.mark.ci
def test_sigterm_in_the_middle_ends_everything(tmp_path: Path) -> None:
    with running(tmp_path, "--products", "30", "--orders", "30", "--latency-ms", "2000") as (process, output):
        told = wait_for(output, "its refreshes:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
        assert "Traceback" not in output.read_text()
        store = re.search(r"store +http://127\.0\.0\.1:(\d+)", told)
        assert store is not None
        assert not is_served(int(store[1]))
        assert list(tmp_path.glob("bigcommerce-demo-*")) == []


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_while(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@pytest.mark.ci
def test_ctrl_c_ends_a_demo_in_the_background(tmp_path: Path) -> None:
    """A shell starts what runs in the background with this signal ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ExitStack() as stack:
        try:
            process, output = stack.enter_context(running(tmp_path, "--products", "10", "--orders", "10"))
        finally:
            signal.signal(signal.SIGINT, before)
        wait_for(output, "Ctrl-C ends everything.")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert "Traceback" not in output.read_text()


def test_kill_9_leaves_no_process_behind(tmp_path: Path) -> None:
    broker_url = service_url("TEST_REDIS_URL")
    with running(tmp_path, "--products", "10", "--orders", "10", "--broker-url", broker_url) as (process, output):
        told = wait_for(output, "Ctrl-C ends everything.")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.is_file():
            pytest.skip("this system does not tell a process's children")
        begun = [int(pid) for pid in children.read_text().split()]
        (log,) = tmp_path.glob("bigcommerce-demo-*/workers.log")
        begun += [int(pid) for pid in re.findall(r"\[PID (\d+)\].*WorkerProcess", log.read_text())]
        assert len(set(begun)) == 4, "the store, and the workers with their master"
        process.kill()
        wait_while(lambda: any(map(is_alive, begun)), f"processes of {begun} go on")
        store = re.search(r"store +http://127\.0\.0\.1:(\d+)", told)
        assert store is not None
        assert not is_served(int(store[1]))


def test_taken_port_is_reported(demo_here: DemoHere) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo_here(*small("--port", str(taken.getsockname()[1])))
    assert done.returncode == 2
    assert "name another with --port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--broker-url", "redis://:hush@127.0.0.1:1/0"), "The broker at redis://:•••@127.0.0.1:1/0 cannot be used"),
        (("--broker-url", "amqp://me:hush@127.0.0.1:1"), "The broker at amqp://me:•••@127.0.0.1:1 cannot be used"),
        (("--broker-url", "http://127.0.0.1"), "must begin with redis:// or amqp://"),
        (("--database-url", "postgresql://me:hush@127.0.0.1:1/x"), "cannot be used"),
        (("--database-url", "mysql://me:hush@127.0.0.1:1/x"), "cannot be used"),
        (("--database-url", "sqlite://"), "name a file"),
        (("--database-url", "host.db"), "is not a URL"),
        (("--database-url", "oracle://me:hush@127.0.0.1/x"), "are supported, not oracle"),
        (("--products", "-1"), "must not be negative"),
        (("--worker-processes", "3"), "--worker-processes needs --broker-url"),
    ],
)
def test_unusable_option_is_reported(demo_here: DemoHere, arguments: tuple[str, ...], words: str) -> None:
    done = demo_here(*small(*arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr
