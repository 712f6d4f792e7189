"""Values as every JSON provider and every terminal can write them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..models.types import moment_text


def encodable(text: str) -> str:
    """The text without lone surrogates: it may quote others, and not every JSON provider can write them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown(thing: object, *names: str) -> dict[str, Any]:
    """These attributes of a value or a row, or columns of a row, by name."""
    return {name: plain(getattr(thing, name)) for name in names}


def plain(value: Any) -> Any:
    """Days and moments in ISO 8601, amounts as text with four decimals, text that can be encoded; else as it is."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return value
