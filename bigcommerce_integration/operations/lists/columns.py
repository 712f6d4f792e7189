"""What lists and exports show of a row: the columns that the collection's declaration shows, and what every row has."""

from __future__ import annotations

from collections.abc import Iterable

from ...resources.base import Child, Field, Resource

PAYLOAD = "payload"
STANDING = ("notes", "observed_at", "change_number", "deleted_at")


def record_names(resource: Resource) -> tuple[str, ...]:
    """What is shown of a record."""
    return ("bigcommerce_id", *_names(resource.fields), *STANDING)


def child_names(child: Child) -> tuple[str, ...]:
    """What is shown, with a record, of what is within it."""
    return (child.place, *_names(child.fields), "notes")


def child_record_names(child: Child) -> tuple[str, ...]:
    """What is shown of it in a list of its own."""
    return (child.place, child.owner, *_names(child.fields), *STANDING)


def _names(fields: Iterable[Field]) -> tuple[str, ...]:
    return tuple(field.name for field in fields if field.shown)
