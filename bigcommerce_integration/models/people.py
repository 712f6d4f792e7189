"""People who asked to be forgotten: known again by a keyed hash alone."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, String, Table

from .types import FOUR_BYTES, moment


def erased_people(metadata: MetaData) -> Table:
    """Whose data is blanked whenever a record of theirs arrives."""
    return Table(
        "bigcommerce_erased_people",
        metadata,
        Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
        # HMAC-SHA256, in hex, of "customer_id:…" or "email:…" under the instance's erasure key.
        Column("person_hash", String(64), primary_key=True),
        Column("erased_at", moment(), nullable=False),
        **FOUR_BYTES,
    )
