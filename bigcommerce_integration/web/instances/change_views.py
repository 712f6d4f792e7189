"""``PUT`` and ``PATCH`` of ``/api/big-commerce/<id>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from marshmallow import Schema
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from ... import history
from ...errors import Invalid, NotFound
from ...models import db_now
from ...models.instances import IntegrationInstance, name_key
from ...operations import queries
from ...operations.transactions import RowLocked, Unexplained, in_transaction, undone_by_errors
from ...refresh.job.database import is_lockable
from ...refresh.job.fencing import LOCK_WAIT_S, wait_for_instance
from ...refresh.removal.deletion import DELETING
from ...signals import instance_changed
from ...store_check.probe import Store
from ...worker import actors
from ...worker.hints import Hint
from ..http.access import Asked, ask, caller
from ..http.announce import announce
from ..http.query_args import QueryBoolean, read_query
from ..refreshes.changes import HINT_AFTER_S
from ..schemas import ObjectSchema, ReplacedInstance, merge_patch
from . import effects
from .checks import NAME_TAKEN, has_records, is_name_stored, require_valid
from .differences import changed, changed_columns
from .draft import Draft, read_draft
from .trial import end_transaction, require_reachable
from .versions import require_match
from .views import Answered, whole_answer


class ChangeQuery(ObjectSchema):
    """What may stand in the query string; ``verify=false`` stores a token untried."""

    verify = QueryBoolean(load_default=True)


def put_instance(instance_id: str) -> Answered:
    """Replace all settings; a token that is not given stays."""
    return _change(instance_id, ReplacedInstance())


def patch_instance(instance_id: str) -> Answered:
    """Merge what is given into the settings: null clears, absent keeps."""
    return _change(instance_id, merge_patch())


def _change(instance_id: str, schema: Schema) -> Answered:
    asked = ask("change", instance_id)
    state, session = asked.state, asked.session
    is_tried = read_query(request, ChangeQuery())["verify"]
    draft = read_draft(request, state.cipher, schema)
    # Before the store is asked, and again in the transaction: others may have been here meanwhile.
    columns = _accepted(asked, asked.instance, draft)
    if is_tried and not effects.REACHING.isdisjoint(columns):
        reached = {name: columns.get(name, getattr(asked.instance, name)) for name in Store.__dataclass_fields__}
        end_transaction(session)
        require_reachable(state, Store(**reached))

    def work() -> tuple[Stored, Answered]:
        stored = _store(asked, draft)
        # After the commit somebody else may have deleted it, and a worker removed what was left.
        with undone_by_errors(session):
            return stored, whole_answer(state, session, _stored(asked))

    stored, committed = in_transaction(session, work)
    if stored.is_changed:
        announce(instance_changed, instance_id=asked.instance.id)
    started = _started(asked, stored)
    answer, status, headers = _with_what_began(asked, committed) if started else committed
    shown = [{"id": refresh_id, "resource": resource} for resource, refresh_id in started]
    return {**answer, "started_refreshes": shown, "warnings": answer["data"]["health"]["warnings"]}, status, headers


def _started(asked: Asked, stored: Stored) -> list[Hint]:
    """What goes on, and what was due: begun and hinted at now, so that the answer can name it."""
    if not stored.is_mended:
        return []
    started = [*stored.continued, *actors.begin_due(asked.state, asked.instance.id)]
    actors.send_hints(asked.state, started)
    return started


def _with_what_began(asked: Asked, committed: Answered) -> Answered:
    """The instance as it is now; as it was committed if somebody else has deleted it since."""
    try:
        return whole_answer(asked.state, asked.session, _stored(asked))
    except NotFound:
        return committed


@dataclass(frozen=True)
class Stored:
    """What a request has changed; ``is_mended`` says that the store is reached in another way than before.

    ``continued`` are refreshes that had failed and go on.
    """

    is_changed: bool = False
    is_mended: bool = False
    continued: Sequence[Hint] = ()


def _stored(asked: Asked) -> IntegrationInstance:
    """The instance as it is by now."""
    instance = queries.instance(asked.session, asked.state.tables, asked.instance.id, tenant=asked.instance.tenant)
    if instance.status == DELETING:
        raise NotFound("This BigCommerce integration instance is being deleted.")
    return instance


def _accepted(asked: Asked, instance: IntegrationInstance, draft: Draft) -> dict[str, Any]:
    """The columns that are to be changed; raises ``VersionMismatch`` or ``Invalid``."""
    require_match(request, instance)
    state = asked.state
    require_valid(
        draft,
        session=asked.session,
        tables=state.tables,
        host=state.host,
        tenant=instance.tenant,
        stored=instance,
    )
    return changed_columns(instance, draft.columns)


def _store(asked: Asked, draft: Draft) -> Stored:
    """What there was to change. Begun anew if another request changed the row meanwhile."""
    instance = _stored(asked)
    columns = _accepted(asked, instance, draft)
    if not columns:
        return Stored()
    session, tables = asked.session, asked.state.tables
    # What the host has pending fails here as its own error, not below as ours.
    session.flush()
    try:
        with session.begin_nested():
            return _write(asked, instance, columns)
    except IntegrityError as error:
        unexplained = Unexplained(error)
        key = name_key(columns.get("name", instance.name))
        taken = is_name_stored(session, tables, tenant=instance.tenant, key=key, locking=True)
    # Outside of the handler, so that the refusal does not carry the failed statement along.
    raise Invalid({"name": [NAME_TAKEN]}) if taken else unexplained


def _write(asked: Asked, instance: IntegrationInstance, columns: Mapping[str, Any]) -> Stored:
    session, tables = asked.session, asked.state.tables
    table = tables.instances
    as_seen = (table.c.id == instance.id, table.c.version == instance.version)
    concerns_leases = effects.concerns_leases(columns)
    if concerns_leases:
        wait_for_instance(session, tables, instance.id, LOCK_WAIT_S)
    # Else no lock is waited for, as its holder may be frozen.
    if not is_lockable(session, select(table.c.id).where(*as_seen)):
        raise RowLocked
    keyed = {"name_key": name_key(columns["name"])} if "name" in columns else {}
    values = {**columns, **keyed, **effects.instance_values(instance, columns)}
    written: Any = session.execute(
        update(table).where(*as_seen).values(**values, version=instance.version + 1, updated_at=db_now())
    )
    if written.rowcount != 1:
        raise RowLocked
    # Looked at again now that no page can be committed.
    if "store_hash" in columns and has_records(session, tables, instance.id, locking=True):
        raise RowLocked
    if concerns_leases:
        effects.apply(session, tables, instance, columns)
    history.record(session, tables, instance.id, "change", done_by=caller(), changes=changed(instance, columns))
    if effects.REACHING.isdisjoint(columns):
        return Stored(is_changed=True)
    return Stored(True, True, effects.continue_failed(session, tables, instance.id, hint_after_s=HINT_AFTER_S))
