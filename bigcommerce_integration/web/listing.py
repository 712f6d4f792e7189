"""Lists by page number: what is asked for, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import query_args
from .schemas import ObjectSchema


class PageQuery(ObjectSchema):
    """``page`` and ``per_page``; a list's filters come beside them."""

    page = query_args.page()
    per_page = query_args.per_page()


def listing(items: Sequence[Any], query: Mapping[str, Any], total: int) -> dict[str, Any]:
    """One page of ``total`` items."""
    return {"data": list(items), "page": query["page"], "per_page": query["per_page"], "total": total}
