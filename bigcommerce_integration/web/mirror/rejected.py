"""``/api/big-commerce/<id>/rejected``: what was set aside, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from sqlalchemy import Column, Row, Select, func, select

from ...errors import Invalid, NotFound, RejectionCode
from ...operations.queries import parse_id
from ...refresh import RESOURCES
from ...refresh.job.parameters import Parameters
from ...refresh.write.page import QUARANTINE
from .. import fields
from ..http.access import Asked, ask, caller, require_permission
from ..http.answers import moment_answer
from ..http.page_answer import page_answer
from ..http.query_args import page, per_page, read_query
from ..refreshes.changes import begin_refresh
from ..refreshes.request import Wanted
from ..refreshes.views import Answer, accepted
from ..schemas import ObjectSchema

MEND_AND_RETRY = "If the record is wrong in the store, mend it there; then retry: it is fetched again by its id."
MEND_AND_REFRESH = (
    "It has no id by which it could be fetched again: find it in the store's control panel by its payload and mend it "
    "there; the next refresh that comes by reads it."
)


TRIED_AGAIN = (
    "Nothing at first: later refreshes try it again by themselves, and so does a retry. Should it stay, find out what "
    "ends the worker at this record: its memory, the host's own code, or the error that the reason names."
)


class RejectedQuery(ObjectSchema):
    """Which of them."""

    page = page()
    per_page = per_page()
    resource = fields.Choice(*RESOURCES)
    reason_code = fields.Choice(*RejectionCode)
    include = fields.Choice("payload")


def get_rejected(instance_id: str) -> dict[str, Any]:
    """Records that could not be stored, the newest first."""
    asked = ask("read", instance_id)
    query = read_query(request, RejectedQuery())
    with_payload = "include" in query
    if query.get("resource") != "products":
        require_permission(asked.state.host, "read_orders", asked.instance)
        if with_payload:
            require_permission(asked.state.host, "read_person_data", asked.instance)
    table = asked.state.tables.rejected_records
    mine = [table.c.instance_id == asked.instance.id]
    mine += [table.c[name] == query[name] for name in ("resource", "reason_code") if name in query]
    total = asked.session.scalar(select(func.count()).select_from(table).where(*mine)) or 0
    number, size = query["page"], query["per_page"]
    rows = asked.session.execute(
        _records(table.c, with_payload=with_payload)
        .where(*mine)
        .order_by(table.c.id.desc())
        .limit(size)
        .offset((number - 1) * size)
    )
    return {"data": [_record(row) for row in rows], **page_answer(page=number, per_page=size, total=total)}


def post_rejected_retry(instance_id: str, rejected_id: str) -> Answer:
    """Fetch one again by its id."""
    asked = ask("refresh", instance_id)
    row = _one(asked, parse_id(rejected_id))
    if row.bigcommerce_id is None:
        raise Invalid({"_schema": [f"This record cannot be retried. {MEND_AND_REFRESH}"]})
    wanted = Wanted("ids", Parameters(ids=(row.bigcommerce_id,)))
    return accepted(asked, begin_refresh(asked, row.resource, wanted, requested_by=caller()))


def what_to_do(bigcommerce_id: int | None, reason_code: str | None = None) -> str:
    """About a record that was set aside."""
    if reason_code in QUARANTINE:
        return TRIED_AGAIN
    return MEND_AND_REFRESH if bigcommerce_id is None else MEND_AND_RETRY


def _one(asked: Asked, rejected_id: int) -> Row[Any]:
    table = asked.state.tables.rejected_records
    row = asked.session.execute(
        _records(table.c, with_payload=False).where(table.c.instance_id == asked.instance.id, table.c.id == rejected_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such rejected record of this BigCommerce integration instance.")
    return row


def _records(columns: Iterable[Column[Any]], *, with_payload: bool) -> Select[Any]:
    """Payloads may have a mebibyte each: read only where they are shown."""
    return select(*(column for column in columns if with_payload or column.name != "payload"))


def _record(row: Row[Any]) -> dict[str, Any]:
    answer = {
        "id": row.id,
        "refresh_id": row.refresh_id,
        "resource": row.resource,
        "bigcommerce_id": row.bigcommerce_id,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "what_to_do": what_to_do(row.bigcommerce_id, row.reason_code),
        "is_payload_cut": row.is_payload_cut,
        "created_at": moment_answer(row.created_at),
    }
    if "payload" in row._mapping:
        answer["payload"] = None if row.payload is None else bytes(row.payload).decode("utf-8", "replace")
    return answer
