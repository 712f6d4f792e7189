"""``/api/big-commerce/<id>/links/imports``: variants linked by a CSV file that a person has filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request, url_for

from ...answers.files import file_answer
from ...answers.text import shown
from ...operations.context import RequestContext
from ...operations.imports.steps import apply_import, undo_import
from ...operations.imports.upload import MAX_BYTES, upload
from ...operations.imports.views import VERDICTS, ImportView, export_rows, find_import, list_imports
from ...schemas import fields
from ...schemas.base import ObjectSchema
from ...schemas.query import PageQuery, read_query
from ..http.access import authorize, parse_id
from ..http.body import read_csv
from ..http.page_answer import page_answer
from ..mirror.exports import csv_file
from ..openapi.next_steps import FROM_IMPORT
from ..openapi.operation import LOCATION, RETRY_AFTER, Answered, Operation, answer_of, page_of
from .import_schemas import LinkImport, LinkImportWithProblems

_TAG = "Link imports"
_COUNTS = ("rows", "good", "bad", "applied", "skipped", "undone", "not_undone")
_EXAMPLE = "variant_id,host_sku,decision\r\n101,MUG-RED,\r\n102,,leave\r\n"
_FOLLOW = "A worker does it, a thousand rows at a time: follow it by `GET`."


class RowsQuery(ObjectSchema):
    """Which rows."""

    verdict = fields.Choice("Those with this verdict.", VERDICTS, load_default="bad")


@Operation(
    id="importLinks",
    tag=_TAG,
    description=(
        "A file as `GET …/variants/export.csv` gives it, with `host_sku` or `decision` filled in: `link` links the "
        "variant by its own SKU, or by `suggested_sku`; `leave` leaves it without a link for good; where both are "
        "blank, nothing is done. `variant_id` is the key; other columns do not count, in whatever order they are. At "
        "most 5 MiB and 50,000 rows, in UTF-8 or UTF-16, with commas, semicolons or tabs. Nothing is linked yet: the "
        "answer says how many rows are good. Up to 1,000 decisions have their verdicts at once; of more, a worker "
        "gives them theirs (`checking`)."
    ),
    body={"type": "string", "description": "The CSV file."},
    body_type="text/csv",
    body_examples={"filled in": _EXAMPLE},
    answers={202: answer_of(LinkImportWithProblems, "It is stored.", headers=[LOCATION, RETRY_AFTER])},
    leads_to=FROM_IMPORT,
)
def post_import(instance_id: str) -> Answered:
    """Send a file that links variants."""
    context = authorize("link", instance_id)
    return _accepted(context, upload(context, read_csv(request, max_bytes=MAX_BYTES)))


@Operation(
    id="listImports",
    tag=_TAG,
    query=PageQuery,
    answers={200: page_of(LinkImport)},
    step="instance",
)
def get_imports(instance_id: str) -> dict[str, Any]:
    """The files that were sent, the newest first."""
    context = authorize("link", instance_id)
    query = read_query(request, PageQuery)
    views, total = list_imports(context, **query)
    return page_answer([_answer(view) for view in views], total, query)


@Operation(
    id="getImport",
    tag=_TAG,
    answers={200: answer_of(LinkImportWithProblems, "The import.")},
    step="import",
    leads_to=FROM_IMPORT,
)
def get_import(instance_id: str, import_id: str) -> dict[str, Any]:
    """One of them, with the rows that need a person."""
    return {"data": _with_problems(find_import(authorize("link", instance_id), parse_id(import_id)))}


@Operation(
    id="getImportRows",
    tag=_TAG,
    description=(
        "The bad ones as they were in the file, with `problem` and `problem_code` behind: mend them and send the file "
        "again. Of the others the line and the variant."
    ),
    query=RowsQuery,
    answers={200: csv_file("The rows.", "variant_id,host_sku,problem,problem_code\r\n101,MUG,,no_sku\r\n")},
    step="import",
)
def get_import_rows(instance_id: str, import_id: str) -> Response:
    """Its rows with one verdict as a CSV file."""
    context = authorize("link", instance_id)
    found = parse_id(import_id)
    return file_answer(export_rows(context, found, read_query(request, RowsQuery)["verdict"]))


def _step(name: str, description: str) -> Operation:
    return Operation(
        id=name,
        tag=_TAG,
        description=f"{description} {_FOLLOW}",
        answers={202: answer_of(LinkImportWithProblems, "It has begun.", headers=[LOCATION, RETRY_AFTER])},
        refusals=(409,),
        step="import",
        leads_to=FROM_IMPORT,
    )


@_step(
    "applyImport",
    "They are decisions by hand, as by `PUT …/variants/links`. A row whose variant has got another link since the file "
    "was sent is skipped and named.",
)
def post_import_apply(instance_id: str, import_id: str) -> Answered:
    """Apply the good rows."""
    return _begun(instance_id, import_id, apply_import)


@_step(
    "undoImport",
    "The variants get the links back that they had. A row whose variant has got another link since is left, and named.",
)
def post_import_undo(instance_id: str, import_id: str) -> Answered:
    """Undo what was applied."""
    return _begun(instance_id, import_id, undo_import)


def _begun(instance_id: str, import_id: str, begin: Callable[[RequestContext, int], ImportView]) -> Answered:
    context = authorize("link", instance_id)
    return _accepted(context, begin(context, parse_id(import_id)))


def _accepted(context: RequestContext, view: ImportView) -> Answered:
    location = url_for(".get_import", instance_id=context.instance.id, import_id=view.row.id)
    return {"data": _with_problems(view)}, 202, {"Location": location, "Retry-After": "2"}


def _with_problems(view: ImportView) -> dict[str, Any]:
    return _answer(view) | {"problems": [dict(row._mapping) for row in view.problems]}


def _answer(view: ImportView) -> dict[str, Any]:
    row = view.row
    return {
        **shown(row, "id", "status", "uploaded_by", "applied_by", "undone_by", "created_at", "changed_at"),
        **shown(view, "message", "untouched"),
        "progress_percentage": view.percentage,
        **{name: row._mapping[f"{name}_count"] for name in _COUNTS},
        "is_kept": row.pruned_at is None,
    }
