"""Text that every JSON provider and every terminal can write."""

from __future__ import annotations


def encodable(text: str) -> str:
    """The text without lone surrogates: it may quote others, and not every JSON provider can write them."""
    return text.encode("utf-8", "replace").decode("utf-8")
