"""The refreshes until all have ended, as the plugin's own command shows them."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Iterator

import click
from flask import Flask
from flask.cli import ScriptInfo

from ..errors import Interrupted, WentWrong
from .processes import Workers
from .terminal import Terminal

_LOOK_EVERY_S = 0.25


def watch(app: Flask, terminal: Terminal, instance_id: int, workers: Workers | None) -> None:
    """Run ``flask bigcommerce watch``, in this process; ``WentWrong`` if the workers end meanwhile."""
    info = ScriptInfo(create_app=lambda: app, set_debug_flag=False)
    try:
        with terminal.showing_all(), _interrupted_by_the_end_of(workers):
            app.cli.main(["bigcommerce", "watch", str(instance_id)], "flask", obj=info, standalone_mode=False)
    except click.ClickException as error:
        raise WentWrong(error.format_message()) from error
    except Interrupted:
        if workers is not None:
            workers.require_alive()
        raise


@contextlib.contextmanager
def _interrupted_by_the_end_of(workers: Workers | None) -> Iterator[None]:
    """Interrupt the main thread, as SIGTERM does, when the workers have ended: the command would wait for others."""
    is_over = threading.Event()

    def look() -> None:
        while workers is not None and not is_over.wait(_LOOK_EVERY_S):
            if workers.process.poll() is not None:
                _thread.interrupt_main(signal.SIGTERM)
                return

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        is_over.set()
        looking.join()
