"""Encrypt the stored secrets anew with the first of the keys."""

from __future__ import annotations

from itertools import product

from sqlalchemy import select, update

from ...app_state import State
from ...errors import ConfigError
from ...refresh.removal.purge import DELETING
from ..transactions import commit, undone_by_errors


def rotate_keys(state: State) -> int:
    """Encrypt all tokens and erasure keys anew in one transaction; how many tokens.

    ``ConfigError`` names the first that no key opens.
    """
    table, session = state.tables.instances, state.db.session()
    secrets = (table.c.access_token, table.c.erasure_key)
    # Those of instances that are being deleted are wiped.
    wanted = select(table.c.id, *secrets).where(table.c.status != DELETING).order_by(table.c.id)

    def work() -> int:
        stored = session.execute(wanted.with_for_update()).all()
        with undone_by_errors(session):
            for row, column in product(stored, secrets):
                ciphertext = row._mapping[column]
                if ciphertext is None:
                    continue
                session.execute(
                    update(table)
                    # Not over a token that was entered anew in the meantime (SQLite has no FOR UPDATE).
                    .where(table.c.id == row.id, column == ciphertext)
                    .values({column: _rotated(state, row.id, ciphertext)})
                )
        return len(stored)

    return commit(session, work)


def _rotated(state: State, instance_id: int, ciphertext: bytes) -> bytes:
    try:
        return state.cipher.rotate(ciphertext)
    except ConfigError as error:
        raise ConfigError(f"Instance {instance_id}: {error} Nothing was changed.") from None
