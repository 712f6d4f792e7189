"""Numbered pages of what is short enough for them."""

from __future__ import annotations

from typing import Any


def page_answer(*, page: int, per_page: int, total: int) -> dict[str, Any]:
    """What an answer has beside ``data``."""
    pages = -(-total // per_page)
    return {"pagination": {"page": page, "per_page": per_page, "total": total, "pages": pages}}
