"""A CSV file as an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Response

from ..operations.exports.file import Export

_CHUNK_BYTES = 64 * 1024


def file_answer(export: Export) -> Response:
    """The file, closed once it is sent or the reader has gone."""
    answer = Response(_chunks(export.file), mimetype="text/csv")
    answer.call_on_close(export.file.close)
    answer.content_length = export.bytes
    answer.headers["Content-Disposition"] = f"attachment; filename={export.name}"
    answer.cache_control.no_store = True
    return answer


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
