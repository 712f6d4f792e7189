"""Documents for the host's accounting, the batches that goods documents go into, and goods that came back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Text, UniqueConstraint

from .types import NAME_LENGTH, declare_table, exact_string, exchange_rate, long_text, moment, money, row_id


def _handing_over() -> Iterator[Column[Any]]:
    """What is noted of a posting: by the host's answer, or of calls in vain."""
    # Why it is held, or what the host said last.
    yield Column("message", Text)
    yield Column("host_reference", String(255))
    yield Column("posted_at", moment())
    # How often the host was called in vain, and when it is called again.
    yield Column("tries", Integer, nullable=False, server_default="0")
    yield Column("next_try_at", moment())


# One row for each instance that documents are made for: how far its mirror was read, and its counters.
#
# Whoever makes documents or numbers of an instance locks its row first.
declare_table(
    "accounting",
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    # The day, in the store's time zone, on which documents were first made.
    Column("started_on", Date, nullable=False),
    # The change numbers up to which orders and refunds were read.
    Column("orders_read", BigInteger, nullable=False, server_default="0"),
    Column("refunds_read", BigInteger, nullable=False, server_default="0"),
    # The id up to which returns were read; they get theirs while this row is locked.
    Column("returns_read", BigInteger, nullable=False, server_default="0"),
    # Orders up to this change number may have been stored before their fees were asked for.
    Column("without_fees_up_to", BigInteger, nullable=False, server_default="0"),
    # From this number on, documents that are not posted are made anew, as settings have changed; NULL: none.
    Column("renew_from", BigInteger),
    # The same of documents that wait for a cost, and when such a round last began.
    Column("costs_from", BigInteger),
    Column("costs_asked_at", moment()),
    # Why none could be made, such as what the host raised, and when that is tried again; NULL: all is well.
    Column("message", Text),
    Column("next_try_at", moment()),
    # The first days of what is not disabled, since a flag was switched on; NULL: all.
    Column("invoices_from", Date),
    Column("credits_from", Date),
    Column("last_number", BigInteger, nullable=False, server_default="0"),
    Column("last_batch_number", BigInteger, nullable=False, server_default="0"),
    Column("change_number", BigInteger, nullable=False, server_default="0"),
)

# One row for each document; its lines are JSON, as they are written and read together.
declare_table(
    "accounting_documents",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    # The codes, with blanks between.
    Column("reasons", String(255), nullable=False, server_default=""),
    Column("date", Date, nullable=False),
    Column("currency_code", String(255), nullable=False),
    # What a document is made of: ids and words of the store, and the host's reference of a return.
    Column("bigcommerce_order_id", BigInteger, nullable=False),
    Column("bigcommerce_refund_id", BigInteger),
    Column("return_reference", exact_string(NAME_LENGTH)),
    Column("adjusts_number", BigInteger),
    Column("payment_reference", String(255)),
    Column("customer_id", BigInteger),
    Column("external_order_id", String(255)),
    Column("store_default_currency_code", String(255)),
    Column("store_default_to_transactional_exchange_rate", exchange_rate()),
    Column("total", money()),
    Column("lines", long_text(), nullable=False),
    Column("memo_lines", Text),
    # Of goods; NULL where it is handed over singly. ``is_late``: its own period's batch was closed before it came.
    Column("batch_number", BigInteger),
    Column("is_late", Boolean, nullable=False, server_default="0"),
    *_handing_over(),
    # The version of the document that a person has released.
    Column("released_version", String(64)),
    Column("change_number", BigInteger, nullable=False),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("instance_id", "number", name="uq_bigcommerce_accounting_documents_number"),
    Index("ix_bigcommerce_accounting_documents_order", "instance_id", "bigcommerce_order_id"),
    Index("ix_bigcommerce_accounting_documents_status", "instance_id", "status", "number"),
    Index("ix_bigcommerce_accounting_documents_batch", "instance_id", "batch_number"),
    Index("ix_bigcommerce_accounting_documents_date", "instance_id", "kind", "date"),
    Index("ix_bigcommerce_accounting_documents_change", "instance_id", "change_number"),
    Index("ix_bigcommerce_accounting_documents_due", "status", "next_try_at"),
    sqlite_autoincrement=True,
)

# One row for each batch of goods documents; ``status`` is open, pending, posted or failed.
declare_table(
    "accounting_batches",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("period_type", String(16), nullable=False),
    # YYYY-MM-DD of a day, YYYY-MM of a month.
    Column("batch_period", String(16), nullable=False),
    # The last day of its period.
    Column("date", Date, nullable=False),
    Column("currency_code", String(255), nullable=False),
    Column("status", String(16), nullable=False),
    # NULL once it is closed: one open batch for each instance, kind, period and currency.
    Column("open_key", exact_string(NAME_LENGTH)),
    # From its close on.
    Column("lines", long_text()),
    Column("document_count", Integer, nullable=False, server_default="0"),
    Column("late_count", Integer, nullable=False, server_default="0"),
    *_handing_over(),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("instance_id", "number", name="uq_bigcommerce_accounting_batches_number"),
    UniqueConstraint("open_key", name="uq_bigcommerce_accounting_batches_open_key"),
    Index("ix_bigcommerce_accounting_batches_due", "status", "next_try_at"),
    sqlite_autoincrement=True,
)

# One row for each return of goods that the host has reported; its reference is unique within the instance.
declare_table(
    "returns",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("reference", exact_string(NAME_LENGTH), nullable=False),
    Column("bigcommerce_order_id", BigInteger, nullable=False),
    # A day in the store's time zone.
    Column("received_at", Date, nullable=False),
    # As JSON: pieces by the id of the order's line.
    Column("quantities", Text, nullable=False),
    Column("created_by", String(NAME_LENGTH)),
    Column("created_at", moment(), nullable=False),
    UniqueConstraint("instance_id", "reference", name="uq_bigcommerce_returns_reference"),
    Index("ix_bigcommerce_returns_order", "instance_id", "bigcommerce_order_id"),
    sqlite_autoincrement=True,
)
