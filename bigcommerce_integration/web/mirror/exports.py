"""``…/export.csv`` beside each list: its views make the file, and this sends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from flask import Response
from marshmallow import Schema

from ...operations.context import RequestContext
from ...operations.exports.file import Export
from ..http.access import authorize
from ..openapi.operation import Answer, Header, Operation

_CHUNK_BYTES = 64 * 1024
_HEADERS: Sequence[Header] = (
    ("Content-Disposition", "The name of the file."),
    ("Content-Length", "How many bytes it has: a file that cannot be made whole is a 500, and never a short file."),
)
_ABOUT = (
    "UTF-8 with a byte order mark, commas, lines that end in CR and LF. A text that a spreadsheet would take for a "
    "formula has a `'` before it. Needs the permission of the list too, and is noted in the history."
)


def csv_file(description: str, example: str) -> Answer:
    """An answer that is a CSV file."""
    return Answer(description, {"type": "string"}, example, _HEADERS, "text/csv")


def exports(name: str, what: str, query: type[Schema], example: str, *, note: str = "") -> Operation:
    """What the document says of the file of a list; it takes the list's own filters."""
    return Operation(
        id=f"export{name}",
        tag="Mirror",
        summary=f"{what} as a CSV file, with the filters of the list",
        description=f"{_ABOUT} {note}".strip(),
        query=query,
        answers={200: csv_file("The file.", example)},
    )


def authorize_export(instance_id: str, permission: str) -> RequestContext:
    """As ``authorize``, for who may export and has the list's own permission."""
    context = authorize("export", instance_id)
    context.require(permission)
    return context


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
