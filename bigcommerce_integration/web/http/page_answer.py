"""Numbered pages of what is short enough for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


def cut(items: Sequence[_T], *, page: int, per_page: int) -> Sequence[_T]:
    """The items of a page; none beyond the last."""
    return items[(page - 1) * per_page : page * per_page]


def page_answer(*, page: int, per_page: int, total: int) -> dict[str, Any]:
    """What stands beside ``data``."""
    pages = -(-total // per_page)
    return {"pagination": {"page": page, "per_page": per_page, "total": total, "pages": pages}}
