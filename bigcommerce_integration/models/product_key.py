"""The keys of the host's products: whatever their type is, a link holds one, and JSON carries it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Dialect, Integer, Numeric, String, TypeDecorator, Uuid
from sqlalchemy.types import BINARY, VARBINARY, LargeBinary, NullType, TypeEngine, to_instance

from ..errors import ConfigError
from ..resources.values import INT64_MAX, INT64_MIN, UNSTORABLE

Key = Any
"""An ``int``, a ``UUID``, a ``str`` or what else the key's SQLAlchemy type gives."""

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LONGEST_TEXT = 255


def link_type(key_type: object) -> TypeEngine[Any]:
    """The type of the column that links to keys of this type: 64 bits for integers of any width, else the same.

    None is integers. ``ConfigError`` for what is no SQLAlchemy type.
    """
    if key_type is None:
        return BigInteger()
    kind = to_instance(key_type) if isinstance(key_type, type) and issubclass(key_type, TypeEngine) else key_type
    if not isinstance(kind, TypeEngine):
        raise ConfigError(f"Host.product_key_type must be a SQLAlchemy type such as Uuid() or None, not {key_type!r}.")
    # A foreign key whose table is not known yet has no type: of keys that are nothing else, integers are the rule.
    return BigInteger() if isinstance(kind, Integer | NullType) else kind.copy()


def is_whole_number(key_type: TypeEngine[Any]) -> bool:
    """Whether a column of this type holds integers, as those that the contract's own ids refer to must."""
    return isinstance(_plain_type(key_type), Integer | Numeric | NullType)


def key_answer(key: Key) -> int | str | None:
    """A key as JSON carries it: an integer as a number, anything else as text (bytes in hex)."""
    if key is None or (isinstance(key, int) and not isinstance(key, bool)):
        return key
    return key.hex() if isinstance(key, bytes) else str(key)


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Each key once, in the same order each time."""
    try:
        return sorted(set(keys))
    except TypeError:
        return sorted(set(keys), key=str)


@dataclass(frozen=True)
class ProductKey:
    """What the link column of one app takes."""

    type: TypeEngine[Any]

    @property
    def is_integer(self) -> bool:
        """Whether it is a number in JSON."""
        return isinstance(self.type, Integer)

    @property
    def is_text(self) -> bool:
        """Whether it is text that the database compares by its own rules."""
        return isinstance(self.type, String)

    def takes(self, key: Key) -> bool:
        """Whether the column can hold ``key``, as far as that can be told without a database."""
        if self.is_integer:
            return isinstance(key, int) and not isinstance(key, bool) and INT64_MIN <= key <= INT64_MAX
        if isinstance(self.type, Uuid):
            return isinstance(key, UUID) if self.type.as_uuid else isinstance(key, str)
        if isinstance(self.type, String):
            return isinstance(key, str) and len(key) <= (self.type.length or len(key))
        return key is not None

    def read(self, given: object, dialect: Dialect) -> Key:
        """The key that JSON carries as ``given``; ``ValueError`` says what it must be."""
        if self.is_integer:
            return _whole_number(given)
        if isinstance(self.type, Uuid):
            if not isinstance(given, str) or not _UUID.fullmatch(given):
                raise ValueError("Must be a UUID such as 6f1c1fc4-6f0c-4a3e-9c84-0a4f2c5b8f11.")
            return UUID(given) if self.type.as_uuid else str(UUID(given))
        if isinstance(self.type, String):
            longest = self.type.length or _LONGEST_TEXT
            if not isinstance(given, str) or not 1 <= len(given) <= longest or UNSTORABLE.search(given):
                raise ValueError(f"Must be a string of 1 to {longest} characters.")
            return given
        return self._read_otherwise(given, dialect)

    def _read_otherwise(self, given: object, dialect: Dialect) -> Key:
        """As the type itself reads it, on its way into the database and back: text is what is known of such a key."""
        kind = self.type.dialect_impl(dialect)
        to_database, from_database = kind.bind_processor(dialect), kind.result_processor(dialect, None)
        for candidate in _candidates(self.type, given):
            try:
                stored = to_database(candidate) if to_database else candidate
                key = from_database(stored) if from_database else stored
            except Exception:  # noqa: BLE001, S112 - a type of the host's own may raise anything
                continue
            if key is not None and key_answer(key) not in ("", None):
                return key
        raise ValueError("Must be the key of a product of the host, as answers show it.")

    def json_schema(self) -> dict[str, Any]:
        """What ``read`` takes and ``key_answer`` gives, in the words of JSON Schema."""
        if self.is_integer:
            return {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX}
        if isinstance(self.type, Uuid):
            return {"type": "string", "format": "uuid", "pattern": f"^{_UUID.pattern}$"}
        if isinstance(self.type, String):
            return {"type": "string", "minLength": 1, "maxLength": self.type.length or _LONGEST_TEXT}
        return {"type": ["integer", "string"] if isinstance(_plain_type(self.type), Integer) else "string"}

    def example(self) -> int | str:
        """One of them."""
        if self.is_integer:
            return 900
        return "6f1c1fc4-6f0c-4a3e-9c84-0a4f2c5b8f11" if isinstance(self.type, Uuid) else "9"


def _plain_type(key_type: TypeEngine[Any]) -> TypeEngine[Any]:
    """What a type of the host's own is made of."""
    while isinstance(key_type, TypeDecorator):
        key_type = key_type.impl_instance
    return key_type


def _whole_number(given: object) -> int:
    if type(given) is not int:
        raise ValueError("Must be a whole number.")
    if not INT64_MIN <= given <= INT64_MAX:
        raise ValueError("Is out of range.")
    return given


def _candidates(kind: TypeEngine[Any], given: object) -> Iterator[object]:
    """What the text of a key may stand for."""
    if isinstance(given, int) and not isinstance(given, bool):
        yield given
    if not isinstance(given, str) or not given or UNSTORABLE.search(given):
        return
    plain = _plain_type(kind)
    if isinstance(plain, LargeBinary | BINARY | VARBINARY) and not isinstance(kind, TypeDecorator):
        yield from _parsed(bytes.fromhex, given)
    elif isinstance(plain, Numeric) and not isinstance(kind, TypeDecorator):
        yield from _parsed(Decimal, given)
    else:
        yield given
        yield from _parsed(UUID, given)
        yield from _parsed(int, given)


def _parsed(read: Any, text: str) -> Iterator[object]:
    try:
        yield read(text)
    except (ValueError, InvalidOperation):
        return
