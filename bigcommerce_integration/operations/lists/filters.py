"""Conditions that lists of mirror rows share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, DateTime, Table

from ..context import RequestContext
from .paging import Condition, Wanted


def by_deletion(table: Table, query: Mapping[str, Any]) -> list[Condition]:
    """Rows that the store has, those that it no longer has, or any (``deleted``: false, true, any; left out: false)."""
    choice = query.get("deleted", "false")
    if choice == "any":
        return []
    return [table.c.deleted_at.is_(None) if choice == "false" else table.c.deleted_at.is_not(None)]


def by_presence(column: Column[Any], query: Mapping[str, Any], name: str) -> list[Condition]:
    """Rows with a value in ``column``, or without one."""
    if name not in query:
        return []
    return [column.is_not(None) if query[name] else column.is_(None)]


def by_value(column: Column[Any], query: Mapping[str, Any], name: str) -> list[Condition]:
    """Rows with just this value."""
    return [column == query[name]] if name in query else []


def by_span(column: Column[Any], query: Mapping[str, Any], name: str) -> list[Condition]:
    """From ``<name>_from``, included, until ``<name>_until``, not included: spans that meet share no row."""
    begin, end = query.get(f"{name}_from"), query.get(f"{name}_until")
    return [
        *([] if begin is None else [column >= begin]),
        *([] if end is None else [column < end]),
    ]


def by_first(
    context: RequestContext, table: Table, asked: Iterable[tuple[Column[Any], list[Condition]]], also: list[Condition]
) -> Wanted:
    """By the index of the first of these columns that is asked for, else all by id; what else is asked row by row."""
    mine, by_id = table.c.instance_id == context.instance.id, table.c.bigcommerce_id
    given = [(column, conditions) for column, conditions in asked if conditions]
    if not given:
        return Wanted(table, [mine], [by_id], indexed_by(), also)
    (first, stretch), *others = given
    order = [first, by_id] if isinstance(first.type, DateTime) else [by_id]
    rest = [condition for _, conditions in others for condition in conditions]
    return Wanted(table, [mine, *stretch], order, indexed_by(first.name), [*rest, *also])


def indexed_by(*columns: str) -> tuple[str, ...]:
    """The index of an instance's rows by these columns and the id."""
    return ("instance_id", *columns, "bigcommerce_id")
