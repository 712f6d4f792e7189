"""Write a new instance and begin its refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ... import history
from ...app_state import State
from ...errors import Invalid
from ...models import db_now
from ...models.instances import IntegrationInstance, name_key
from ...operations import queries
from ...operations.health import Overview, overview_of_new
from ...operations.transactions import Unexplained, in_transaction
from ...refresh.lifecycle.start import start_instance
from .checks import NAME_TAKEN, is_name_stored, require_valid
from .differences import created
from .draft import Draft

# The request's own hint goes out within a second of the commit; the tick needs to send one only if that was lost.
HINT_AFTER_S = 10.0


@dataclass(frozen=True)
class Created:
    """What was committed."""

    instance: IntegrationInstance
    overview: Overview


def create(
    state: State, draft: Draft, *, tenant: str, created_by: str | None, status_message: str | None = None
) -> Created:
    """The new instance with its first refreshes, committed in the host's session; ``status_message`` shows with it.

    Raises ``Invalid`` for a draft that cannot be accepted, also if another request took its name in this very moment.
    """
    session: Session = state.db.session()

    def work() -> Created:
        require_valid(draft, session=session, tables=state.tables, host=state.host, tenant=tenant)
        row = draft.columns | {"tenant": tenant, "name_key": name_key(draft.columns["name"]), "created_by": created_by}
        row["status_message"] = status_message
        return _insert(state, session, row)

    return in_transaction(session, work)


def _insert(state: State, session: Session, row: Mapping[str, Any]) -> Created:
    """All of it in one savepoint, with a write first.

    pysqlite begins no transaction before a SAVEPOINT, so that the release of the outermost one commits: a second
    savepoint could be lost alone. And SQLite refuses the step from reader to writer when another writer is at work.
    """
    # What the host has pending fails here as its own error, not below as ours.
    session.flush()
    # Asked once: the database's clock moves within a statement too.
    now = session.scalar(select(db_now()))
    try:
        with session.begin_nested():
            result: Any = session.execute(
                insert(state.tables.instances).values(**row, status="active", created_at=now, updated_at=now)
            )
            instance_id: int = result.inserted_primary_key[0]
            start_instance(
                session,
                state.tables,
                instance_id,
                hint_after_s=HINT_AFTER_S,
                sweep_after_s=state.config.sweep_interval_s,
                requested_by=row["created_by"],
            )
            found = queries.with_refreshes(session, state.tables, state.config, instance_id, tenant=row["tenant"])
            assert found is not None
            instance, begun = found
            history.record(
                session, state.tables, instance_id, "create", done_by=row["created_by"], changes=created(instance)
            )
            return Created(instance, overview_of_new(session, state.tables, begun))
    except IntegrityError as error:
        unexplained = Unexplained(error)
        taken = is_name_stored(session, state.tables, tenant=row["tenant"], key=row["name_key"], locking=True)
    # Outside of the handler, so that the refusal does not carry the failed statement along.
    raise Invalid({"name": [NAME_TAKEN]}) if taken else unexplained
