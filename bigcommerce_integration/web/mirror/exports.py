"""``…/export.csv`` beside each list: what the document says of it, and who may have it."""

from __future__ import annotations

from collections.abc import Sequence

from marshmallow import Schema

from ...operations.context import RequestContext
from ..http.access import authorize
from ..openapi.operation import Answer, Header, Operation

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


def exports(
    name: str, what: str, query: type[Schema], example: str, *, note: str = "", tag: str = "Mirror"
) -> Operation:
    """What the document says of the file of a list; it takes the list's own filters."""
    return Operation(
        id=f"export{name}",
        tag=tag,
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
