"""The mirror: products, variants, orders and order lines as the store has them, in the API's own terms."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import BigInteger, Boolean, Column, Index, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.schema import SchemaItem

from .types import FOUR_BYTES, exchange_rate, long_text, moment, money, row_id

TAXED = ("ex_tax", "inc_tax", "tax")
ORDER_AMOUNTS = (
    *(
        f"{group}_{tax}"
        for group in ("total", "subtotal", "shipping_cost", "handling_cost", "wrapping_cost")
        for tax in TAXED
    ),
    "discount_amount",
    "coupon_discount",
    "store_credit_amount",
    "gift_certificate_amount",
)
LINE_AMOUNTS = (
    *(f"{group}_{tax}" for group in ("price", "total") for tax in TAXED),
    "discounted_total_inc_tax",
    "cost_price_ex_tax",
)


def _mirrored(table: str) -> Iterator[SchemaItem]:
    """What every mirror table has; ``deleted_at`` is when it was found gone from the store."""
    yield Column("id", row_id(), primary_key=True)
    yield Column("instance_id", BigInteger, nullable=False)
    yield Column("bigcommerce_id", BigInteger, nullable=False)
    yield Column("content_hash", String(32), nullable=False)
    yield Column("observed_at", moment(), nullable=False)
    yield Column("change_number", BigInteger, nullable=False)
    yield Column("deleted_at", moment())
    # What of the record could not be read, as a JSON list of {"field", "reason"}; NULL if all could.
    yield Column("notes", Text)
    yield UniqueConstraint("instance_id", "bigcommerce_id", name=f"uq_{table}_bigcommerce_id")
    yield Index(f"ix_{table}_change_number", "instance_id", "change_number")


def _served(table: str, column: str) -> Index:
    """The index of a filter: it ends in the id, so that a page of the list is one stretch of it."""
    return Index(f"ix_{table}_{column}", "instance_id", column, "bigcommerce_id")


def products(metadata: MetaData) -> Table:
    """Catalog products; what is sold are their variants."""
    return Table(
        "bigcommerce_products",
        metadata,
        *_mirrored("bigcommerce_products"),
        Column("payload", long_text(), nullable=False),
        Column("name", Text),
        Column("sku", String(255)),
        Column("type", String(255)),
        Column("price", money()),
        Column("is_visible", Boolean),
        Column("date_created", moment()),
        Column("date_modified", moment()),
        # Here only since a stored order refers to it; not modified since the start date.
        Column("is_only_referenced", Boolean, nullable=False),
        _served("bigcommerce_products", "sku"),
        _served("bigcommerce_products", "date_modified"),
        **FOUR_BYTES,
    )


def variants(metadata: MetaData) -> Table:
    """The exact things with a SKU, and their links to the host's products."""
    return Table(
        "bigcommerce_variants",
        metadata,
        *_mirrored("bigcommerce_variants"),
        Column("bigcommerce_product_id", BigInteger, nullable=False),
        Column("sku", String(255)),
        # The SKU trimmed, NULL if blank: what links are looked up by.
        Column("sku_key", String(255)),
        Column("price", money()),
        Column("inventory_level", BigInteger),
        Column("host_product_id", BigInteger),
        # auto, created or manual; manual without a host product is the decision to leave it unlinked.
        Column("link_source", String(16)),
        Column("link_conflict", Text),
        Index("ix_bigcommerce_variants_product", "instance_id", "bigcommerce_product_id", "bigcommerce_id"),
        _served("bigcommerce_variants", "sku_key"),
        # For the host's joins; and what has no link, conflicts among it, stands together in it.
        Index("ix_bigcommerce_variants_host_product", "host_product_id", "instance_id", "bigcommerce_id"),
        **FOUR_BYTES,
    )


def orders(metadata: MetaData) -> Table:
    """Orders; every amount is in ``default_currency_code``."""
    return Table(
        "bigcommerce_orders",
        metadata,
        *_mirrored("bigcommerce_orders"),
        Column("payload", long_text(), nullable=False),
        Column("status_id", BigInteger),
        Column("is_sale", Boolean, nullable=False),
        Column("is_deleted", Boolean, nullable=False),
        Column("customer_id", BigInteger),
        Column("channel_id", BigInteger),
        Column("payment_status", String(255)),
        Column("external_order_id", String(255)),
        Column("currency_code", String(255)),
        Column("default_currency_code", String(255)),
        Column("store_default_currency_code", String(255)),
        Column("store_default_to_transactional_exchange_rate", exchange_rate()),
        Column("is_tax_inclusive_pricing", Boolean),
        *(Column(name, money()) for name in ORDER_AMOUNTS),
        Column("items_total", BigInteger),
        Column("date_created", moment()),
        Column("date_modified", moment()),
        Column("date_shipped", moment()),
        *(
            _served("bigcommerce_orders", name)
            for name in ("customer_id", "date_created", "date_modified", "status_id")
        ),
        **FOUR_BYTES,
    )


def order_lines(metadata: MetaData) -> Table:
    """The positions of orders (V2 calls them order products); ``payload`` only where they were fetched apart."""
    return Table(
        "bigcommerce_order_lines",
        metadata,
        *_mirrored("bigcommerce_order_lines"),
        Column("payload", long_text()),
        Column("bigcommerce_order_id", BigInteger, nullable=False),
        Column("bigcommerce_product_id", BigInteger),
        Column("bigcommerce_variant_id", BigInteger),
        Column("parent_order_product_id", BigInteger),
        Column("type", String(255)),
        Column("sku", Text),
        Column("name", Text),
        Column("quantity", BigInteger),
        Column("quantity_shipped", BigInteger),
        Column("quantity_refunded", BigInteger),
        *(Column(name, money()) for name in LINE_AMOUNTS),
        Index("ix_bigcommerce_order_lines_order", "instance_id", "bigcommerce_order_id"),
        Index("ix_bigcommerce_order_lines_product", "instance_id", "bigcommerce_product_id"),
        **FOUR_BYTES,
    )


def absent_products(metadata: MetaData) -> Table:
    """Products that a stored order refers to and that the store no longer has: not asked for again."""
    return Table(
        "bigcommerce_absent_products",
        metadata,
        Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
        Column("bigcommerce_id", BigInteger, primary_key=True, autoincrement=False),
        Column("found_absent_at", moment(), nullable=False),
        **FOUR_BYTES,
    )
