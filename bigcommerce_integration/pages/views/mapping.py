"""Map variants by a file: take it away, fill it in, send it back, look at it, apply it, undo it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ...answers.files import file_answer
from ...errors import BodyTooLarge, Invalid, MalformedBody, RequestRefused
from ...operations.context import RequestContext
from ...operations.imports.steps import apply_import, undo_import
from ...operations.imports.upload import MAX_BYTES, upload
from ...operations.imports.views import MOST_NAMED, VERDICTS, ImportView, export_rows, find_import, list_imports
from ...schemas import fields
from ...schemas.base import ObjectSchema
from ...schemas.query import PageQuery
from .. import login
from ..forms import read_filters
from ..render import as_fragment, render

_AROUND_BYTES = 64 * 1024
"""What a browser sends around the file."""


class RowsFilter(ObjectSchema):
    """Which rows of an import a file has."""

    verdict = fields.Choice("Those with this verdict.", VERDICTS, load_default="bad")


def get_links(instance_id: int) -> Response:
    """What to do, and the files that were sent."""
    return _page(login.authorize("link", instance_id))


def upload_links(instance_id: int) -> ResponseReturnValue:
    """Take a file that was filled in."""
    context = login.authorize("link", instance_id)
    try:
        view = upload(context, _file())
    except (MalformedBody, Invalid, BodyTooLarge) as refusal:
        return _page(context, status=refusal.status, problems=_told(refusal))
    return _to_import(instance_id, view.row.id)


def _file() -> bytes:
    """The file of the form; how long the body is must be known before it is read."""
    too_large = BodyTooLarge(f"The file must not exceed {MAX_BYTES // 1024 // 1024} MiB.")
    if request.content_length is None or request.content_length > MAX_BYTES + _AROUND_BYTES:
        raise too_large
    given = request.files.get("file")
    if given is None or not given.filename:
        raise Invalid({"file": ["Choose the file that you have filled in."]})
    data: bytes = given.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise too_large
    return data


def _told(refusal: RequestRefused) -> list[str]:
    if isinstance(refusal, Invalid):
        return [message for messages in refusal.errors.values() for message in messages]
    return [refusal.message]


def _page(context: RequestContext, *, status: int = 200, problems: list[str] | None = None) -> Response:
    query = read_filters(PageQuery())
    views, total = list_imports(context, **query)
    return render(
        "links.html",
        status=status,
        instance=context.instance,
        views=views,
        total=total,
        problems=problems or [],
        **query,
    )


def get_import(instance_id: int, import_id: int) -> Response:
    """One file that was sent: what would be done, or was done, and what is wrong with it."""
    context, view = _find(instance_id, import_id)
    return render("import.html", instance=context.instance, view=view, most_named=MOST_NAMED)


def get_import_live(instance_id: int, import_id: int) -> ResponseReturnValue:
    """What of that page changes by itself."""
    context, view = _find(instance_id, import_id)
    return as_fragment(render("_import_live.html", instance=context.instance, view=view, most_named=MOST_NAMED))


def get_import_file(instance_id: int, import_id: int) -> Response:
    """Its rows with one verdict: the bad ones to be mended and sent again."""
    context = login.authorize("link", instance_id)
    return file_answer(export_rows(context, login.checked_id(import_id), read_filters(RowsFilter())["verdict"]))


def post_import_apply(instance_id: int, import_id: int) -> ResponseReturnValue:
    """Link the variants of the good rows."""
    return _begun(instance_id, import_id, apply_import)


def post_import_undo(instance_id: int, import_id: int) -> ResponseReturnValue:
    """Give the variants the links back that they had."""
    return _begun(instance_id, import_id, undo_import)


def _find(instance_id: int, import_id: int) -> tuple[RequestContext, ImportView]:
    context = login.authorize("link", instance_id)
    return context, find_import(context, login.checked_id(import_id))


def _begun(instance_id: int, import_id: int, begin: Callable[[RequestContext, int], ImportView]) -> ResponseReturnValue:
    context = login.authorize("link", instance_id)
    begin(context, login.checked_id(import_id))
    return _to_import(instance_id, import_id)


def _to_import(instance_id: int, import_id: int) -> ResponseReturnValue:
    # The page itself says how far it is.
    return redirect(url_for(".get_import", instance_id=instance_id, import_id=import_id), 303)
