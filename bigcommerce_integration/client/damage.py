"""Records whose text is not clean JSON: where each begins and ends, what can be read of it, and its id.

Only what a plain parse of an answer stopped at comes here. Nothing is guessed of an answer that ends too early: that
is no bad record, and ``ValueError`` says so.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cached_property

RECORD_CAP = 8 * 1024 * 1024
"""The bytes of the largest record that is read. An order's 50 lines or a product's 600 variants are about one MiB."""
KEPT_BYTES = 1024 * 1024
"""What is kept of a record that cannot be read; one byte more tells that it was cut."""
LARGEST_ID = 2**53 - 1  # what every reader of JSON holds exactly; there is room for a neighbour in any column

TOO_LARGE = f"The record is larger than {RECORD_CAP // 1024 // 1024} MiB."
TOO_DEEP = "The record is nested too deeply to be read."
NO_ID = "The record has no readable id."
NOT_JSON = "The record is not valid JSON."

_MOST_STRINGS = 500_000
"""Texts of one answer that are stepped over in search of the ends of records: about a second of work."""
_MOST_NAMES = 1_000
"""Texts of one record among which its id is looked for; the API writes it first."""
_LONGEST_INTEGER = 40
_SPACE = re.compile(rb"[ \t\n\r]*")
_BRACKETS = re.compile(rb"[{}\[\]]")
_AFTER_WORD = re.compile(rb"[,\]}:]")
_ID = re.compile(rb'[ \t\n\r]{0,9}:[ \t\n\r]{0,9}"?([0-9]{1,19})"?[ \t\n\r]{0,9}[,}]')
# Bounded, so that no text makes the search slow.
_GAP = rb"[ \t\n\r]{0,9}"
_NAME = rb'"[^"\\]{1,64}"'
_FIRST_VALUE = rb'"?[^",{}\[\]]{0,64}"?'
_FIRST_NAMES = re.compile(_GAP.join([rb"\{", rb"(" + _NAME + rb")", rb":", _FIRST_VALUE, rb",", rb"(" + _NAME + rb")"]))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.nan


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


strict = json.JSONDecoder(parse_constant=_refuse).raw_decode
# Control characters in texts are taken; what is no number (NaN, Infinity, 5,000 digits) becomes a NaN, which no column
# takes for one.
lenient = json.JSONDecoder(strict=False, parse_int=_integer, parse_constant=lambda _: math.nan).raw_decode


def skip_space(body: bytes, at: int) -> int:
    """Where the next thing that is not blank begins, perhaps the end of the body."""
    found = _SPACE.match(body, at)
    return found.end() if found else at


@dataclass(frozen=True, slots=True)
class Piece:
    """One record of an array: its text and value, or its ``damage``.

    ``raw`` are its first bytes, None if it is clean JSON after all; ``end`` is where the record ends in the body, and
    ``is_last`` whether that is the end of what came.
    """

    end: int
    text: str
    value: object
    raw: bytes | None = None
    damage: str | None = None
    id: int | None = None
    is_last: bool = False


@dataclass
class Surgeon:
    """Takes an answer apart record by record; ``is_cut`` says that we stopped reading before its end.

    ``first`` is where the first record of the array begins.
    """

    body: bytes
    first: int
    is_cut: bool
    strings_left: int = _MOST_STRINGS

    def piece(self, begin: int) -> Piece | None:
        """The record that begins here; None if it is the rest of an answer that we cut, which has others before it.

        ``ValueError`` if the answer ends before the record does, or this is no record at all.
        """
        end = self._separated(self.end_of(begin))
        piece = None if end is None or end - begin > RECORD_CAP else self._readable(begin, end)
        if piece is not None:
            return piece
        return self._damaged(begin, end)

    def end_of(self, begin: int) -> int | None:
        """Where the value that begins here ends, by its quotes and brackets alone; None if the body ends before."""
        body, at, depth = self.body, begin, 0
        while True:
            quote = body.find(b'"', at)
            stop = len(body) if quote < 0 else quote
            end, depth = _closed(body, at, stop, depth)
            if end is not None:
                return end
            if quote < 0 or self.strings_left <= 0:
                return None
            self.strings_left -= 1
            closing = _end_of_text(body, quote)
            if closing is None:
                return None
            at = closing
            if depth == 0:
                return at

    def _separated(self, end: int | None) -> int | None:
        """The end, if a comma or the end of the array follows it."""
        if end is None:
            return None
        after = skip_space(self.body, end)
        return end if self.body[after : after + 1] in (b",", b"]") else None

    def _readable(self, begin: int, end: int) -> Piece | None:
        """The record as clean JSON, else read leniently; None if neither does."""
        raw = self.body[begin:end]
        try:
            text, value, is_clean = readable(raw)
        except (ValueError, RecursionError):
            return None
        if not is_clean and not isinstance(value, dict):
            return None
        return Piece(end, text, value, raw=None if is_clean else raw[: KEPT_BYTES + 1])

    def _damaged(self, begin: int, end: int | None) -> Piece | None:
        if end is not None and not self.is_cut and not self._is_credible(end):
            end = None  # a bracket of an inner list: the next records may lie behind it
        following = self._next_record(begin, end)
        if following is not None:
            if following - begin > RECORD_CAP:
                return self._unreadable(begin, following, TOO_LARGE)
            return self._readable(begin, following) or self._unreadable(begin, following, NOT_JSON)
        is_object = self.body[begin : begin + 1] == b"{"
        if end is not None and is_object and (self.is_cut or self._is_credible(end)):
            return self._unreadable(begin, end, TOO_LARGE if end - begin > RECORD_CAP else NOT_JSON)
        if self.is_cut:
            if begin == self.first or len(self.body) - begin > RECORD_CAP:
                return self._unreadable(begin, len(self.body), TOO_LARGE)
            return None
        return self._last(begin)

    def _last(self, begin: int) -> Piece:
        """The record at the end of the array, whose own end its quotes and brackets do not tell."""
        end = self._end_of_array
        if end <= begin or self.body[end - 1 : end] != b"}" or end - begin > RECORD_CAP:
            raise ValueError("cut off")
        if self._first_names(begin, None) is None:
            raise ValueError("no records")
        if _error_at(self.body[begin:]) >= end - begin:
            raise ValueError("cut off")  # what came reads well up to its end
        return self._unreadable(begin, end, NOT_JSON)

    def _unreadable(self, begin: int, end: int, reason: str) -> Piece:
        raw = self.body[begin : min(end, begin + RECORD_CAP)]
        sound = len(raw)
        if reason == NOT_JSON:
            try:
                sound = _error_at(raw)
            except RecursionError:
                reason = TOO_DEEP
        found = _id_in(raw, sound)
        return Piece(end, "", None, raw[: KEPT_BYTES + 1], reason, found, is_last=self.is_cut and end == len(self.body))

    def _is_credible(self, end: int) -> bool:
        """Whether the answer goes on behind this end of a record as it should."""
        after = skip_space(self.body, end)
        return self.body[after : after + 1] == b"," or end == self._end_of_array

    def _next_record(self, begin: int, end: int | None) -> int | None:
        """The end of the record that begins here, as the next one begins behind it as all of the array do.

        Where a quote is missing, brackets and texts change places up to the next damage: what the quotes and brackets
        say may be an end that lies behind other records.
        """
        names = self._first_names(begin, end)
        if names is None:
            return None
        one, two = re.escape(names[1]), re.escape(names[2])
        boundary = [rb"(?:\}" + _GAP + rb",?|,)", rb"\{", one, rb":", _FIRST_VALUE, rb",", two]
        found = re.compile(_GAP.join(boundary)).search(self.body, begin + 1, len(self.body) if end is None else end)
        return None if found is None else found.start() + found[0].startswith(b"}")

    def _first_names(self, begin: int, end: int | None) -> re.Match[bytes] | None:
        """The first two names of the records: of the first, of this one, or of the one after it."""
        following = len(self.body) if end is None else skip_space(self.body, skip_space(self.body, end) + 1)
        matches = (_FIRST_NAMES.match(self.body, at) for at in (self.first, begin, following))
        return next(filter(None, matches), None)

    @cached_property
    def _end_of_array(self) -> int:
        """Where the last record of the array ends, read from the end of the answer; 0 if that is no such end."""
        body, at = self.body, len(self.body)
        first = skip_space(body, 0)
        if body[first : first + 1] == b"{":  # an envelope: its other members may follow
            meta = body.rfind(b'"meta"')
            at = _before(body, meta, b",") if meta >= 0 and _is_json(b"{" + body[meta:]) else _before(body, at, b"}")
        at = _before(body, at, b"]")
        return _rstripped(body, at) if at >= 0 else 0


def readable(raw: bytes) -> tuple[str, object, bool]:
    """The text and value of the bytes of one value, and whether they are clean JSON; ``ValueError`` if unreadable.

    Read leniently, the text has U+FFFD for bytes that are not UTF-8, and NUL, which no column takes, as an escape.
    """
    try:
        text = raw.decode()
        value, end = strict(text, 0)
        is_clean = True
    except ValueError:
        text = raw.decode("utf-8", "replace").replace("\0", "\\u0000")
        value, end = lenient(text, 0)
        is_clean = False
    if text[end:].strip(" \t\n\r"):
        raise ValueError("more than one value")
    return text[:end], value, is_clean


def _closed(body: bytes, at: int, stop: int, depth: int) -> tuple[int | None, int]:
    """Where, between two texts, the value ends (or None), and how deep it is at ``stop``.

    A number or word by itself ends before the next comma or bracket.
    """
    closers = body.count(b"}", at, stop) + body.count(b"]", at, stop)
    openers = body.count(b"{", at, stop) + body.count(b"[", at, stop)
    if depth > closers:
        return None, depth + openers - closers
    first = skip_space(body, at)
    if depth == 0 and body[first : first + 1] not in (b"{", b"[", b'"'):
        found = _AFTER_WORD.search(body, at, stop)
        return (found.start() if found else None), 0
    for found in _BRACKETS.finditer(body, at, stop):
        depth += 1 if found[0] in b"{[" else -1
        if depth <= 0:
            return found.end(), 0
    return None, depth


def _end_of_text(body: bytes, quote: int) -> int | None:
    """Where the JSON text ends that begins with this quote."""
    at = quote + 1
    while True:
        at = body.find(b'"', at)
        if at < 0:
            return None
        before = at - 1
        while body[before] == 92:  # a backslash; the opening quote is none, so this ends
            before -= 1
        at += 1
        if (at - before) % 2 == 0:  # an even number of backslashes
            return at


def _error_at(raw: bytes) -> int:
    """Where a lenient reading of one value stops, in bytes; ``RecursionError`` if it is too deep."""
    try:
        return lenient(raw.decode("latin-1"), 0)[1]
    except json.JSONDecodeError as error:
        return error.pos


def _id_in(raw: bytes, sound: int) -> int | None:
    """The id of an object, of which only the first ``sound`` bytes are to be believed; None if it is not there."""
    at, depth = 0, 0
    for _ in range(_MOST_NAMES):
        quote = raw.find(b'"', at, sound)
        if quote < 0:
            return None
        depth += sum(raw.count(sign, at, quote) for sign in (b"{", b"["))
        depth -= sum(raw.count(sign, at, quote) for sign in (b"}", b"]"))
        closing = _end_of_text(raw, quote)
        if closing is None or closing > sound:
            return None
        found = _ID.match(raw, closing, sound) if depth == 1 and raw[quote:closing] == b'"id"' else None
        if found:
            return int(found[1]) if 0 < int(found[1]) <= LARGEST_ID else None
        at = closing
    return None


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _rstripped(body: bytes, end: int) -> int:
    """The end without the blanks before it."""
    while end > 0 and body[end - 1] in b" \t\n\r":
        end -= 1
    return end


def _before(body: bytes, end: int, sign: bytes) -> int:
    """Where this sign stands, if it is the last thing before ``end``; else -1."""
    end = _rstripped(body, end)
    return end - 1 if end > 0 and body[end - 1 : end] == sign else -1
