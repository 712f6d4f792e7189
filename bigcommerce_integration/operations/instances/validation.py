"""What only the host and the database know about a draft."""

from __future__ import annotations

from collections.abc import Iterator, Set
from copy import deepcopy
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from ...books.settings import switched_on
from ...errors import Invalid, VersionMismatch
from ...models import Tables
from ...models.instances import NOMINAL_CODES, IntegrationInstance, name_key
from ..context import Caller
from .draft import Draft

NAME_TAKEN = "Another integration already has this name."


def require_version(instance: IntegrationInstance, versions: Set[str] | None) -> None:
    """Raises ``VersionMismatch`` unless the stored version is among ``versions``; None means all."""
    if versions is not None and str(instance.version) not in versions:
        raise VersionMismatch("The instance was changed since you read it. Read it again and repeat your change.")


def require_valid(
    caller: Caller, draft: Draft, stored: IntegrationInstance | None = None, *, is_inserted_next: bool = False
) -> None:
    """Raises ``Invalid`` with every bad field; what is valid by itself is looked up even if others are not.

    ``stored`` is the instance that the draft is to change: what it keeps is not held against it, should the host
    have become stricter since, and what no change may touch is refused. With ``is_inserted_next`` our own names are not
    looked at if all else is well, as the insert says whether the name is taken.
    """
    errors = deepcopy(draft.errors)
    for path, message in (
        *_missing(caller, draft),
        *_too_early(caller, draft, stored),
        *_fixed(caller, draft, stored),
        *_without_flag(draft, stored),
    ):
        errors.setdefault(path, []).append(message)
    name = draft.columns.get("name") if _is_renamed(draft, stored) else None
    looks_at_ours = bool(errors) or not is_inserted_next
    if name is not None and _is_taken(caller, name, looks_at_ours=looks_at_ours):
        errors.setdefault("name", []).append(NAME_TAKEN)
    errors.refuse()


def is_name_stored(caller: Caller, key: str, *, locking: bool = False) -> bool:
    """Whether an instance of the tenant has this ``name_key``.

    ``locking`` reads what is committed now, also where the transaction reads from an older snapshot (MariaDB).
    """
    found = _named(caller.state.tables)
    which = {"tenant": caller.tenant, "name_key": key}
    return caller.session.execute(found.with_for_update(read=True) if locking else found, which).first() is not None


@lru_cache(maxsize=16)
def _named(tables: Tables) -> Select[Any]:
    table = tables.instances
    return select(table.c.id).where(table.c.tenant == bindparam("tenant"), table.c.name_key == bindparam("name_key"))


def name_refusal(caller: Caller, key: str) -> Invalid | None:
    """What to raise where a constraint was violated as an instance of the tenant has this ``name_key`` by now."""
    return Invalid({"name": [NAME_TAKEN]}) if is_name_stored(caller, key, locking=True) else None


def has_records(caller: Caller, instance_id: int, *, locking: bool = False) -> bool:
    """Whether anything of the instance's store is stored. ``locking`` as for ``is_name_stored``."""
    tables = caller.state.tables
    for table in (*(tables.mirror[name] for name in tables.registry.names), tables.rejected_records):
        found = select(table.c.id).where(table.c.instance_id == instance_id).limit(1)
        if caller.session.execute(found.with_for_update(read=True) if locking else found).first() is not None:
            return True
    return False


def _missing(caller: Caller, draft: Draft) -> Iterator[tuple[str, str]]:
    columns = draft.columns
    codes = {name: columns[name] for name in NOMINAL_CODES if columns.get(name) is not None}
    integration_id, store_id = columns.get("integration_id"), columns.get("store_id")
    if integration_id is None and store_id is None and not codes:
        return
    missing = caller.state.host.missing(
        caller.session, integration_id=integration_id, store_id=store_id, nominal_code_ids=sorted(set(codes.values()))
    )
    if integration_id is not None and missing.integration:
        yield "integration_id", "There is no BigCommerce integration with this id."
    if store_id is not None and missing.store:
        yield "integration_settings.store_id", "There is no store with this id."
    for name, code in codes.items():
        if code in missing.nominal_code_ids:
            yield f"integration_settings.{name}", "There is no nominal code with this id."


def _is_renamed(draft: Draft, stored: IntegrationInstance | None) -> bool:
    """An instance's own name is not taken, however it is spelt."""
    return stored is None or name_key(draft.columns.get("name", stored.name)) != name_key(stored.name)


def _is_taken(caller: Caller, name: str, *, looks_at_ours: bool) -> bool:
    is_ours = looks_at_ours and is_name_stored(caller, name_key(name))
    return is_ours or caller.state.host.name_taken(caller.session, name)


def _too_early(caller: Caller, draft: Draft, stored: IntegrationInstance | None) -> Iterator[tuple[str, str]]:
    start_date = draft.columns.get("start_date")
    if start_date is None or (stored is not None and start_date == stored.start_date):
        return
    earliest = caller.state.host.earliest_start_date(caller.session)
    if earliest is not None and start_date < earliest:
        yield "integration_settings.start_date", f"Must not be before {earliest.isoformat()}."


def _without_flag(draft: Draft, stored: IntegrationInstance | None) -> Iterator[tuple[str, str]]:
    if draft.accounting_from is not None and (stored is None or not switched_on(stored, draft.columns)):
        yield "accounting_from", "Is given only where a flag of the accounting is switched on."


def _fixed(caller: Caller, draft: Draft, stored: IntegrationInstance | None) -> Iterator[tuple[str, str]]:
    if stored is None:
        return
    if draft.columns.get("integration_id", stored.integration_id) != stored.integration_id:
        yield "integration_id", "Cannot be changed. Connect a new instance instead."
    is_moved = draft.columns.get("store_hash", stored.store_hash) != stored.store_hash
    if is_moved and has_records(caller, stored.id):
        yield (
            "integration_settings.store_hash",
            "Cannot be changed, as records of this store are stored. Connect a new instance for the other store.",
        )
