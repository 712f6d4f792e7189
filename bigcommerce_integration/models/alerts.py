"""What a person was told of, or is to be told of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, UniqueConstraint

from .types import FOUR_BYTES, NAME_LENGTH, exact_string, moment, row_id


def alerts(metadata: MetaData) -> Table:
    """One row for each finding that stands, from when it is noticed until the host was told of its end."""
    return Table(
        "bigcommerce_alerts",
        metadata,
        Column("id", row_id(), primary_key=True),
        # 0 of what concerns all stores; the collection is "" of what concerns the whole store.
        Column("instance_id", BigInteger, nullable=False),
        Column("code", String(32), nullable=False),
        Column("resource", String(16), nullable=False),
        # The host is told of the end also when the store is gone.
        Column("tenant", exact_string(NAME_LENGTH)),
        Column("store", String(NAME_LENGTH)),
        Column("severity", String(8), nullable=False),
        Column("sentence", Text, nullable=False),
        Column("link", String(255)),
        Column("since", moment()),
        Column("last_success_at", moment()),
        Column("noticed_at", moment(), nullable=False),
        # Since when it is not found any longer; NULL while it is.
        Column("gone_at", moment()),
        # When the host was told that it began; NULL before.
        Column("told_at", moment()),
        # How often the host was called in vain, and when it is called again.
        Column("tries", Integer, nullable=False, server_default="0"),
        Column("next_try_at", moment()),
        UniqueConstraint("instance_id", "code", "resource", name="uq_bigcommerce_alerts_finding"),
        sqlite_autoincrement=True,
        **FOUR_BYTES,
    )
