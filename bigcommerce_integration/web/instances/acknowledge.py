"""``POST /api/big-commerce/<id>/acknowledge``: a person knows of a change in the store."""

from __future__ import annotations

from typing import Any

from flask import request

from ...answers.instances import instance_answer
from ...operations.findings.acknowledge import CHANGES, acknowledge
from ...operations.findings.finding import FindingCode
from ...operations.instances.views import view_of
from ...schemas.instances import Acknowledgement
from ..http.access import authorize
from ..http.body import read_body
from ..openapi.next_steps import FROM_CHANGED_INSTANCE
from ..openapi.operation import Operation, answer_of
from .schemas import Instance


@Operation(
    id="acknowledgeFinding",
    tag="Instances",
    description=(
        f"Ends the finding, {' or '.join(f'`{code}`' for code in CHANGES)}, and notes in the history who knew of it. "
        "`after` is that of the finding: if the store says something else by now, that is a 409. If the finding has "
        "ended before, nothing happens."
    ),
    body=Acknowledgement,
    body_examples={"another time zone": {"code": FindingCode.TIMEZONE_CHANGED, "after": "Europe/Berlin"}},
    answers={200: answer_of(Instance, "The instance, without the finding.")},
    refusals=(409,),
    step="instance",
    leads_to=FROM_CHANGED_INSTANCE,
)
def post_acknowledge(instance_id: str) -> dict[str, Any]:
    """Acknowledge a changed time zone or default currency of the store."""
    context = authorize("change", instance_id)
    instance = acknowledge(context, **read_body(request, Acknowledgement()))
    return {"data": instance_answer(view_of(context, instance), context.state.cipher)}
