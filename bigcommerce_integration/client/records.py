"""Answers cut into records, each with its own text as the store sent it.

The text is stored as it came (it is the proof of what the store said), so it is cut out of the answer and never
dumped again. ``raw_decode`` reads one value and tells where it ends: text and object for the price of one parse. An
answer is decoded a window at a time, so that one large or odd record costs memory for itself alone, and a record at
which the plain parse stops is taken up by ``damage``: it must not keep its neighbours out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec

from ..errors import StoreUnavailable
from ..resources.base import Resource
from ..resources.columns import shape_of
from ..resources.mapping import Mapped
from .damage import KEPT_BYTES, LARGEST_ID, Piece, Surgeon, readable, skip_space, strict

_WINDOW = 4 * 1024 * 1024
_BOM = codecs.BOM_UTF8
# More than any store has: a number beyond it says nothing, and does not fit what is calculated with it.
LARGEST_COUNT = 10**12
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """One item as BigCommerce sends it: its text, its value and its id (None if it has none above 0).

    ``mapped`` is what the caller made of it at once, and then its value holds no more than the dates. ``raw`` are the
    bytes as sent (at most a mebibyte and one) of one that is not clean JSON: its text has U+FFFD for what is not UTF-8,
    and NaN is no number to whoever reads its value. ``damage`` says why one cannot be read at all; its id is then the
    one that could still be found.
    """

    text: str
    value: object
    id: int | None
    mapped: object = None
    raw: bytes | None = None
    damage: str | None = None
    is_shaped: bool = False


# What is done with each record as soon as it is parsed. A page of parsed records is so many objects that Python's
# garbage collector, which looks through all of a process for them, would cost more than the parsing.
OnRecord = Callable[[Record], Record]


@dataclass(frozen=True)
class Pagination:
    """``meta.pagination`` of a V3 answer: how many records the filter has in all, and how many came."""

    total: int
    count: int


def split_v2(
    body: bytes | str, resource: str = "records", on_record: OnRecord | None = None, *, is_cut: bool = False
) -> list[Record]:
    """The records of a V2 collection: a bare array, or nothing at all when it is empty (204).

    Of a body that ``is_cut``, as we stopped reading it, those that came whole; one too large to come is among them as
    damaged. ``StoreUnavailable``, naming the resource, if it is no JSON array: ended early by the store, or a page of
    something in between.
    """
    return _guarded(partial(_v2, body, on_record, is_cut), resource)


def split_v3(
    body: bytes | str, resource: str = "records", on_record: OnRecord | None = None, *, is_cut: bool = False
) -> tuple[list[Record], Pagination | None]:
    """The records of a V3 collection and its pagination, from ``{"data": […], "meta": {…}}`` in any order.

    ``is_cut`` as for ``split_v2``; ``StoreUnavailable`` if it is no such object.
    """
    return _guarded(partial(_v3, body, on_record, is_cut), resource)


def read_whole(
    body: bytes, resource: Resource, on_record: OnRecord, *, is_v3: bool
) -> tuple[list[Record], Pagination | None] | None:
    """As ``split_v2`` and ``split_v3``, but faster: of each value only what is read of it is made.

    None for an answer that is not clean JSON through and through, and of a resource whose records have no shape. A
    record that does not have its shape, or cannot be mapped, is read as they do.
    """
    decode = _decoder(resource)
    if decode is None:
        return None
    try:
        answer = _ENVELOPE.decode(body) if is_v3 else _Envelope(_LIST.decode(body))
        records = [_read(raw, decode, on_record) for raw in answer.data]
    except (msgspec.DecodeError, ValueError, IndexError, RecursionError):
        return None
    return records, _pagination(answer.meta)


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_NUL = "\\u0000"
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@lru_cache
def _decoder(resource: Resource) -> Callable[[msgspec.Raw], Any] | None:
    shape = shape_of(resource)
    return None if shape is None else msgspec.json.Decoder(shape).decode


def _read(raw: msgspec.Raw, decode: Callable[[msgspec.Raw], Any], on_record: OnRecord) -> Record:
    """``ValueError`` for a record that only its neighbours can tell apart."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if len(raw) < _WINDOW:
            text, value = str(raw, "utf-8"), decode(raw)
            record = on_record(Record(text, value, readable_id(value), is_shaped=True))
            # NUL is no text of any column.
            if isinstance(record.mapped, Mapped) and _NUL not in text:
                return record
    (record,) = _v2(b"[%b]" % bytes(raw), on_record, is_cut=False)
    if record.damage:
        raise ValueError("damaged")
    return record


def single(body: bytes | str, resource: str = "record") -> Record:
    """The one record of a bare V2 object, or of a text that was stored; ``StoreUnavailable`` if it is none."""
    return _guarded(partial(_single, body), resource)


def one_record(body: bytes, resource: str, record_id: int, *, is_cut: bool = False) -> Record:
    """The same for the record of this id, which may be damaged, or too large if the body ``is_cut``."""
    try:
        if not is_cut:
            return single(body, resource)
    except StoreUnavailable:
        pass
    records = split_v2(b"[%b" % body if is_cut else b"[%b]" % body.removeprefix(_BOM), resource, is_cut=is_cut)
    if len(records) != 1:
        raise StoreUnavailable(f"The answer for {resource} is not the one record expected.")
    return replace(records[0], id=record_id) if records[0].damage else records[0]


def readable_id(value: object) -> int | None:
    """The ``id`` of a record, given as a number above 0 or as its digits; else None."""
    found = _whole(value.get("id")) if isinstance(value, dict) else None
    return found if found is not None and 0 < found <= LARGEST_ID else None


