"""Our tables: plain SQLAlchemy Core, declared once and copied into the metadata of each host.

Core and not mapped classes: rows go in by bulk statements, the host's ``MetaData(schema=…)`` holds for
the copies, and no class of ours meets the host's declarative base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any, TypeVar

from sqlalchemy import MetaData, Table
from sqlalchemy.types import TypeEngine

from ..errors import ConfigError
from ..resources.registry import REGISTRY, Registry
from . import accounting, imports, instances, mirror, refreshes  # noqa: F401 - each declares tables
from .clock import db_now, is_due
from .product_key import ProductKey
from .types import DECLARED

__all__ = ["Tables", "copies_in", "db_now", "declare", "is_due", "metadata", "tables"]

_INFO = "bigcommerce_integration"
T = TypeVar("T")


@dataclass(frozen=True)
class Tables:
    """One metadata's set of our tables; those of ``mirror`` are attributes too, such as ``orders``."""

    instances: Table
    leases: Table
    refreshes: Table
    hints: Table
    workers: Table
    added_skus: Table
    missing_records: Table
    rejected_records: Table
    absent_products: Table
    history: Table
    erased_people: Table
    link_imports: Table
    link_import_rows: Table
    alerts: Table
    accounting: Table
    accounting_documents: Table
    accounting_batches: Table
    returns: Table
    # Of collections and their children, by the name that each is declared with.
    mirror: dict[str, Table] = field(hash=False)
    registry: Registry

    def __getattr__(self, name: str) -> Table:
        if name != "mirror" and name in self.mirror:
            return self.mirror[name]
        raise AttributeError(f"there is no table {name!r}")

    @cached_property
    def _prebuilt(self) -> dict[Any, Any]:
        return {}

    def prebuilt(self, build: Callable[..., T], *arguments: Any) -> T:
        """What ``build`` makes of these tables and arguments, made once: to build a statement costs as much as to
        execute it. ``build`` is a function of a module, and the statement takes what varies as ``bindparam``.
        """
        key = (build, *arguments)
        if key not in self._prebuilt:
            self._prebuilt[key] = build(self, *arguments)
        found: T = self._prebuilt[key]
        return found

    @cached_property
    def product_key(self) -> ProductKey:
        """What links hold: the key of a product of the host."""
        return ProductKey(self.variants.c.host_product_id.type)

    def copy_into(self, host: MetaData, link_type: TypeEngine[Any] | None = None) -> Tables:
        """The copies of these tables in ``host``, made where they are not there yet; its schema holds for them.

        ``link_type`` is that of the column that links to the host's products, if they have no integers for keys.
        ``ConfigError`` for a table of the host's own that has the name of one of ours. ``copies_in`` finds them again.
        """
        made = self._mapped(lambda table: _copied(table, host))
        known = copies_in(host)
        if link_type is None and known == made:
            # An earlier app's, with the statements that it has built.
            return known
        if link_type is not None:
            # Also where the host has reflected the table: what a database tells of a type is less than the type.
            made.variants.c.host_product_id.type = link_type
        host.info[_INFO] = made
        return made

    def named(self) -> dict[str, Table]:
        """Every table by its attribute's name."""
        fixed = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: table for name, table in fixed.items() if isinstance(table, Table)} | dict(self.mirror)

    def _mapped(self, copy: Callable[[Table], Table]) -> Tables:
        made = {name: copy(table) for name, table in self.named().items()}
        mirror = {name: made.pop(name) for name in self.mirror}
        return Tables(**made, mirror=mirror, registry=self.registry)


def _copied(table: Table, host: MetaData) -> Table:
    key = f"{host.schema}.{table.name}" if host.schema else table.name
    known = host.tables.get(key)
    if known is None:
        return table.to_metadata(host, schema=host.schema) if host.schema else table.to_metadata(host)
    if not set(table.columns.keys()) <= set(known.columns.keys()):
        raise ConfigError(f"The app has a table {key!r} of its own, a name that bigcommerce_integration needs.")
    return known


def copies_in(host: MetaData) -> Tables | None:
    """The copies that were made in ``host``, with the registry that they were made of; None before."""
    return host.info.get(_INFO)


@cache
def declare(registry: Registry) -> Tables:
    """Our tables with those of these collections, in a metadata of their own."""
    metadata = MetaData()
    fixed = {name.removeprefix("bigcommerce_"): each.to_metadata(metadata) for name, each in DECLARED.tables.items()}
    return Tables(**fixed, mirror=mirror.mirror_tables(metadata, registry), registry=registry)


tables = declare(REGISTRY)
metadata = tables.instances.metadata
