"""Find the store hash in what people paste instead of it."""

from __future__ import annotations

import re
import unicodedata

from ..resources.values import STORE_HASH

_HASH = rf"({STORE_HASH.pattern})(?![A-Za-z0-9])"
_PLACES = (
    re.compile(r"stores/+" + _HASH, re.IGNORECASE),
    re.compile(r"(?<![A-Za-z0-9-])store-" + _HASH, re.IGNORECASE),
)
_NOT_A_HASH = frozenset({"stores", "v2", "v3", "api", "manage", "http", "https"})


def find_store_hash(text: str) -> str | None:
    """The hash in an API path, a control panel's URL, or a text with nothing else that could be one."""
    plain = unicodedata.normalize("NFKC", text)
    for place in _PLACES:
        if match := place.search(plain):
            return match[1]
    if "." in plain or ":" in plain:
        return None
    candidates = {
        part for part in re.split(r"[/\s]+", plain) if STORE_HASH.fullmatch(part) and part.lower() not in _NOT_A_HASH
    }
    return candidates.pop() if len(candidates) == 1 else None
