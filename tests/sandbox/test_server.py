"""The server's life, the command, the fixtures for other projects, and what the room imports."""

import ast
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from configparser import ConfigParser
from pathlib import Path

import pytest
import requests

import bigcommerce_integration.sandbox
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore, command
from bigcommerce_integration.sandbox.server.request_log import RequestLog, SeenRequest

pytest_plugins = ["pytester"]

ROOM = Path(bigcommerce_integration.sandbox.__file__).parent


def test_the_room_imports_nothing_else_of_the_package():
    for file in ROOM.rglob("*.py"):
        depth = len(file.relative_to(ROOM).parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and 1 <= node.level <= depth:
                continue  # from this room
            names = [f"{'.' * node.level}{node.module}"] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            allowed = {*sys.stdlib_module_names, *(["pytest"] if file.name == "pytest_plugin.py" else [])}
            for name in names:
                assert name.partition(".")[0] in allowed, f"{file.name} imports {name}"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_only_loopback_is_served(host):
    with pytest.raises(ValueError, match="not a loopback"):
        SandboxServer(SandboxStore(0, 0), host)


def test_start_and_stop():
    before = threading.active_count()
    server = SandboxServer(SandboxStore(0, 0))
    server.stop()
    server.start()
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()
    address = (server.host, server.port)
    socket.create_connection(address, timeout=5).close()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)
    # The port stays, so that a client finds the store again after an outage.
    with server:
        assert server.port == address[1]
        socket.create_connection(address, timeout=5).close()
    assert threading.active_count() == before


def test_stop_closes_idle_connections():
    server = SandboxServer(SandboxStore(0, 0)).start()
    with socket.create_connection((server.host, server.port), timeout=5) as idle:
        idle.sendall(b"GET /stores/x/v2/time HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 404")
        server.stop()
        while idle.recv(4096):
            pass


def test_connections_are_kept_alive(api):
    with socket.create_connection((api.server.host, api.server.port), timeout=5) as connection:
        stream = connection.makefile("rb")
        for end in ("keep-alive", "close"):
            connection.sendall(
                f"GET /stores/{api.server.store_hash}/v2/time HTTP/1.1\r\n"
                f"X-Auth-Token: {api.server.access_token}\r\nConnection: {end}\r\n\r\n".encode()
            )
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.startswith(b"Content-Length"):
                    length = int(line.split()[1])
            assert b"time" in stream.read(length)
        assert stream.read() == b""
        stream.close()


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x00" * 70000])
def test_what_is_not_http_is_dropped(api, sent):
    # Our end stays open: the server leaves of its own accord, perhaps before it has read or we have sent all.
    leaving = contextlib.suppress(ConnectionResetError, BrokenPipeError)
    with leaving, socket.create_connection((api.server.host, api.server.port), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(100) == b""
    assert api.get("v2/time").status_code == 200


def test_the_log_counts_more_than_it_keeps():
    log = RequestLog(keep=2)
    for number in range(3):
        log.add(SeenRequest("GET", f"/{number}", "", 200, 1.0, 10))
    assert log.paths() == ["/1", "/2"]
    assert (log.count, log.statuses[200]) == (3, 3)
    log.clear()
    assert (log.count, list(log)) == (0, [])


def test_the_log_tells_what_was_asked(api):
    for _ in range(3):
        api.get("v2/time")
    assert api.server.requests.count == 3
    seen = list(api.server.requests)
    assert {one.path for one in seen} == {f"/stores/{api.server.store_hash}/v2/time"}
    assert all(one.status == 200 and one.bytes_sent > 0 and one.when > 0 for one in seen)


def test_the_token_is_nowhere_in_the_log(api):
    api.get("v2/time")
    assert api.server.access_token not in repr(list(api.server.requests))


def test_latency_is_added(make_api):
    api = make_api(latency_ms=120)
    assert api.get("v2/time").elapsed.total_seconds() >= 0.12


def test_the_command_prints_its_secrets_and_serves_until_told():
    source = "import sys; from bigcommerce_integration.sandbox.command import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["--products", "3", "--orders", "2", "--quota", "5", "--latency-ms", "1", "--store-hash", "abc123"]
    with subprocess.Popen([sys.executable, "-c", source, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            started = json.loads(process.stdout.readline())
            assert set(started) == {"api_url", "store_hash", "access_token", "control_token"}
            assert started["store_hash"] == "abc123"
            url = f"{started['api_url']}/stores/abc123/v3/catalog/products"
            answer = requests.get(url, headers={"X-Auth-Token": started["access_token"]}, timeout=5)
            assert len(answer.json()["data"]) == 3
            assert answer.headers["X-Rate-Limit-Requests-Quota"] == "5"
            overview = requests.get(
                f"{started['api_url']}/control", headers={"X-Control-Token": started["control_token"]}, timeout=5
            )
            assert overview.json()["orders"] == 2
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as left:
        command.main(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    for option in ("--port", "--products", "--orders", "--latency-ms", "--quota", "--seed", "--access-token"):
        assert option in text


@pytest.mark.ci
def test_other_projects_import_the_fixtures(pytester):
    pytester.makeconftest('pytest_plugins = ["bigcommerce_integration.sandbox.pytest_plugin"]')
    pytester.makepyfile(
        """
        import requests

        def test_one(bigcommerce_sandbox):
            url = f"{bigcommerce_sandbox.api_url}/stores/{bigcommerce_sandbox.store_hash}/v2/time"
            answer = requests.get(url, headers={"X-Auth-Token": bigcommerce_sandbox.access_token}, timeout=5)
            assert answer.status_code == 200

        def test_two(bigcommerce_sandbox_factory):
            assert len(bigcommerce_sandbox_factory(products=3, latency_ms=1).store.product_ids) == 3
        """
    )
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


@pytest.mark.ci
def test_plugin_that_pytest_finds_imports_the_sandbox_alone(pytester, monkeypatch):
    """Beside its entry point, where the package is installed: naming it in a conftest.py as well does no harm."""
    monkeypatch.setenv("PYTHONPATH", str(ROOM.parent.parent))
    pytester.makeconftest('pytest_plugins = ["bigcommerce_integration.sandbox.pytest_plugin"]')
    pytester.makepyfile(
        """
        import sys

        def test_nothing_else_is_imported():
            names = [name.split(".")[1:2] for name in sys.modules if name.startswith("bigcommerce_integration")]
            assert {room for name in names for room in name} == {"sandbox", "version"}

        def test_store(bigcommerce_sandbox, bigcommerce_sandbox_factory):
            assert bigcommerce_sandbox.port != bigcommerce_sandbox_factory(products=3).port
        """
    )
    pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_entry_point_has_the_name_of_its_module():
    """Or pytest would refuse the module where a conftest.py names it too."""
    config = ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg")
    name, module = config["options.entry_points"]["pytest11"].strip().split(" = ")
    assert name == module == "bigcommerce_integration.sandbox.pytest_plugin"
