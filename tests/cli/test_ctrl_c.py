"""Ctrl-C while a real ``flask bigcommerce … --watch`` runs beside a real worker process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bigcommerce_integration.sandbox import SandboxStore

from ..processes import wait_until, workers
from ..shop import Shop, opened_on_servers

APP = "tests.worker_host:app"
HEARS_CTRL_C = """
import signal
from flask.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@contextmanager
def watched(shop: Shop) -> Iterator[subprocess.Popen[str]]:
    """The command as a person starts it. These tests may run in the background, where a shell has Ctrl-C ignored."""
    process = subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "--app", APP, "bigcommerce", "watch", "1"],
        env=shop.host.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.ci
def test_after_ctrl_c_the_refresh_goes_on(tmp_path: Path) -> None:
    store = SandboxStore(30, 0)
    settings = {"page_size": 10, "concurrency": 1}
    with (
        opened_on_servers("sqlite", "redis", tmp_path, store=store, settings=settings) as shop,
        workers(shop.host, tmp_path),
    ):
        # The store answers nothing until somebody has watched: however slow the machine is, it is not read before.
        shop.server.pause()
        shop.post()
        with watched(shop) as watching:
            wait_until(lambda: "processing" in shop.statuses(), 60, "a worker")
            assert watching.stderr is not None
            first = watching.stderr.readline()
            assert first.startswith("Refresh 1 (products) ")
            watching.send_signal(signal.SIGINT)
            out, err = watching.communicate(timeout=60)
        assert watching.returncode == 130, (out, err)
        assert f"To watch again: flask --app {APP} bigcommerce watch 1" in err
        assert "Traceback" not in err
        assert "processing" in shop.statuses()
        shop.server.resume()
        shop.wait(120)
        assert shop.statuses() == ["completed", "completed"]
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", APP, "bigcommerce", "refresh", "1", "orders", "--watch"],
            env=shop.host.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, "(orders) completed." in done.stdout) == (0, True), done.stderr
        wait_until(lambda: set(shop.statuses()) == {"completed"}, 60, "the end")
