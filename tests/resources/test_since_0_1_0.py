"""What is declared now makes the tables, columns and hashes of 0.1.0: its rows stay as they are.

The files in ``tests/data`` were written by the code of that version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from bigcommerce_integration.client.records import Record
from bigcommerce_integration.errors import BadRecord
from bigcommerce_integration.models import tables
from bigcommerce_integration.models.dialect.texts import TEXT_RANGES
from bigcommerce_integration.resources.mapping import Mapped, Mapper
from bigcommerce_integration.resources.registry import REGISTRY

from .odd_records import records

# Orders have had another version since, as they are asked for with their fees: but for that they are as they were.
MAPPERS = {each.name: Mapper(replace(each, version=1)) for each in REGISTRY}
DATA = Path(__file__).parents[1] / "data"
DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect(), "mysql": mysql.dialect()}


ADDED = {"variants": {"link_conflict_code"}}
"""Columns of later versions: what a host's rows of 0.1.0 have nothing in."""
ADDED_INDEXES = {"ix_bigcommerce_orders_external_order_id", "ix_bigcommerce_variants_link_conflict_code"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tables_are_as_in_0_1_0(dialect: str):
    written = []
    for name in ("products", "variants", "orders", "order_lines"):
        table = tables.mirror[name]
        lines = str(CreateTable(table).compile(dialect=DIALECTS[dialect])).strip().splitlines()
        written += [line for line in lines if line.split()[:1] not in [[added] for added in ADDED.get(name, ())]]
        written += sorted(
            # One that serves ranges besides serves all that the former one did.
            str(CreateIndex(index).compile(dialect=DIALECTS[dialect])).replace(f" {TEXT_RANGES}", "")
            for index in table.indexes
            if index.name not in ADDED_INDEXES
        )
    assert " ".join(written).split() == (DATA / f"mirror-0.1.0.{dialect}.sql").read_text().split()


def test_added_columns_may_be_empty_in_older_rows():
    added = [tables.mirror[table].c[name] for table, names in ADDED.items() for name in names]
    assert all(column.nullable or column.server_default is not None for column in added)


def test_columns_and_hashes_are_as_in_0_1_0():
    known = json.loads((DATA / "mapped-0.1.0.json").read_text())
    found = {name: digest(outcome(resource, value)) for name, resource, value in records()}
    assert found.keys() == known.keys()
    assert {name for name in known if found[name] != known[name]} == set()


def outcome(resource: str, value: Any) -> Any:
    """The columns and hashes of a record and its children, or why it is rejected."""
    try:
        mapped = MAPPERS[resource].map_record(Record(json.dumps(value), value, 5))
    except BadRecord as error:
        return str(error)
    return written(mapped, [dict(child) for each in mapped.children.values() for child in each])


def written(mapped: Mapped, children: list[dict[str, Any]]) -> Any:
    """In an order that does not depend on that of the fields."""
    return (mapped.id, mapped.content_hash, plain(mapped.columns), [plain(child) for child in children])


def plain(columns: Any) -> list[Any]:
    notes = json.loads(columns["notes"] or "[]")
    by_field = sorted((note["field"], note["reason"]) for note in notes)
    return [by_field, *sorted((name, repr(value)) for name, value in columns.items() if name != "notes")]


def digest(value: Any) -> str:
    return hashlib.blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()
