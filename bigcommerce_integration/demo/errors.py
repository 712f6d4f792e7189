"""Why the demo cannot go on, for the person who started it."""

from __future__ import annotations


class DemoError(Exception):
    """Its message is all that is shown."""


class CannotStart(DemoError):
    """An argument, a port, a database or a broker that cannot be used; the message says what to do."""


class WentWrong(DemoError):
    """Something stopped working while the demo ran."""


class Interrupted(BaseException):
    """Somebody ends the demo. Not Ctrl-C's own error: the plugin's command would say that its refreshes go on."""
