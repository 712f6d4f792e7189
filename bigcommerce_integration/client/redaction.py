"""Records without the data about people that is not to be stored."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def is_blanked(text: str) -> bool:
    """Whether this is the text of a record that was blanked here."""
    return text.startswith(_MARKED)
