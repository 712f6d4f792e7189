"""The mirror: the tables of collections and of what is within their records, as ``resources`` declares them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy import Index as SQLIndex
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from ..resources.base import Field, Index, Kind
from ..resources.columns import CODE_LENGTH
from ..resources.registry import Registry
from .dialect.texts import TEXT_RANGES
from .types import FOUR_BYTES, declare_table, exchange_rate, long_text, moment, money, row_id

_TYPES: Mapping[Kind, Callable[[], TypeEngine[Any]]] = {
    Kind.MONEY: money,
    Kind.RATE: exchange_rate,
    Kind.INTEGER: BigInteger,
    Kind.BOOLEAN: Boolean,
    Kind.CODE: lambda: String(CODE_LENGTH),
    Kind.TEXT: Text,
    Kind.WORD: lambda: String(16),
    Kind.MOMENT: moment,
    # Of another type where the host's keys are no integers (see ``Tables.copy_into``).
    Kind.HOST_KEY: BigInteger,
}


def mirror_tables(metadata: MetaData, registry: Registry) -> dict[str, Table]:
    """A table for each collection and each kind of child, by the name that it is declared with."""
    made: dict[str, Table] = {}
    for resource in registry:
        payload = Column("payload", long_text(), nullable=False)
        made[resource.name] = _table(metadata, resource.name, [payload], resource.fields, resource.indexes)
        for child in resource.children:
            text: list[SchemaItem] = [Column("payload", long_text())] if child.has_payload else []
            own = [*text, Column(child.owner, BigInteger, nullable=False)]
            made[child.name] = _table(metadata, child.name, own, child.fields, child.indexes, key=child.key)
    return made


def _table(
    metadata: MetaData,
    name: str,
    own: Iterable[SchemaItem],
    fields: Iterable[Field],
    indexes: Iterable[Index],
    *,
    key: Sequence[str] = ("bigcommerce_id",),
) -> Table:
    """``key`` are the columns that tell a row from the others of its instance."""
    full_name = f"bigcommerce_{name}"
    return Table(
        full_name,
        metadata,
        *_mirrored(key[-1]),
        *own,
        UniqueConstraint("instance_id", *key, name=f"uq_{full_name}_{key[-1]}"),
        SQLIndex(f"ix_{full_name}_change_number", "instance_id", "change_number"),
        *(Column(field.name, _TYPES[field.kind](), nullable=not field.required) for field in fields),
        # The index of a filter ends in the id, so that a page of the list is one stretch of it.
        *(
            SQLIndex(
                f"ix_{full_name}_{field.name}",
                "instance_id",
                field.name,
                *key,
                postgresql_ops={field.name: TEXT_RANGES} if field.kind is Kind.CODE else {},
            )
            for field in fields
            if field.indexed
        ),
        *(SQLIndex(f"ix_{full_name}_{index.suffix}", *index.columns) for index in indexes),
        **FOUR_BYTES,
    )


def _mirrored(place: str) -> Iterator[SchemaItem]:
    """What every mirror table has; ``deleted_at`` is when it was found gone from the store."""
    yield Column("id", row_id(), primary_key=True)
    yield Column("instance_id", BigInteger, nullable=False)
    yield Column(place, BigInteger, nullable=False)
    yield Column("content_hash", String(32), nullable=False)
    yield Column("observed_at", moment(), nullable=False)
    yield Column("change_number", BigInteger, nullable=False)
    yield Column("deleted_at", moment())
    # What of the record could not be read, as a JSON list of {"field", "reason"}; NULL if all could.
    yield Column("notes", Text)


# Products that a stored order refers to and that the store no longer has: not asked for again.
declare_table(
    "absent_products",
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    Column("bigcommerce_id", BigInteger, primary_key=True, autoincrement=False),
    Column("found_absent_at", moment(), nullable=False),
)
