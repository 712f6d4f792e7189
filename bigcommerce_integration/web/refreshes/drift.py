"""``…/refreshes/<id>/drift`` and ``…/repair``: what a reconciliation has found, and its repair."""

from __future__ import annotations

from typing import Any

from ...answers.refreshes import drift_answer, refresh_answer
from ...operations.reconciliation import reconciliation, repair
from ...refresh.drift import KINDS
from ...resources.orders import ORDERS
from ..http.access import authorize, parse_id
from ..openapi.fields import AnswerSchema, Part, Shown
from ..openapi.operation import Operation, answer_of
from ..openapi.shapes import BOOLEAN, COLLECTION, COUNT, ID, MONTH, STRING, decimals, list_of, one_of
from .schemas import BEGUN, Refresh

_MONEY = decimals(4)


class Difference(AnswerSchema):
    """A record whose row is not as the store has it."""

    bigcommerce_id = Shown(ID, "Its id in the store.", 101)
    kind = Shown(
        one_of(KINDS),
        "`missing`: it is not stored. `different`: other values are stored. `extra`: the store has it no longer.",
        "different",
    )
    columns = Shown(
        list_of(STRING),
        "The columns that differ, 50 at most. `lines.7.quantity` is a column of the line 7; `lines.7` is a line that "
        "is missing or too many.",
        ["total_inc_tax"],
    )


class MonthTotals(AnswerSchema):
    """What the sales of a month come to, with tax; only of orders."""

    month = Shown(MONTH, "In the store's time zone.", "2026-01")
    currency = Shown(STRING, "The currency of these amounts.", "EUR")
    store = Shown(_MONEY, "By the store.", "1200.5000")
    mirror = Shown(_MONEY, "By the stored rows.", "1190.5000")


class Drift(AnswerSchema):
    """What a reconciliation has found."""

    refresh_id = Shown(ID, "The reconciliation.", 12)
    resource = Shown(COLLECTION, "The collection that was compared.", ORDERS.name)
    is_complete = Shown(BOOLEAN, "Whether everything has been compared; else this is what was found so far.", True)
    count = Shown(COUNT, "How many records differ.", 1)
    records = Part(Difference, "The first 1,000 of them.", many=True)
    totals = Part(MonthTotals, "The sales of what was compared, by month and currency; of orders only.", many=True)


@Operation(
    id="getDrift",
    tag="Refreshes",
    description="404 for a refresh that is no reconciliation.",
    answers={200: answer_of(Drift, "What differs.")},
)
def get_drift(instance_id: str, refresh_id: str) -> dict[str, Any]:
    """What a reconciliation has found."""
    return {"data": drift_answer(reconciliation(authorize("read", instance_id), parse_id(refresh_id)))}


@Operation(
    id="repairDrift",
    tag="Refreshes",
    description=(
        "Begins refreshes of exactly the records that it names, 250 each, which write them whatever is stored. 404 for "
        "a refresh that is no reconciliation; 409 for one that goes on or has found nothing."
    ),
    answers={
        202: answer_of(
            Refresh,
            "They have begun.",
            many=True,
            example=BEGUN | {"mode": "ids", "parameters": {"ids": [101], "is_repair": True}},
        )
    },
    refusals=(409,),
)
def post_repair(instance_id: str, refresh_id: str) -> tuple[dict[str, Any], int]:
    """Repair what a reconciliation has found."""
    context = authorize("refresh", instance_id)
    return {"data": [refresh_answer(view) for view in repair(context, parse_id(refresh_id))]}, 202
