"""Text for columns: what databases refuse is replaced, the payload keeps it."""

from __future__ import annotations

import re

from ..client import values
from ..errors import BadRecord

# PostgreSQL refuses NUL, and no database encodes half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
CODE_LENGTH = 255


def storable(text: str) -> str:
    """``text`` with U+FFFD in place of NUL and of lone surrogates."""
    if text.isascii():
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    return _UNSTORABLE.sub("\ufffd", text)


def free_text(value: object, field: str) -> str | None:
    """Text of any length, or None."""
    if type(value) is str and value.isascii() and "\x00" not in value:  # the usual case, many times a record
        return value
    text = values.text(value, field)
    return None if text is None else storable(text)


def code(value: object, field: str) -> str | None:
    """Text for a column of 255 characters, or None; ``BadRecord`` if it is longer: it is not cut in silence."""
    text = free_text(value, field)
    if text is not None and len(text) > CODE_LENGTH:
        raise BadRecord(f"{field} is longer than {CODE_LENGTH} characters.")
    return text


def sku_key(sku: str | None) -> str | None:
    """What links are looked up by: the SKU trimmed; None if blank."""
    return (sku.strip() or None) if sku else None
