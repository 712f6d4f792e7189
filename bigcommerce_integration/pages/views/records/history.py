"""What people did with a store, and what it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response

from ....models.product_key import Key, key_answer
from ....operations.context import RequestContext
from ....operations.links.your_products import your_products
from ....operations.lists.paging import Wanted, page_after
from ....schemas.lists import ListQuery
from ... import login, words
from ...formats import NOTHING
from ...forms import read_filters
from ...render import render

_MOST = 20
"""How many single changes one entry shows."""


def get_history(instance_id: int) -> Response:
    """The newest first."""
    context = login.authorize("read_history", instance_id)
    table = context.state.tables.history
    mine = table.c.instance_id == context.instance.id
    wanted = Wanted(table, [mine], [table.c.id], ("instance_id", "id"), is_descending=True)
    rows, cursor = page_after(context, wanted, list(table.c), read_filters(ListQuery(only=("after", "limit"))))
    changes = [json.loads(row.changes) for row in rows]
    shown = [each for one in changes for each in _links(one)[:_MOST]]
    keys = [_key(context, each[side]["host_product_id"]) for each in shown for side in ("from", "to")]
    products = your_products(context, keys)
    names = {key_answer(key): sku or name for key, (sku, name) in products.items()}
    deeds = [
        (row, one.pop("import", None) if _links(one) else None, list(changed(one, names)))
        for row, one in zip(rows, changes, strict=True)
    ]
    return render("history.html", instance=context.instance, deeds=deeds, next_page=cursor, most=_MOST)


def _links(changes: Mapping[str, Any]) -> list[Any]:
    found = changes.get("links")
    return found if isinstance(found, list) else []


def _key(context: RequestContext, answer: int | str | None) -> Key | None:
    """None also for what was a key before the host's products got keys of another type."""
    try:
        return context.state.tables.product_key.read(answer, context.session.get_bind().dialect)
    except ValueError:
        return None


def changed(changes: Mapping[str, Any], products: Mapping[Any, str]) -> Iterator[tuple[str, str]]:
    """What changed, each with what became of it; ``products`` are the host's, as a person knows them."""
    for name, value in changes.items():
        if name == "links" and isinstance(value, list):
            yield from (_link(each, products) for each in value)
        elif isinstance(value, Mapping) and set(value) == {"from", "to"}:
            before, after = _text(value["from"]), _text(value["to"])
            yield words.label(name) or _readable(name), after if value["from"] is None else f"{before} → {after}"
        elif isinstance(value, Mapping):
            yield _readable(name), ", ".join(f"{_readable(each)}: {_text(inner)}" for each, inner in value.items())
        else:
            yield words.label(name) or _readable(name), _text(value)


def _link(change: Mapping[str, Any], products: Mapping[Any, str]) -> tuple[str, str]:
    keys = (change[side]["host_product_id"] for side in ("from", "to"))
    before, after = (products.get(key) or _text(key) for key in keys)
    return f"Variant {change['variant']}", f"{before} → {after}"


def _readable(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ").capitalize()


def _text(value: object) -> str:
    if value is None or value in ({}, []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)