def _whole(value: object) -> int | None:
    """A whole number, given as such or as its digits."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 19:
        return int(value)
    return value if type(value) is int else None


_decode = strict
_SPACE = re.compile(r"[ \t\n\r]*")


def _guarded(parse: Callable[[], _T], resource: str) -> _T:
    try:
        return parse()
    except (ValueError, IndexError, RecursionError):
        pass  # raised below instead, without the exception at hand: that of json holds the whole text
    raise StoreUnavailable(f"The answer for {resource} is cut off or not the JSON expected.")


def _after(text: str, at: int) -> int:
    """Where the next thing that is not blank begins."""
    if text[at] > " ":  # the common case, an order faster than the pattern
        return at
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _v2(answer: bytes | str, on_record: OnRecord | None, is_cut: bool) -> list[Record]:
    body = _encoded(answer)
    begin = _begin(body)
    if begin == len(body):
        return []
    records, at = _array(body, _expect(body, begin, b"["), on_record, is_cut)
    if at is not None:
        _end(body, at)
    return records


def _v3(answer: bytes | str, on_record: OnRecord | None, is_cut: bool) -> tuple[list[Record], Pagination | None]:
    body = _encoded(answer)
    begin = _begin(body)
    if begin == len(body):
        return [], None
    records: list[Record] | None = None
    meta: object = None
    at = _expect(body, begin, b"{")
    is_more = body[at : at + 1] != b"}"
    while is_more:
        key, at = _value(body, at)
        at = _expect(body, skip_space(body, at), b":")
        if key == "data":
            records, end = _array(body, _expect(body, at, b"["), on_record, is_cut)
            if end is None:
                return records, _pagination(meta)
            at = end
        else:
            value, at = _value(body, at)
            meta = value if key == "meta" else meta
        at = skip_space(body, at)
        is_more = body[at : at + 1] == b","
        at = skip_space(body, at + 1) if is_more else at
    _end(body, _expect(body, at, b"}"))
    if records is None:
        raise ValueError("no data")
    return records, _pagination(meta)


def _single(answer: bytes | str) -> Record:
    body = _encoded(answer)
    body = body[_begin(body) :]
    text, value, is_clean = readable(body)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return Record(text, value, readable_id(value), raw=None if is_clean else body[: KEPT_BYTES + 1])


def _array(body: bytes, begin: int, on_record: OnRecord | None, is_cut: bool) -> tuple[list[Record], int | None]:
    """The records of the array whose first one begins here, and where it ends; None for the end that we cut off."""
    records: list[Record] = []
    if body[begin : begin + 1] == b"]":
        return records, begin + 1
    surgeon = Surgeon(body, begin, is_cut)
    while True:
        text = _window(body, begin)
        at, is_done = _plain(text, records, on_record)
        begin += at if text.isascii() else len(text[:at].encode())
        if is_done:
            return records, begin
        begin = skip_space(body, begin)
        piece = surgeon.piece(begin)
        if piece is None:
            return records, None
        record = _of_piece(piece)
        records.append(on_record(record) if on_record else record)
        if piece.is_last:
            return records, None
        at = skip_space(body, piece.end)
        begin = at + 1 if body[at : at + 1] in (b",", b"]") else at
        if body[at : at + 1] == b"]":
            return records, begin


def _plain(text: str, records: list[Record], on_record: OnRecord | None) -> tuple[int, bool]:
    """Take what is clean JSON from the begin of the text; where the next record or the end is, and if it is the end."""
    begin = 0
    try:
        while True:
            start = _after(text, begin)
            value, end = _decode(text, start)
            at = _after(text, end)
            sign = text[at]
            if sign not in {",", "]"}:
                break
            record = Record(text[start:end], value, readable_id(value))
            records.append(on_record(record) if on_record else record)
            begin = at + 1
            if sign == "]":
                return begin, True
    except (ValueError, IndexError, RecursionError):
        pass
    return begin, False


def _window(body: bytes, begin: int) -> str:
    """The text from here on, as far as it is UTF-8 and the window reaches."""
    part = memoryview(body)[begin : begin + _WINDOW]
    try:
        return codecs.utf_8_decode(part, "strict", False)[0]
    except UnicodeDecodeError as error:
        return codecs.utf_8_decode(part[: error.start], "strict", True)[0]


def _of_piece(piece: Piece) -> Record:
    found = piece.id if piece.damage else readable_id(piece.value)
    return Record(piece.text, piece.value, found, raw=piece.raw, damage=piece.damage)


def _value(body: bytes, at: int) -> tuple[object, int]:
    """A value beside the records, read leniently, and where it ends."""
    end = Surgeon(body, at, is_cut=False).end_of(at)
    if end is None:
        raise ValueError("cut off")
    return readable(body[at:end])[1], end


def _encoded(answer: bytes | str) -> bytes:
    return answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")


def _begin(body: bytes) -> int:
    return skip_space(body, len(_BOM) if body.startswith(_BOM) else 0)


def _expect(body: bytes, at: int, sign: bytes) -> int:
    """Past the sign and the blanks after it."""
    if body[at : at + 1] != sign:
        raise ValueError(f"no {sign!r}")
    return skip_space(body, at + 1)


def _end(body: bytes, at: int) -> None:
    if skip_space(body, at) != len(body):
        raise ValueError("more than one value")


def _pagination(meta: object) -> Pagination | None:
    """``total`` and ``count``, or None when the answer has no such numbers."""
    found = meta.get("pagination") if isinstance(meta, dict) else None
    if not isinstance(found, dict):
        return None
    total, count = _whole(found.get("total")), _whole(found.get("count"))
    if total is None or not 0 <= total <= LARGEST_COUNT:
        return None
    return Pagination(total, -1 if count is None else count)
