"""The body of an answer: bounded, unpacked, and whole up to its bound."""

from __future__ import annotations

import zlib
from io import BytesIO

import requests

_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class BodyBroken(Exception):
    """A body that is cut off or cannot be unpacked; the text completes "the store …"."""


def read_body(response: requests.Response, *, cap: int) -> tuple[bytes, bool]:
    """The body, unpacked, and whether it was longer than ``cap`` bytes, of which the rest is not read.

    ``BodyBroken`` for less than was announced.

    Unpacked here and not by ``requests``: that takes a packed stream which ends early for whole, and lets a small
    body grow beyond any bound in one step.
    """
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    announced = response.headers.get("Content-Length", "")
    received, size, body = 0, 0, BytesIO()  # it gives its bytes away without a copy
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        received += len(chunk)
        part = unpack.feed(chunk, cap - size) if unpack else chunk
        size += len(part)
        body.write(part)
        if size > cap:
            body.truncate(cap)
            return body.getvalue(), True
    if unpack and received and not unpack.is_whole:
        raise BodyBroken("sent an answer that was cut off")
    if announced.isascii() and announced.isdigit() and received < int(announced) and response.status_code != 204:
        raise BodyBroken("sent an answer that was cut off")
    return body.getvalue(), False


class _Gunzip:
    """Unpacks a stream of one or more gzip members, never making more than is allowed."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._is_begun = False

    @property
    def is_whole(self) -> bool:
        return self._member.eof or not self._is_begun

    def feed(self, chunk: bytes, room: int) -> bytes:
        """What the chunk unpacks to; one byte more than ``room`` at the most, which tells that it is too much."""
        parts = []
        while chunk and room >= 0:
            if self._member.eof:
                self._member, self._is_begun = zlib.decompressobj(_GZIP), False
            self._is_begun = True
            try:
                part = self._member.decompress(chunk, room + 1)
            except zlib.error:
                raise BodyBroken("sent an answer that cannot be unpacked") from None
            parts.append(part)
            room -= len(part)
            chunk = self._member.unconsumed_tail or self._member.unused_data
        return b"".join(parts)


def _unpacker(encoding: str) -> _Gunzip | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Gunzip()
        case _:
            raise BodyBroken("sent an answer packed in a way that was not asked for")
