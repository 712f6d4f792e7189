"""The body of an answer: whole, bounded, unpacked."""

from __future__ import annotations

import zlib

import requests

_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class BodyBroken(Exception):
    """A body that is too large, cut off or cannot be unpacked; the text completes "the store …"."""


def read_body(response: requests.Response, *, cap: int) -> bytes:
    """The body, unpacked, of at most ``cap`` bytes; ``BodyBroken`` for more or for less than was announced.

    Unpacked here and not by ``requests``: that takes a packed stream which ends early for whole, and lets a small
    body grow beyond any bound in one step.
    """
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    announced = response.headers.get("Content-Length", "")
    received, size, parts = 0, 0, []
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        received += len(chunk)
        part = unpack.feed(chunk, cap - size) if unpack else chunk
        size += len(part)
        if size > cap:
            raise BodyBroken(f"sent an answer larger than {cap // 1024} KiB")
        parts.append(part)
    if unpack and received and not unpack.is_whole:
        raise BodyBroken("sent an answer that was cut off")
    if announced.isascii() and announced.isdigit() and received < int(announced) and response.status_code != 204:
        raise BodyBroken("sent an answer that was cut off")
    return b"".join(parts)


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
