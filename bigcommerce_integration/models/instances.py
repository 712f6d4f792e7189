"""The connected stores, with what people did to them or were told of them, and whose data they must not show again."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Row

from ..resources.values import STORE_HASH_LENGTH
from .types import NAME_LENGTH, declare_table, exact_string, long_text, moment, row_id

CURRENCY_LENGTH = 3
NOMINAL_CODES = (
    "sales_nominal_code_id",
    "cogs_nominal_code_id",
    "shipping_revenue_nominal_code_id",
    "shipping_refund_nominal_code_id",
    "sales_returns_allowances_nominal_code_id",
)
SETTINGS = (
    "store_hash",
    "start_date",
    "store_id",
    "auto_link_products",
    "auto_create_products",
    *NOMINAL_CODES,
    "sync_sales_order_invoices_to_accounting",
    "sync_sales_credit_to_accounting",
    "proforma_marketplace_cost_percentage",
    "proforma_payment_cost_percentage",
    "batch_period_sales_order_fulfillments",
    "batch_period_customer_returns",
)
"""The columns that requests and answers name within ``integration_settings``."""
TOKEN_PATH = "connection_settings.access_token"  # noqa: S105 - where it stands, not what it is
PATHS: Mapping[str, str] = {
    **{name: name for name in ("name", "integration_id", "is_automatic_sync_enabled")},
    **{name: f"integration_settings.{name}" for name in SETTINGS},
    "access_token": TOKEN_PATH,
}
"""Where each column that a request may name stands in it."""


# One row for each store that a host user has connected (an integration instance).
declare_table(
    "instances",
    Column("id", row_id(), primary_key=True),
    Column("tenant", exact_string(NAME_LENGTH), nullable=False),
    Column("name", String(NAME_LENGTH), nullable=False),
    # ``name_key`` of the name: the same on every collation, and never too long for an index.
    Column("name_key", String(64), nullable=False),
    Column("integration_id", BigInteger, nullable=False),
    Column("store_id", BigInteger, nullable=False),
    Column("store_hash", String(STORE_HASH_LENGTH), nullable=False),
    Column("access_token", LargeBinary, nullable=False),
    Column("start_date", Date, nullable=False),
    Column("auto_link_products", Boolean, nullable=False),
    Column("auto_create_products", Boolean, nullable=False),
    # The settings of sales and books, which are kept for what comes after the mirror.
    *(Column(name, BigInteger) for name in NOMINAL_CODES),
    Column("sync_sales_order_invoices_to_accounting", Boolean, nullable=False),
    Column("sync_sales_credit_to_accounting", Boolean, nullable=False),
    Column("proforma_marketplace_cost_percentage", Double),
    Column("proforma_payment_cost_percentage", Double),
    Column("batch_period_sales_order_fulfillments", String(16)),
    Column("batch_period_customer_returns", String(16)),
    Column("is_automatic_sync_enabled", Boolean, nullable=False),
    Column("status", String(32), nullable=False),
    Column("status_message", Text),
    # What the store said last; NULL before its first refresh has asked (see ``refresh/job/regional.py``).
    Column("store_timezone", String(64)),
    Column("store_currency", String(CURRENCY_LENGTH)),
    # What it said before the first change that nobody has acknowledged, and when that was noticed; else NULL.
    Column("timezone_before", String(64)),
    Column("currency_before", String(CURRENCY_LENGTH)),
    Column("timezone_changed_at", moment()),
    Column("currency_changed_at", moment()),
    Column("created_by", String(NAME_LENGTH)),
    # Counts changes by people: what an ETag is made of.
    Column("version", BigInteger, nullable=False, server_default="1"),
    # The key that hashes erased people, as ciphertext; made when first needed.
    Column("erasure_key", LargeBinary),
    Column("created_at", moment(), nullable=False),
    Column("updated_at", moment(), nullable=False),
    UniqueConstraint("tenant", "name_key", name="uq_bigcommerce_instances_name"),
    Index("ix_bigcommerce_instances_store_hash", "store_hash"),
    # Each tick looks for those that are being deleted.
    Index("ix_bigcommerce_instances_status", "status"),
    # SQLite would give a deleted instance's id, and with it its rows, to the next one.
    sqlite_autoincrement=True,
)

# One row for each thing that a person did; never a token, nor who a shopper is.
declare_table(
    "history",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("action", String(32), nullable=False),
    # The JWT's identity, or cli:<system user>.
    Column("done_by", String(NAME_LENGTH)),
    Column("done_at", moment(), nullable=False),
    # What changed, as JSON.
    Column("changes", long_text(), nullable=False),
    Index("ix_bigcommerce_history_instance_id", "instance_id", "id"),
    sqlite_autoincrement=True,
)

# Whose data is blanked whenever a record of theirs arrives.
declare_table(
    "erased_people",
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    # HMAC-SHA256, in hex, of "customer_id:…" or "email:…" under the instance's erasure key.
    Column("person_hash", String(64), primary_key=True),
    Column("erased_at", moment(), nullable=False),
)

# One row for each finding that stands, from when it is noticed until the host was told of its end.
declare_table(
    "alerts",
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
)


def name_key(name: str) -> str:
    """What two names share that read the same: the SHA-256, in hex, of the NFKC casefolded name."""
    return hashlib.sha256(folded(name).encode("utf-8", "surrogatepass")).hexdigest()


def folded(text: str) -> str:
    """What two texts share that read the same; compared in Python, as databases fold case differently."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class IntegrationInstance:
    """One row of ``bigcommerce_instances``, as the host's methods get it; ``access_token`` is ciphertext."""

    id: int
    tenant: str
    name: str
    integration_id: int
    store_id: int
    store_hash: str
    access_token: bytes = field(repr=False)
    start_date: date
    auto_link_products: bool
    auto_create_products: bool
    sales_nominal_code_id: int | None
    cogs_nominal_code_id: int | None
    shipping_revenue_nominal_code_id: int | None
    shipping_refund_nominal_code_id: int | None
    sales_returns_allowances_nominal_code_id: int | None
    sync_sales_order_invoices_to_accounting: bool
    sync_sales_credit_to_accounting: bool
    proforma_marketplace_cost_percentage: float | None
    proforma_payment_cost_percentage: float | None
    batch_period_sales_order_fulfillments: str | None
    batch_period_customer_returns: str | None
    is_automatic_sync_enabled: bool
    status: str
    status_message: str | None
    store_timezone: str | None
    store_currency: str | None
    timezone_before: str | None
    currency_before: str | None
    timezone_changed_at: datetime | None
    currency_changed_at: datetime | None
    created_by: str | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any], *, prefix: str = "") -> IntegrationInstance:
        """The value of a whole row of the table, whose columns are named with this prefix."""
        values = row._mapping
        return cls(**{item.name: values[prefix + item.name] for item in fields(cls)})

    @classmethod
    def of_new(cls, values: Mapping[str, Any]) -> IntegrationInstance:
        """That of a row that was just written with these values: nothing is read back."""
        known: dict[str, Any] = {item.name: values.get(item.name) for item in fields(cls)}
        return cls(**known)
