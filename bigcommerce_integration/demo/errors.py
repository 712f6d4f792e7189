"""Why the demo cannot go on, for the person who started it."""

from __future__ import annotations


class DemoError(Exception):
    """Its message is all that is shown."""


class CannotStart(DemoError):
    """An argument, a port, a database or a broker that cannot be used; the message says what to do."""


class WentWrong(DemoError):
    """Something stopped working while the demo ran."""
