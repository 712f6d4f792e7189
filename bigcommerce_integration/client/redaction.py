"""Records without the data about people that is not to be stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from .records import Record

MARK = "__person_data__"
"""The first member of a blanked record: what is missing was removed here, not left out by the store."""
_MARKED = f'{{"{MARK}":'


def blanked(record: Record, keep: Callable[[dict[str, Any]], dict[str, Any]]) -> Record:
    """The record with what ``keep`` leaves of it, in the same text whatever that was.

    What is no object has no place where it could say so: nothing of it is left, and its text is empty.
    """
    if not isinstance(record.value, dict):
        return replace(record, text="", value=None, raw=None)
    value = {MARK: "removed", **keep(record.value)}
    # In ASCII, as the store writes: half a surrogate pair stays escaped.
    return replace(record, text=json.dumps(value, separators=(",", ":"), allow_nan=False), value=value, raw=None)


def without(record: Record, names: Collection[str]) -> Record:
    """The record without its members of these names, at whatever depth; as it came if it has none of them.

    Nothing is left of a text that cannot be read and may hold one.
    """
    # A name may be spelled with escapes.
    if "\\u" not in record.text and not any(f'"{name}"' in record.text for name in names):
        return record
    if record.value is None:
        return replace(record, text="", raw=None)
    value = _pruned(record.value, names)
    if value == record.value:
        return record
    return replace(record, text=json.dumps(value, separators=(",", ":")), value=value, raw=None)


def _pruned(node: object, names: Collection[str]) -> object:
    if isinstance(node, dict):
        return {name: _pruned(value, names) for name, value in node.items() if name not in names}
    return [_pruned(value, names) for value in node] if isinstance(node, list) else node


def is_blanked(text: str) -> bool:
    """Whether this is the text of a record that was blanked here."""
    return text.startswith(_MARKED)
