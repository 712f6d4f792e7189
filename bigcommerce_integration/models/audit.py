"""The audit trail: who did what to an instance, and when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table

from .types import FOUR_BYTES, NAME_LENGTH, long_text, moment, row_id


def history(metadata: MetaData) -> Table:
    """One row for each thing that a person did; never a token, nor who a shopper is."""
    return Table(
        "bigcommerce_history",
        metadata,
        Column("id", row_id(), primary_key=True),
        Column("instance_id", BigInteger, nullable=False),
        Column("action", String(32), nullable=False),
        # The JWT's identity; NULL is a command on the command line.
        Column("done_by", String(NAME_LENGTH)),
        Column("done_at", moment(), nullable=False),
        # What changed, as JSON.
        Column("changes", long_text(), nullable=False),
        Index("ix_bigcommerce_history_instance_id", "instance_id", "id"),
        sqlite_autoincrement=True,
        **FOUR_BYTES,
    )
