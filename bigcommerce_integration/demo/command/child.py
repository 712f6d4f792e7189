"""``python -m bigcommerce_integration.demo.command.child MODULE ARGUMENT…`` runs a module that ends with the demo.

The demo holds the other end of this process's standard input. However the demo ends, by ``kill -9`` too, the operating
system closes that end, and this process and its own children end as well.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

ENDS_IN_S = 10.0
"""How long the processes may take to end in good order before they are killed."""


def main() -> None:
    """Run the module; its arguments follow its name."""
    threading.Thread(target=_end_with_parent, name="demo-parent", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    """Wait for the end of standard input, then end the session that the demo gave to this process."""
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(ENDS_IN_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
