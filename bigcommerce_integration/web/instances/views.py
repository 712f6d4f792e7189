"""``/api/big-commerce`` and ``/api/big-commerce/<id>``: connect, list, read, change, check and disconnect stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request, url_for
from marshmallow import Schema

from ...encryption import TokenCipher
from ...operations.instances import verification
from ...operations.instances.change import change
from ...operations.instances.connect import connect
from ...operations.instances.disconnect import disconnect
from ...operations.instances.views import SHOWN, InstanceView, view_of
from ...operations.instances.views import list_instances as list_connected
from ...store_check.report import Report
from .. import fields
from ..http.access import authorize, login
from ..http.page_answer import page_answer
from ..http.query_args import QueryBoolean, QueryText, page, per_page, read_query
from ..schemas import ObjectSchema, ReplacedInstance, merge_patch
from .answers import instance_answer, report_answer
from .bodies import etag, read_draft, read_if_match

Answered = tuple[dict[str, Any], int, dict[str, str]]


class VerifyQuery(ObjectSchema):
    """The query string; ``verify=false`` stores the token unverified."""

    verify = QueryBoolean(load_default=True)


class InstancesQuery(ObjectSchema):
    """The query string."""

    page = page()
    per_page = per_page()
    status = fields.Choice(*SHOWN)
    name = QueryText()


def list_instances() -> dict[str, Any]:
    """The tenant's connected stores that the caller may read, page by page."""
    caller = login()
    query = read_query(request, InstancesQuery())
    views, total = list_connected(caller, **query)
    data = [instance_answer(view, caller.state.cipher) for view in views]
    return {"data": data, **page_answer(page=query["page"], per_page=query["per_page"], total=total)}


def post_instance() -> Answered:
    """Connect a store."""
    caller = login()
    caller.require_permission("create")
    query = read_query(request, VerifyQuery())
    view = connect(caller, read_draft(request, caller.state.cipher), verify=query["verify"])
    answer, _, headers = _answered(view, caller.state.cipher)
    headers["Location"] = url_for(".get_instance", instance_id=view.instance.id)
    return {**answer, "warnings": list(view.warnings)}, 201, headers


def get_instance(instance_id: str) -> Answered:
    """One connected store with its health and the newest refresh of each resource."""
    context = authorize("read", instance_id, while_deleting=True)
    return _answered(view_of(context, context.instance), context.state.cipher)


def put_instance(instance_id: str) -> Answered:
    """Replace all settings; a token that is not given stays."""
    return _change(instance_id, ReplacedInstance())


def patch_instance(instance_id: str) -> Answered:
    """Merge what is given into the settings: null clears, absent keeps."""
    return _change(instance_id, merge_patch())


def delete_instance(instance_id: str) -> Answered:
    """Disconnect a store; workers remove its rows afterwards."""
    context = authorize("delete", instance_id, while_deleting=True)
    view = disconnect(context, read_if_match(request))
    return _answered(view, context.state.cipher, status=202)


def check_draft() -> dict[str, Any]:
    """What a create with the same body would meet."""
    caller = login()
    caller.require_permission("check")
    return _checked(*verification.check_draft(caller, read_draft(request, caller.state.cipher)))


def check_instance(instance_id: str) -> dict[str, Any]:
    """How a connected store would answer a refresh now."""
    return _checked(*verification.check_instance(authorize("check", instance_id)))


def _change(instance_id: str, schema: Schema) -> Answered:
    context = authorize("change", instance_id)
    verify = read_query(request, VerifyQuery())["verify"]
    draft = read_draft(request, context.state.cipher, schema)
    changed = change(context, draft, verify=verify, versions=read_if_match(request))
    answer, status, headers = _answered(changed.view, context.state.cipher)
    started = [{"id": refresh_id, "resource": resource} for resource, refresh_id in changed.started]
    return {**answer, "started_refreshes": started, "warnings": list(changed.view.warnings)}, status, headers


def _answered(view: InstanceView, cipher: TokenCipher, *, status: int = 200) -> Answered:
    return {"data": instance_answer(view, cipher)}, status, {"ETag": etag(view.instance)}


def _checked(report: Report, warnings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"data": report_answer(report), "warnings": list(warnings)}
