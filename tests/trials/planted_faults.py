"""A deployment with one fault, for somebody who is to find it: ``python -m tests.trials.planted_faults NUMBER``.

It needs the Redis of the tests (``TEST_REDIS_URL``). It says where to look and what to type, and nothing of the fault.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ..processes import ROOT
from .faults import FAULTS
from .host import VARIABLE
from .site import opened_site


def main() -> int:
    """Plant it, say where, and wait for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.trials.planted_faults", description=__doc__)
    parser.add_argument("number", type=int, choices=range(1, len(FAULTS) + 1), metavar="NUMBER", help="which fault")
    number = parser.parse_args().number
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    with tempfile.TemporaryDirectory() as directory, opened_site(Path(directory), "sqlite") as site:
        FAULTS[number - 1].plant(site)
        environment = json.loads(site.deployment.environment()[VARIABLE])
        print(f"cd {shlex.quote(str(ROOT))}; export {VARIABLE}={shlex.quote(json.dumps(environment))}")
        print(f"{shlex.quote(sys.executable)} -m flask --app tests.trials.host bigcommerce doctor     # and --help")
        print(f"{site.address}/login                                # the pages, logged in")
        print("Something is wrong here. What is it, with which store, what mends it, and can it wait? Ctrl-C ends.")
        sys.stdout.flush()
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
