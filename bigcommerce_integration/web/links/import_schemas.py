"""What answers say of a link import."""

from __future__ import annotations

from ...errors import RowCode
from ...operations.imports.views import MOST_NAMED, NAMED
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.shapes import BOOLEAN, COUNT, ID, MOMENT, STRING, WHOLE_PERCENTAGE, one_of

STATUSES = ("checking", "ready", "applying", "applied", "undoing", "undone", "failed")
_NOON = "2026-02-01T12:00:00.000000Z"


class RowProblem(AnswerSchema):
    """A row that needs a person."""

    line = Shown(COUNT, "Its line in the file.", 17)
    bigcommerce_id = Shown(ID, "The id of the variant in the store; null where the row has none.", 101, is_null=True)
    sku = Shown(STRING, "The SKU of that variant in the store.", "MUG-1", is_null=True)
    name = Shown(STRING, "The name of its product.", "Mug", is_null=True)
    verdict = Shown(one_of(NAMED), "`bad` is to be mended, the others were changed meanwhile.", "bad")
    code = Coded(RowCode, "Why.", "host_sku_not_found", is_null=True)
    message = Shown(STRING, "The same for people.", "Your system has no product with the SKU MUG.", is_null=True)


def _count(description: str, example: int = 0) -> Shown:
    return Shown(COUNT, description, example)


class LinkImport(AnswerSchema):
    """A file that links variants. `checking`, `applying` and `undoing` are a worker's work; the others wait for you."""

    id = Shown(ID, "Its id.", 4)
    status = Shown(one_of(STATUSES), "What is being done, or was done last.", "ready")
    progress_percentage = Shown(WHOLE_PERCENTAGE, "How much is done of what the status says.", 100)
    message = Shown(STRING, "What a person should know of its state.", is_null=True)
    rows = _count("Rows of the file below its first.", 3000)
    untouched = _count("Rows in which neither `host_sku` nor `decision` is filled in: nothing is done.", 2890)
    good = _count("Rows that can be applied.", 98)
    bad = _count("Rows that are to be mended.", 12)
    applied = _count("Rows that were applied.")
    skipped = _count("Good rows that were not applied, as the link was changed since the file was sent.")
    undone = _count("Applied rows whose variants have the link back that they had.")
    not_undone = _count("Applied rows that were not undone, as the link was changed since.")
    uploaded_by = Shown(STRING, "Who sent the file: the JWT's identity.", "ada", is_null=True)
    applied_by = Shown(STRING, "Who had it applied.", is_null=True)
    undone_by = Shown(STRING, "Who had it undone.", is_null=True)
    created_at = Shown(MOMENT, "When the file was sent.", _NOON)
    changed_at = Shown(MOMENT, "When its status last changed. Its rows are kept for a day after that.", _NOON)
    is_kept = Shown(BOOLEAN, "Whether its rows are still there, so that it can be applied or undone.", True)


class LinkImportWithProblems(LinkImport):
    """The same with the rows that need a person."""

    problems = Part(RowProblem, f"The first {MOST_NAMED} of them by line; `rows.csv` has all.", many=True)
