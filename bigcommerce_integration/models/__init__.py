"""Our tables: plain SQLAlchemy Core, declared once and copied into the metadata of each host.

Core and not mapped classes: rows go in by bulk statements, the host's ``MetaData(schema=…)`` holds for
the copies, and no class of ours meets the host's declarative base.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.types import TypeEngine

from ..errors import ConfigError
from . import audit, instances, mirror, people, refreshes
from .clock import db_now, is_due
from .product_key import ProductKey

__all__ = ["Tables", "db_now", "is_due", "metadata", "tables"]


@dataclass(frozen=True)
class Tables:
    """One metadata's set of our tables."""

    instances: Table
    leases: Table
    refreshes: Table
    hints: Table
    workers: Table
    missing_records: Table
    rejected_records: Table
    products: Table
    variants: Table
    orders: Table
    order_lines: Table
    absent_products: Table
    history: Table
    erased_people: Table

    @cached_property
    def product_key(self) -> ProductKey:
        """What links hold: the key of a product of the host."""
        return ProductKey(self.variants.c.host_product_id.type)

    def of(self, host: MetaData) -> Tables | None:
        """The copies of these tables in ``host``; None if one of them is not there."""
        found = {item.name: host.tables.get(_key(getattr(self, item.name), host)) for item in fields(self)}
        complete = {name: table for name, table in found.items() if table is not None}
        return Tables(**complete) if len(complete) == len(found) else None

    def copy_into(self, host: MetaData, link_type: TypeEngine[Any] | None = None) -> Tables:
        """The copies of these tables in ``host``, made where they are not there yet; its schema holds for them.

        ``link_type`` is that of the column that links to the host's products, if they have no integers for keys.
        ``ConfigError`` for a table of the host's own that has the name of one of ours.
        """
        copies = {}
        for item in fields(self):
            table: Table = getattr(self, item.name)
            key = _key(table, host)
            known = host.tables.get(key)
            if known is not None and not set(table.columns.keys()) <= set(known.columns.keys()):
                raise ConfigError(f"The app has a table {key!r} of its own, a name that bigcommerce_integration needs.")
            copies[item.name] = known if known is not None else _copy(table, host)
        made = Tables(**copies)
        if link_type is not None:
            # Also where the host has reflected the table: what a database tells of a type is less than the type.
            made.variants.c.host_product_id.type = link_type
        return made


def _key(table: Table, host: MetaData) -> str:
    return f"{host.schema}.{table.name}" if host.schema else table.name


def _copy(table: Table, host: MetaData) -> Table:
    return table.to_metadata(host, schema=host.schema) if host.schema else table.to_metadata(host)


metadata = MetaData()
tables = Tables(
    instances=instances.instances(metadata),
    leases=refreshes.leases(metadata),
    refreshes=refreshes.refreshes(metadata),
    hints=refreshes.hints(metadata),
    workers=refreshes.workers(metadata),
    missing_records=refreshes.missing_records(metadata),
    rejected_records=refreshes.rejected_records(metadata),
    products=mirror.products(metadata),
    variants=mirror.variants(metadata),
    orders=mirror.orders(metadata),
    order_lines=mirror.order_lines(metadata),
    absent_products=mirror.absent_products(metadata),
    history=audit.history(metadata),
    erased_people=people.erased_people(metadata),
)
