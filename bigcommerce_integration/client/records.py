"""Answers cut into records, each with its own text as the store sent it.

The text is stored as it came (it is the proof of what the store said), so it is cut out of the answer and never
dumped again. ``raw_decode`` reads one value and tells where it ends: text and object for the price of one parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..errors import StoreUnavailable

_LARGEST_ID = 2**63 - 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """One item as BigCommerce sends it: its text, its value and its id (None if it has none above 0).

    ``made`` is what the caller had made of it at once, and then its value holds no more than the dates.
    """

    text: str
    value: object
    id: int | None
    made: object = None


# What is done with each record as soon as it is parsed. A page of parsed records is so many objects that Python's
# garbage collector, which looks through all of a process for them, would cost more than the parsing.
Each = Callable[[Record], Record]


@dataclass(frozen=True)
class Pagination:
    """``meta.pagination`` of a V3 answer: how many records the filter has in all, and how many came."""

    total: int
    count: int


def split_v2(text: str, resource: str = "records", each: Each | None = None) -> list[Record]:
    """The records of a V2 collection: a bare array, or nothing at all when it is empty (204).

    ``StoreUnavailable``, naming the resource, if it is no JSON array: cut off, or a page of something in between.
    """
    return _guarded(partial(_v2, each=each), text, resource)


def split_v3(text: str, resource: str = "records", each: Each | None = None) -> tuple[list[Record], Pagination | None]:
    """The records of a V3 collection and its pagination, from ``{"data": […], "meta": {…}}`` in any order.

    ``StoreUnavailable`` if it is no such object.
    """
    return _guarded(partial(_v3, each=each), text, resource)


def single(text: str, resource: str = "record") -> Record:
    """The one record of a bare V2 object; ``StoreUnavailable`` if it is none."""
    return _guarded(_single, text, resource)


def readable_id(value: object) -> int | None:
    """The ``id`` of a record, given as a number above 0 or as its digits; else None."""
    found = _whole(value.get("id")) if isinstance(value, dict) else None
    return found if found is not None and 0 < found <= _LARGEST_ID else None


def _whole(value: object) -> int | None:
    """A whole number, given as such or as its digits."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 19:
        return int(value)
    return value if type(value) is int else None


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


def _guarded(parse: Callable[[str], _T], text: str, resource: str) -> _T:
    try:
        return parse(text)
    except (ValueError, IndexError, RecursionError):
        pass  # raised below instead, without the exception at hand: that of json holds the whole text
    raise StoreUnavailable(f"The answer for {resource} is cut off or not the JSON expected.")


def _after(text: str, at: int) -> int:
    """Where the next thing that is not blank begins."""
    if text[at] > " ":  # the common case, an order faster than the pattern
        return at
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _v2(text: str, each: Each | None) -> list[Record]:
    if not text or text.isspace():
        return []
    records, at = _array(text, _after(text, 0), each)
    _end(text, at)
    return records


def _v3(text: str, each: Each | None) -> tuple[list[Record], Pagination | None]:
    if not text or text.isspace():
        return [], None
    records: list[Record] | None = None
    meta: object = None
    at = _expect(text, _after(text, 0), "{")
    is_more = text[at] != "}"
    while is_more:
        key, at = _decode(text, at)
        at = _expect(text, _after(text, at), ":")
        if key == "data":
            records, at = _array(text, at, each)
        else:
            value, at = _decode(text, at)
            meta = value if key == "meta" else meta
        at = _after(text, at)
        is_more = text[at] == ","
        at = _after(text, at + 1) if is_more else at
    _end(text, _closed(text, at, "}"))
    if records is None:
        raise ValueError("no data")
    return records, _pagination(meta)


def _single(text: str) -> Record:
    begin = _after(text, 0)
    value, end = _decode(text, begin)
    _end(text, end)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return Record(text[begin:end], value, readable_id(value))


def _array(text: str, at: int, each: Each | None) -> tuple[list[Record], int]:
    """The records of the array that begins here, and where it ends."""
    records: list[Record] = []
    at = _expect(text, at, "[")
    is_more = text[at] != "]"
    while is_more:
        value, end = _decode(text, at)
        record = Record(text[at:end], value, readable_id(value))
        records.append(each(record) if each else record)
        at = _after(text, end)
        is_more = text[at] == ","
        at = _after(text, at + 1) if is_more else at
    return records, _closed(text, at, "]")


def _expect(text: str, at: int, sign: str) -> int:
    """Past the sign and the blanks after it."""
    return _after(text, _closed(text, at, sign))


def _closed(text: str, at: int, sign: str) -> int:
    if text[at] != sign:
        raise ValueError(f"no {sign}")
    return at + 1


def _end(text: str, at: int) -> None:
    if text[at:].strip(" \t\n\r"):
        raise ValueError("more than one value")


def _pagination(meta: object) -> Pagination | None:
    """``total`` and ``count``, or None when the answer has no such numbers."""
    found = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(found, dict):
        return None
    total, count = _whole(found.get("total")), _whole(found.get("count"))
    if total is None or total < 0:
        return None
    return Pagination(total, -1 if count is None else count)
