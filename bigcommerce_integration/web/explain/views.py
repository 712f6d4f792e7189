"""``GET /api/big-commerce/<id>/explain``: why an order or refund is not here, or a variant not linked."""

from __future__ import annotations

from typing import Any

from flask import request

from ...answers.explanations import explanation_answer
from ...errors import Invalid
from ...operations.explain.find import EXPLAIN
from ...schemas.base import ObjectSchema
from ...schemas.query import QueryBoolean, QueryInteger, QueryText, read_query
from ..http.access import authorize
from ..openapi.operation import Operation, answer_of
from . import schemas

SUBJECTS = tuple(EXPLAIN)


class ExplainQuery(ObjectSchema):
    """The one record to explain, and whether to query the store too."""

    order = QueryInteger("The id of an order in the store.", 1)
    refund = QueryInteger("The id of a refund in the store.", 1)
    variant = QueryInteger("The id of a variant in the store.", 1)
    sku = QueryText("The SKU of variants.")
    ask_store = QueryBoolean("Whether the store is asked too, for five seconds at most.", load_default=False)


@Operation(
    id="explain",
    tag="Mirror",
    description=(
        "Give exactly one of `order`, `refund`, `variant` (BigCommerce ids) and `sku`. With `ask_store=true` the store "
        "is asked too, for five seconds at most. Needs `read`; about an order or refund `read_orders` too, and to ask "
        "the store `check` too."
    ),
    query=ExplainQuery,
    answers={200: answer_of(schemas.Explanation, "The reasons.")},
    step="explanation",
)
def get_explanation(instance_id: str) -> dict[str, Any]:
    """Why an order or refund is not here, or a variant not linked."""
    context = authorize("read", instance_id)
    query = read_query(request, ExplainQuery)
    given = [name for name in SUBJECTS if name in query]
    if len(given) != 1:
        raise Invalid({name: ["Give exactly one of order, refund, variant and sku."] for name in given or SUBJECTS})
    if query["ask_store"]:
        context.require("check")
    (subject,) = given
    explained = EXPLAIN[subject](context, query[subject], ask_store=query["ask_store"])
    return {"data": explanation_answer(subject, query[subject], explained)}
