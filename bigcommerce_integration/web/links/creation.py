"""``POST /api/big-commerce/<id>/products/create``: products of the host on demand."""

from __future__ import annotations

from typing import Any

from flask import request

from ...answers.text import shown
from ...operations.creation.job import create_products
from ...operations.creation.preview import MOST_PREVIEWED, Preview, Verdict, preview
from ...operations.creation.selection import ACTION, MOST_CREATED
from ...resources.products import PRODUCTS
from ...schemas.refreshes import WAYS, CreationFilters, CreationRequest, load_creation
from ..http.access import authorize
from ..http.body import read_json_object
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.operation import LOCATION, Answered, Operation, answer_of
from ..openapi.shapes import COUNT, ID, STRING, described, object_of
from ..refreshes.schemas import BEGUN, Refresh
from ..refreshes.views import accepted

SHOWN = 100
"""How many variants a preview names."""


class PlannedProduct(AnswerSchema):
    """What would come of one variant."""

    bigcommerce_id = Shown(ID, "The id of the variant in the store.", 101)
    sku = Shown(STRING, "Its SKU; null if it has none, or is not here.", "MUG-RED", is_null=True)
    name = Shown(STRING, "The name of its product in the store.", "Mug", is_null=True)
    verdict = Coded(Verdict, "What would come of it.", Verdict.CREATE)
    message = Shown(STRING, "The same for people.", "A product is made and linked.")


CreationCounts = AnswerSchema.from_dict(
    {str(each): Shown(COUNT, each.meaning, 0) for each in Verdict}, name="CreationCounts"
)
CreationCounts.__doc__ = "How many of the variants have each verdict."


class CreationPreview(AnswerSchema):
    """What a job would do now. Nothing is stored."""

    total = Shown(COUNT, "How many variants are meant.", 1)
    looked_at = Shown(COUNT, f"How many of them the counts are of: the first {MOST_PREVIEWED:,} by id.", 1)
    counts = Part(CreationCounts, "Those by verdict.", example={Verdict.CREATE: 1})
    rows = Part(PlannedProduct, f"The first {SHOWN} of them.", many=True)


def _shape() -> dict[str, Any]:
    """One of three ways to say which variants, each with or without a preview."""
    known = described(CreationRequest)
    known["all"] = {"description": known["all"]["description"], "const": True}
    known["filters"] = {
        "description": "Variants without a link that pass these filters.",
        **object_of(described(CreationFilters)),
        "minProperties": 1,
    }
    shapes = [object_of({name: known[name], "preview": known["preview"]}, name) for name in WAYS]
    return {"description": "For which variants.", "anyOf": shapes}


@Operation(
    id="createProducts",
    tag="Links",
    description=(
        "Also where `auto_create_products` is off. A worker makes them, so many a transaction: the job is a refresh "
        f"with the mode `create`, for at most {MOST_CREATED:,} variants. Those that a person decided to leave without "
        "a link are meant only if their ids are named. With `preview` nothing is stored, and the answer says what "
        "would come of it. Needs `create_products`."
    ),
    body=_shape(),
    body_examples={
        "ids": {"ids": [101, 102], "preview": True},
        "filters": {"filters": {"link_conflict_code": "host_product_gone"}},
        "all": {"all": True},
    },
    answers={
        200: answer_of(CreationPreview, "What would come of it."),
        202: answer_of(
            Refresh,
            "The job has begun.",
            headers=[LOCATION],
            example={**BEGUN, "resource": PRODUCTS.name, "mode": "create", "parameters": {}},
        ),
    },
)
def post_products_create(instance_id: str) -> dict[str, Any] | Answered:
    """Make products of the host for variants that have none."""
    context = authorize(ACTION, instance_id)
    selection, is_preview = load_creation(read_json_object(request))
    if is_preview:
        return {"data": _answer(preview(context, selection))}
    return accepted(context, create_products(context, selection))


def _answer(found: Preview) -> dict[str, Any]:
    return {
        "total": found.total,
        "looked_at": len(found.planned),
        "counts": {str(each): found.counts.get(each, 0) for each in Verdict},
        "rows": [shown(each, "bigcommerce_id", "sku", "name", "verdict", "message") for each in found.planned[:SHOWN]],
    }
