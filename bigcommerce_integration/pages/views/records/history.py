"""What people did with a store, and what it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response

from ....history import entries
from ....schemas.query import PageQuery
from ... import login, words
from ...formats import NOTHING
from ...forms import read_filters
from ...render import render

_MOST = 20
"""How many single changes one entry shows."""


def get_history(instance_id: int) -> Response:
    """The newest first."""
    context = login.authorize("read_history", instance_id)
    query = read_filters(PageQuery())
    rows, total = entries(context.session, context.state.tables, context.instance.id, **query)
    deeds = [(row, list(changed(json.loads(row.changes)))) for row in rows]
    return render("history.html", instance=context.instance, deeds=deeds, total=total, most=_MOST, **query)


def changed(changes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What changed, each with what became of it."""
    for name, value in changes.items():
        if name == "links" and isinstance(value, list):
            yield from (_link(each) for each in value)
        elif isinstance(value, Mapping) and set(value) == {"from", "to"}:
            before, after = _text(value["from"]), _text(value["to"])
            yield words.label(name) or _readable(name), after if value["from"] is None else f"{before} → {after}"
        elif isinstance(value, Mapping):
            yield _readable(name), ", ".join(f"{_readable(each)}: {_text(inner)}" for each, inner in value.items())
        else:
            yield words.label(name) or _readable(name), _text(value)


def _link(change: Mapping[str, Any]) -> tuple[str, str]:
    before, after = (_text(change[side]["host_product_id"]) for side in ("from", "to"))
    return f"Variant {change['variant']}", f"{before} → {after}"


def _readable(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ").capitalize()


def _text(value: object) -> str:
    if value is None or value in ({}, []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)
