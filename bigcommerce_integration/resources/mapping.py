"""From a record to rows, as the collection's declaration says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ..errors import WrongShape
from . import values
from .base import Child, Columns, Identity, Resource, Sent
from .columns import FieldTable, notes_column

Children = Mapping[str, Sequence[Mapping[str, Any]]]
"""Columns of children by the name of their table, without the prefix."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One record as columns, with those of its variants or lines (``children``)."""

    id: int
    text: str
    content_hash: str
    columns: Mapping[str, Any]
    children: Children
    # ``children`` may not be all that there are. They are asked for; stored ones that are not among them stay.
    is_partial: bool = False
    # Without columns yet, as the stored row was made of this very text: what makes them, should it have changed since.
    lazy: Callable[[], Mapped] | None = None

    def of(self, child: str) -> Sequence[Mapping[str, Any]]:
        """The columns of its children of this name."""
        return self.children.get(child, ())

    def materialize(self) -> Mapped:
        """With its columns."""
        return self if self.lazy is None else self.lazy()


def content_hash(*parts: object, version: int = 1) -> str:
    """128 bits over the version of the collection's mapping and ``parts``, as 32 hex digits."""
    texts = [part if isinstance(part, str) else repr(part) for part in parts]
    return _digest("\x00".join([str(version), *texts]))


def _digest(data: str) -> str:
    return hashlib.blake2b(data.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class ChildMapper:
    """What maps the children of one kind."""

    def __init__(self, child: Child, version: int) -> None:
        self.declared = child
        self._begin = f"{version if child.version is None else child.version}\x00"
        self._fields = FieldTable(child.fields, within=f"{child.shown_as}.")
        self._hashed = itemgetter(*child.hashed_columns)
        self._place, self._has_own_id = child.place, child.identity is Identity.OWN_ID

    def rows(
        self, owner_id: int, records: Sequence[Any], texts: Sequence[str | None] = (), *, are_shaped: bool = False
    ) -> dict[int, dict[str, Any]]:
        """The columns of these children of one record, by id or by position; ``BadRecord`` says what cannot be read.

        ``texts`` are their own, if they were fetched by themselves.
        """
        child, fields, hashed = self.declared, self._fields, self._hashed
        rows: dict[int, dict[str, Any]] = {}
        for position, record in enumerate(records):
            if not isinstance(record, dict):
                raise WrongShape(f"{child.noun.capitalize()} is not an object.")
            place = self._own_id(record) if self._has_own_id else position + 1
            columns, notes = (fields.read_shaped(record), []) if are_shaped else fields.read(record)
            columns[child.owner] = owner_id
            if child.has_payload:
                columns["payload"] = texts[position] if texts else None
            columns["notes"] = notes_column(notes)
            parts = hashed(columns)
            columns["content_hash"] = _digest(f"{self._begin}{(*parts, columns['notes']) if notes else parts!r}")
            columns[self._place] = place
            if child.derive:
                child.derive(columns, notes)
            rows[place] = columns
        return rows

    def _own_id(self, record: dict[str, Any]) -> int:
        child_id = values.integer(record.get("id"), f"{self.declared.shown_as}.id")
        if child_id is None:
            raise WrongShape(f"{self.declared.noun.capitalize()} has no id.")
        return child_id


class Mapper:
    """What maps the records of one collection."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._fields = FieldTable(resource.fields)
        self._children = tuple(ChildMapper(each, resource.version) for each in resource.children)
        self._says_whole = any(each.lacks for each in resource.children)

    def map_record(self, record: Sent) -> Mapped:
        """The record's columns and those of its children; ``BadRecord`` if something vital cannot be read."""
        assert record.id is not None
        value, resource = record.value, self._resource
        if not isinstance(value, dict):
            raise WrongShape("The record is not an object.")
        fields = self._fields
        columns, notes = (fields.read_shaped(value), []) if record.is_shaped else fields.read(value)
        if resource.derive:
            resource.derive(columns, notes)
        columns["notes"] = notes_column(notes)
        children: dict[str, list[Columns]] = {}
        is_partial = False
        for mapper in self._children:
            child = mapper.declared
            found, are_all = child.records(record)
            rows = mapper.rows(record.id, found, are_shaped=record.is_shaped)
            is_partial = is_partial or not are_all or (child.lacks is not None and child.lacks(columns, rows))
            children[child.name] = list(rows.values())
        return Mapped(record.id, record.text, self._hash(record.text, is_partial), columns, children, is_partial)

    def complete_hash(self, text: str) -> str:
        """The content hash of a record with this text, of which nothing has to be asked for apart."""
        return self._hash(text, is_partial=False)

    def _hash(self, text: str, is_partial: bool) -> str:
        parts = (text, is_partial) if self._says_whole else (text,)
        return content_hash(*parts, version=self._resource.version)
