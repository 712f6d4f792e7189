"""``python -m bigcommerce_integration demo``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from ..errors import CannotStart, DemoError, Interrupted
from .run import Options, run
from .terminal import Terminal

FAILED, CANNOT_START, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str]) -> int:
    """The exit code: 0 if both refreshes completed, and counts and payloads are the store's."""
    options = _options(argv)
    # A closed terminal or a service manager ends it as Ctrl-C does, with everything that it started. And Ctrl-C's own
    # signal too: a shell that starts the demo in the background has set it to be ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    terminal = Terminal()
    try:
        return 0 if run(options, terminal) else FAILED
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return CANNOT_START if isinstance(error, CannotStart) else FAILED
    except Interrupted:
        terminal.print_line()
        terminal.print_line("Stopped.")
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _options(argv: Sequence[str]) -> Options:
    parser = _parser()
    given = vars(parser.parse_args(argv))
    if given["worker_processes"] is None:
        del given["worker_processes"]
    elif given["broker_url"] is None:
        parser.error("--worker-processes needs --broker-url: without a broker one thread of this process does the work")
    return Options(**given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bigcommerce_integration demo",
        description="Connect a small host app to a stand-in BigCommerce store, and compare the two afterwards. "
        "Everything runs on this machine, on loopback, with secrets made for this run.",
    )
    parser.add_argument("--once", action="store_true", help="end after the summary instead of serving on")
    parser.add_argument("--products", type=_count, default=500, metavar="N", help="in the store (500)")
    parser.add_argument("--orders", type=_count, default=500, metavar="N", help="in the store (500)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed makes the same store (1)")
    parser.add_argument("--latency-ms", type=float, default=0, metavar="MS", help="the store waits before it answers")
    parser.add_argument("--quota", type=int, default=None, metavar="N", help="requests that the store allows in 30 s")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the host app; any free one if not given")
    parser.add_argument(
        "--database-url", default=None, metavar="URL", help="an empty PostgreSQL, MariaDB or SQLite (a temporary file)"
    )
    parser.add_argument(
        "--broker-url",
        default=None,
        metavar="URL",
        help="redis:// or amqp://, then with real worker processes (a worker within the process)",
    )
    parser.add_argument(
        "--worker-processes", type=_count_from_1, default=None, metavar="N", help="with --broker-url (2)"
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _count_from_1(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
