"""``python -m bigcommerce_integration …``: the commands that need no app."""

from __future__ import annotations

import sys
from collections.abc import Sequence

USAGE = """usage: python -m bigcommerce_integration COMMAND [options]

commands:
  generate-key   print a new key for BIGCOMMERCE_ENCRYPTION_KEYS
  sandbox        serve a stand-in of the BigCommerce API on this machine
  demo           connect a small host app to a sandbox store and watch it work

COMMAND --help tells the options."""


def main(argv: Sequence[str]) -> int:
    """The exit code: 2 for a usage error."""
    match argv:
        case ["generate-key"]:
            from .encryption import generate_key

            print(generate_key())
            return 0
        case ["sandbox", *rest]:
            from .sandbox.command import main as sandbox

            return sandbox(rest)
        case ["demo", *rest]:
            from .demo.command.main import main as demo

            return demo(rest)
        case ["-h" | "--help"]:
            print(USAGE)
            return 0
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
