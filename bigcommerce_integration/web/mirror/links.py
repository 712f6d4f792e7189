"""``/api/big-commerce/<id>/variants/…``: links made and taken away by hand, one or many."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy import select

from ..access import Asked, ask, caller
from ..queries import parse_id
from .link_changes import link_variant, link_variants
from .link_request import read_link_request, read_link_rows
from .row_answers import VARIANT, columns, row_answer


def post_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Link one variant, or link it to another product of the host."""
    asked = ask("link", instance_id)
    variant_id = parse_id(bigcommerce_id)
    link_variant(asked, variant_id, read_link_request(request), done_by=caller())
    return {"data": _variants(asked, [variant_id])[0]}


def delete_link(instance_id: str, bigcommerce_id: str) -> dict[str, Any]:
    """Decide that one variant has no link; also where it had none: no refresh will link it."""
    asked = ask("link", instance_id)
    variant_id = parse_id(bigcommerce_id)
    link_variant(asked, variant_id, None, done_by=caller())
    return {"data": _variants(asked, [variant_id])[0]}


def put_links(instance_id: str) -> dict[str, Any]:
    """Decide on up to a thousand variants, all or nothing."""
    asked = ask("link", instance_id)
    ids = link_variants(asked, read_link_rows(request), done_by=caller())
    return {"data": _variants(asked, ids)}


def _variants(asked: Asked, ids: list[int]) -> list[dict[str, Any]]:
    """As they stand after the commit, in the order of ``ids``."""
    table = asked.state.tables.variants
    read = columns(table, VARIANT)
    statement = select(*read).where(table.c.instance_id == asked.instance.id, table.c.bigcommerce_id.in_(ids))
    answers = {row.bigcommerce_id: row_answer(row, read) for row in asked.session.execute(statement)}
    return [answers[each] for each in ids]
