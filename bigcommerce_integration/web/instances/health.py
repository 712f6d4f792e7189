"""``GET /api/big-commerce/health``: whether work is done at all; with a login, how fresh the stores are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import request

from ...answers.instances import finding_answer, open_refresh_answer
from ...answers.text import shown
from ...app_state import current_state
from ...models.types import moment_text
from ...operations.findings.finding import FindingCode, worst_first
from ...operations.instances.views import InstanceView, list_instances
from ...operations.work.problem import ProblemCode
from ...operations.work.watch import look
from ...resources.orders import ORDERS
from ..http.access import login
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.operation import Operation, answer_of
from ..openapi.shapes import BOOLEAN, COLLECTION, ID, MOMENT, SECONDS, STRING
from .schemas import Finding, OpenRefresh

_MOST_STORES = 10_000
_UNREADABLE = (ProblemCode.DATABASE_DOWN, ProblemCode.DATABASE_TROUBLE, ProblemCode.NOT_MIGRATED)
_WHEN_NOT = (
    "No work is done at all: a store is connected, and no worker has ticked for a minute (or three ticks), or work is "
    "due and no worker has ended a piece of it for five minutes; or the database does not answer."
)


class CollectionHealth(AnswerSchema):
    """How fresh one collection of one store is."""

    instance_id = Shown(ID, "The instance.", 3)
    name = Shown(STRING, "Its name.", "Main shop")
    resource = Shown(COLLECTION, "The collection.", ORDERS.name)
    last_success_at = Shown(MOMENT, "When it was last brought up to date.", is_null=True)
    age_s = Shown(SECONDS, "Seconds since then.", 300.5, is_null=True)
    open_refresh = Part(OpenRefresh, "The open walk.", is_null=True, example={})
    is_overdue = Shown(BOOLEAN, "Whether it was not brought up to date for longer than usual.", False)


class WorkProblem(AnswerSchema):
    """What is wrong with the deployment, whatever the store."""

    code = Coded(ProblemCode, "What it is, for programs.", ProblemCode.NO_WORKER)
    sentence = Shown(STRING, "For people: what it is, what follows and what to do.", "No background worker runs.")
    since = Shown(MOMENT, "Since when, as far as that is known.", is_null=True)
    can_wait = Shown(BOOLEAN, "Whether it can wait for working hours: nothing is lost and nothing gets worse.", False)


class WorkHealth(AnswerSchema):
    """Whether work is done; the rest is for whoever is logged in, of the stores that they may read."""

    is_working = Shown(BOOLEAN, "Whether work is done, or none is needed.", True)
    problem = Part(
        WorkProblem, "The worst that is wrong with the deployment itself; absent if nothing is.", is_optional=True
    )
    last_worker_tick_at = Shown(MOMENT, "When a worker last looked for work.", is_null=True, is_optional=True)
    collections = Part(CollectionHealth, "Each collection of each store.", many=True, is_optional=True)
    findings = Part(Finding, "What is found of all of them; the worst first.", many=True, is_optional=True)


@Operation(
    id="getHealth",
    tag="Instances",
    description=(
        "For a load balancer or a monitor: it needs no login, and one query a second at most. One store's trouble "
        "never makes it a 503. With a JWT it says too how fresh each store is that the caller may read."
    ),
    answers={
        200: answer_of(WorkHealth, "Work is done, or none is needed."),
        503: answer_of(WorkHealth, _WHEN_NOT, example={"is_working": False}),
    },
    needs_login=False,
    tells_more=True,
)
def get_health() -> tuple[dict[str, Any], int]:
    """Whether work is done at all."""
    seen = look(current_state())
    data: dict[str, Any] = {"is_working": seen.is_done}
    if seen.problem is not None:
        data["problem"] = shown(seen.problem, "code", "sentence", "since", "can_wait")
    # Without a database, or tables, there is nothing to tell.
    is_readable = seen.problem is None or seen.problem.code not in _UNREADABLE
    if "Authorization" in request.headers and is_readable:
        views, _ = list_instances(login(), page=1, per_page=_MOST_STORES)
        ticks = [each.health.last_worker_tick_at for each in views if each.health.last_worker_tick_at is not None]
        data["last_worker_tick_at"] = moment_text(max(ticks, default=None))
        data["collections"] = [answer for view in views for answer in _collections(view)]
        found = {finding: None for view in views for finding in view.findings}
        data["findings"] = [finding_answer(each) for each in worst_first(found)]
    return {"data": data}, 200 if seen.is_done else 503


def _collections(view: InstanceView) -> Iterator[dict[str, Any]]:
    overdue = {each.resource for each in view.findings if each.code is FindingCode.REFRESH_OVERDUE}
    for each in view.health.resources:
        success, opened = each.last_success, each.open_refresh
        yield {
            "instance_id": view.instance.id,
            "name": view.instance.name,
            **shown(each, "resource", "age_s"),
            "last_success_at": moment_text(success.row.finished_at if success else None),
            "open_refresh": opened and open_refresh_answer(opened),
            "is_overdue": each.resource in overdue,
        }
