"""What a worker does beside its tick for whom must be told."""

from __future__ import annotations

from ...app_state import State
from ...host.port import AttentiveHost
from ...refresh.job.context import Engine
from .call import call
from .notice import notice


def attend(state: State, engine: Engine) -> None:
    """Notice what needs a person, and tell the host; nothing for a host that does not want to be told.

    Commits in sessions of its own, in an app context. It takes as long as the host's method does.
    """
    if isinstance(state.host, AttentiveHost):
        notice(state, engine)
        call(state.host, engine)
