"""What the checks look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ...app_state import State
from ...models.instances import IntegrationInstance
from ..instances.views import connected
from .results import Result


@dataclass
class Deployment:
    """One app with its database, and the store that alone is asked for (``instance_id``; None: all of them).

    ``engine`` is the app's; the checks run in threads, where there is no app context.
    """

    state: State
    engine: Engine
    instance_id: int | None = None
    # The stores whose tokens no key opens, as the check of the keys has found; and those that could not be read.
    keyless: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)
    # What the checks before this one have found; and the table or column that the check of the tables has missed.
    found: list[Result] = field(default_factory=list)
    lack: str | None = None

    def session(self) -> Session:
        """A new one, to be closed by the caller; nothing is written in it."""
        return Session(self.engine)

    def stores(self, session: Session) -> Sequence[IntegrationInstance]:
        """The connected stores of all tenants but those that are being deleted, by id."""
        return connected(session, self.state.tables, self.instance_id)


def name_of(store: IntegrationInstance) -> str:
    """How a line names a store."""
    return f"Instance {store.id} ({store.name})"
