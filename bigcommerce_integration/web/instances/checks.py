"""What only the host and the database know about a draft."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...host.port import Host
from ...models import Tables
from ...models.instances import NOMINAL_CODES, IntegrationInstance, name_key
from .draft import Draft

NAME_TAKEN = "Another integration already has this name."


def require_valid(
    draft: Draft,
    *,
    session: Session,
    tables: Tables,
    host: Host,
    tenant: str,
    stored: IntegrationInstance | None = None,
) -> None:
    """Raises ``Invalid`` with every bad field; what is valid by itself is looked up even if others are not.

    ``stored`` is the instance that the draft is to change: what it keeps is not held against it, should the host
    have become stricter since, and what no change may touch is refused.
    """
    errors = deepcopy(draft.errors)
    for path, message in (
        *_missing(draft, session, host),
        *(_name_taken(draft, session, tables, host, tenant) if _is_renamed(draft, stored) else ()),
        *_too_early(draft, session, host, stored),
        *_fixed(draft, session, tables, stored),
    ):
        errors.setdefault(path, []).append(message)
    if errors:
        raise errors.refusal()


def is_name_stored(session: Session, tables: Tables, *, tenant: str, key: str, locking: bool = False) -> bool:
    """Whether an instance of the tenant has this ``name_key``.

    ``locking`` reads what is committed now, also where the transaction reads from an older snapshot (MariaDB).
    """
    table = tables.instances
    found = select(table.c.id).where(table.c.tenant == tenant, table.c.name_key == key).limit(1)
    return session.execute(found.with_for_update(read=True) if locking else found).first() is not None


def _missing(draft: Draft, session: Session, host: Host) -> Iterator[tuple[str, str]]:
    columns = draft.columns
    codes = {name: columns[name] for name in NOMINAL_CODES if columns.get(name) is not None}
    integration_id, store_id = columns.get("integration_id"), columns.get("store_id")
    if integration_id is None and store_id is None and not codes:
        return
    missing = host.missing(
        session, integration_id=integration_id, store_id=store_id, nominal_code_ids=sorted(set(codes.values()))
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


def _name_taken(draft: Draft, session: Session, tables: Tables, host: Host, tenant: str) -> Iterator[tuple[str, str]]:
    name = draft.columns.get("name")
    if name is None:
        return
    if is_name_stored(session, tables, tenant=tenant, key=name_key(name)) or host.name_taken(session, name):
        yield "name", NAME_TAKEN


def _too_early(
    draft: Draft, session: Session, host: Host, stored: IntegrationInstance | None
) -> Iterator[tuple[str, str]]:
    start_date = draft.columns.get("start_date")
    if start_date is None or (stored is not None and start_date == stored.start_date):
        return
    earliest = host.earliest_start_date(session)
    if earliest is not None and start_date < earliest:
        yield "integration_settings.start_date", f"Must not be before {earliest.isoformat()}."


def _fixed(
    draft: Draft, session: Session, tables: Tables, stored: IntegrationInstance | None
) -> Iterator[tuple[str, str]]:
    if stored is None:
        return
    if draft.columns.get("integration_id", stored.integration_id) != stored.integration_id:
        yield "integration_id", "Cannot be changed. Connect a new instance instead."
    is_moved = draft.columns.get("store_hash", stored.store_hash) != stored.store_hash
    if is_moved and has_records(session, tables, stored.id):
        yield (
            "integration_settings.store_hash",
            "Cannot be changed, as records of this store are stored. Connect a new instance for the other store.",
        )


def has_records(session: Session, tables: Tables, instance_id: int, *, locking: bool = False) -> bool:
    """Whether anything of its store is stored. ``locking`` as for ``is_name_stored``."""
    for table in (tables.products, tables.orders, tables.rejected_records):
        found = select(table.c.id).where(table.c.instance_id == instance_id).limit(1)
        if session.execute(found.with_for_update(read=True) if locking else found).first() is not None:
            return True
    return False
