"""Numbered pages of what is short enough for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page_answer(data: list[dict[str, Any]], total: int, query: Mapping[str, Any]) -> dict[str, Any]:
    """The page that the ``query`` asks for (see ``PageQuery``), and of how many it is one."""
    page, per_page = query["page"], query["per_page"]
    pages = -(-total // per_page)
    return {"data": data, "pagination": {"page": page, "per_page": per_page, "total": total, "pages": pages}}
