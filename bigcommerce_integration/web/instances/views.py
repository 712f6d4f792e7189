"""``/api/big-commerce`` and ``/api/big-commerce/<id>``: connect, list, read, change, check and disconnect stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flask import request, url_for
from marshmallow import Schema

from ...answers.instances import instance_answer, report_answer
from ...encryption import TokenCipher
from ...operations.instances import verification
from ...operations.instances.change import change
from ...operations.instances.connect import connect
from ...operations.instances.counts import counts
from ...operations.instances.disconnect import disconnect
from ...operations.instances.views import SHOWN, InstanceView, authorized_view
from ...operations.instances.views import list_instances as list_connected
from ...schemas import fields
from ...schemas.base import ObjectSchema
from ...schemas.instances import InstancePatch, NewInstance, ReplacedInstance
from ...schemas.query import PageQuery, QueryBoolean, QueryText, read_query
from ...store_check.report import Report
from ..http.access import authorize, login, parse_id, polled
from ..http.page_answer import page_answer
from ..openapi.fields import Part, example_of
from ..openapi.next_steps import FROM_CHANGED_INSTANCE, FROM_INSTANCE, FROM_NEW_INSTANCE
from ..openapi.operation import LOCATION, RETRY_AFTER, Answered, Operation, answer_of, page_of
from .bodies import etag, read_draft, read_if_match
from .schemas import DELETED, Check, Instance, StartedRefresh, warnings

_TAG, _CHECKS = "Instances", "Checks"
_ETAG = ("ETag", "The version of the settings, to be sent back as If-Match.")
_IF_MATCH = ("If-Match", "The ETag of the version that is to be changed; without it, the newest is.")
_STARTED = (
    "What goes on or begins since the store is reached in another way: refreshes that had failed, and what was due."
)
_ABOUT_CHECKS = "Asks the store for 5 seconds at most. What could not be found out is null, with a reason."
_CHECKED = answer_of(Check, "What was found out.", warnings=warnings())
_ALL_SETTINGS = {"all settings": example_of(NewInstance)}


class VerifyQuery(ObjectSchema):
    """The query of a request that gives a token."""

    verify = QueryBoolean("Whether the token is tried against the store first.", load_default=True)


class InstanceQuery(ObjectSchema):
    """What the answer about one instance has beside the instance."""

    include = fields.Choice(
        "`counts` for how many variants are linked, and how many records were rejected.", ("counts",)
    )


class InstancesQuery(PageQuery):
    """Which stores to list."""

    status = fields.Choice("The status that they have.", SHOWN)
    name = QueryText("A part of their name, in any case.")


@Operation(
    id="listInstances",
    tag=_TAG,
    query=InstancesQuery,
    answers={200: page_of(Instance)},
)
def list_instances() -> dict[str, Any]:
    """The connected stores that the caller may read."""
    caller = login()
    query = read_query(request, InstancesQuery)
    views, total = list_connected(caller, **query)
    return page_answer([instance_answer(view, caller.state.cipher) for view in views], total, query)


@Operation(
    id="createInstance",
    tag=_TAG,
    description=(
        "Its initial refreshes begin at once. The token is tried first, for 5 seconds at most; `verify=false` skips "
        "that. A store that cannot be reached is connected all the same: `status_message` says so, and the refreshes "
        "go on trying."
    ),
    query=VerifyQuery,
    body=NewInstance,
    body_examples=_ALL_SETTINGS,
    answers={201: answer_of(Instance, "It is connected.", headers=[LOCATION, _ETAG], warnings=warnings())},
    leads_to=FROM_NEW_INSTANCE,
)
def post_instance() -> Answered:
    """Connect a store."""
    caller = login()
    caller.require_permission("create")
    query = read_query(request, VerifyQuery)
    view = connect(caller, read_draft(request, caller.state.cipher), verify=query["verify"])
    answer, _, headers = _answered(view, caller.state.cipher)
    headers["Location"] = url_for(".get_instance", instance_id=view.instance.id)
    return {**answer, "warnings": list(view.warnings)}, 201, headers


@Operation(
    id="getInstance",
    tag=_TAG,
    query=InstanceQuery,
    answers={200: answer_of(Instance, "The instance.", headers=[_ETAG])},
    step="instance",
    leads_to=FROM_INSTANCE,
)
def get_instance(instance_id: str) -> Answered:
    """A connected store."""
    with polled():
        context, view = authorized_view(login(), "read", parse_id(instance_id), while_deleting=True)
        wants_counts = "include" in read_query(request, InstanceQuery)
    answer, status, headers = _answered(view, context.state.cipher)
    if wants_counts:
        answer["data"]["counts"] = asdict(counts(context))
    return answer, status, headers


def _changes(name: str, description: str, body: type[Schema], example: dict[str, Any]) -> Operation:
    """What the document says of a change of settings."""
    return Operation(
        id=name,
        tag=_TAG,
        description=(
            f"{description} A new token, or another store hash, is tried against the store first, for 5 seconds at "
            "most; `verify=false` skips that."
        ),
        query=VerifyQuery,
        headers=(_IF_MATCH,),
        body=body,
        body_examples={"example": example},
        answers={
            200: answer_of(
                Instance,
                "The instance as it is now.",
                headers=[_ETAG],
                started_refreshes=Part(StartedRefresh, _STARTED, many=True),
                warnings=warnings(),
            )
        },
        refusals=(412,),
        step="instance",
        leads_to=FROM_CHANGED_INSTANCE,
    )


@_changes(
    "putInstance",
    "A token that is not given stays.",
    ReplacedInstance,
    {name: value for name, value in example_of(NewInstance).items() if name != "connection_settings"},
)
def put_instance(instance_id: str) -> Answered:
    """Replace all settings."""
    return _change(instance_id, ReplacedInstance())


@_changes(
    "patchInstance",
    "Merged into what is stored: null clears, absent keeps.",
    InstancePatch,
    {
        "connection_settings": {"access_token": "another-access-token"},
        "integration_settings": {"cogs_nominal_code_id": None, "start_date": "2025-01-01"},
    },
)
def patch_instance(instance_id: str) -> Answered:
    """Change some settings."""
    return _change(instance_id, InstancePatch())


@Operation(
    id="deleteInstance",
    tag=_TAG,
    description=(
        "At once the token is wiped, the name free and every refresh cancelled; workers then remove the rows. The "
        "host's products stay."
    ),
    headers=(_IF_MATCH,),
    answers={202: answer_of(Instance, "It is being deleted.", headers=[_ETAG, RETRY_AFTER], example=DELETED)},
    refusals=(412,),
    step="deletion",
)
def delete_instance(instance_id: str) -> Answered:
    """Disconnect a store and remove its mirror."""
    context = authorize("delete", instance_id, while_deleting=True)
    view = disconnect(context, read_if_match(request))
    answer, status, headers = _answered(view, context.state.cipher, status=202)
    return answer, status, headers | {"Retry-After": "5"}


@Operation(
    id="checkNewInstance",
    tag=_CHECKS,
    description=(
        "Takes the body of a create, and refuses it likewise, but for a name that is taken. It saves nothing. "
        f"{_ABOUT_CHECKS}"
    ),
    body=NewInstance,
    body_examples=_ALL_SETTINGS,
    answers={200: _CHECKED},
)
def check_draft() -> dict[str, Any]:
    """Check a store before it is connected."""
    caller = login()
    caller.require_permission("check")
    return _checked(*verification.check_draft(caller, read_draft(request, caller.state.cipher)))


@Operation(
    id="checkInstance",
    tag=_CHECKS,
    description=f"{_ABOUT_CHECKS} It saves nothing but that the store's time zone or default currency has changed.",
    answers={200: _CHECKED},
    step="instance",
)
def check_instance(instance_id: str) -> dict[str, Any]:
    """Check a connected store."""
    return _checked(*verification.check_instance(authorize("check", instance_id)))


def _change(instance_id: str, schema: Schema) -> Answered:
    context = authorize("change", instance_id)
    verify = read_query(request, VerifyQuery)["verify"]
    draft = read_draft(request, context.state.cipher, schema)
    changed = change(context, draft, verify=verify, versions=read_if_match(request))
    answer, status, headers = _answered(changed.view, context.state.cipher)
    started = [{"id": refresh_id, "resource": resource} for resource, refresh_id in changed.started]
    return {**answer, "started_refreshes": started, "warnings": list(changed.view.warnings)}, status, headers


def _answered(view: InstanceView, cipher: TokenCipher, *, status: int = 200) -> Answered:
    return {"data": instance_answer(view, cipher)}, status, {"ETag": etag(view.instance)}


def _checked(report: Report, warnings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"data": report_answer(report), "warnings": list(warnings)}
