"""Rejected records, and what a person can do about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, exists, func, select

from ...errors import Invalid, NotFound
from ...refresh.job.parameters import Parameters
from ...refresh.write.page import QUARANTINE
from ..context import RequestContext
from ..queries import RefreshView
from ..refreshes import start_refresh
from .paging import Wanted, page_after

MEND_AND_RETRY = "If the record is wrong in the store, mend it there; then retry: it is fetched again by its id."
MEND_AND_REFRESH = (
    "It has no id by which it could be fetched again: find it in the store's control panel by its payload and mend it "
    "there; the next refresh that comes by reads it."
)
TRIED_AGAIN = (
    "Nothing at first: later refreshes try it again by themselves, and so does a retry. Should it stay, find out what "
    "ends the worker at this record: its memory, the host's own code, or the error that the reason names."
)


def list_rejected(
    context: RequestContext, *, page: int, per_page: int, with_payload: bool = False, **filters: str
) -> tuple[Sequence[Row[Any]], int]:
    """One page of the records that could not be stored, the newest first, and how many there are.

    ``filters`` are by column: ``resource``, ``reason_code``. ``Forbidden`` without the permissions of the collections
    whose records they may be.
    """
    table = context.state.tables.rejected_records
    mine = _permitted(context, filters, with_payload=with_payload)
    total = context.session.scalar(select(func.count()).select_from(table).where(*mine)) or 0
    wanted = _records(table.c, with_payload=with_payload).where(*mine).order_by(table.c.id.desc())
    rows = context.session.execute(wanted.limit(per_page).offset((page - 1) * per_page)).all()
    return rows, total


def rejected_after(context: RequestContext, query: Mapping[str, Any]) -> tuple[Sequence[Row[Any]], str | None]:
    """The same without payloads and not counted, by cursor: as ``paging.page_after``, with the filters beside it.

    Each record once, as it was rejected last.
    """
    table = context.state.tables.rejected_records
    later = table.alias()
    is_repeated = exists().where(
        later.c.instance_id == table.c.instance_id,
        later.c.resource == table.c.resource,
        later.c.bigcommerce_id == table.c.bigcommerce_id,
        later.c.id > table.c.id,
    )
    filters = {name: query[name] for name in ("resource", "reason_code") if name in query}
    mine, *also = _permitted(context, filters, with_payload=False)
    wanted = Wanted(table, [mine], [table.c.id], ("instance_id", "id"), [*also, ~is_repeated], is_descending=True)
    return page_after(context, wanted, [column for column in table.c if column.name != "payload"], query)


def every_rejected(
    context: RequestContext, limit: int, with_payload: bool, filters: Mapping[str, str]
) -> Iterator[Sequence[Row[Any]]]:
    """All that ``list_rejected`` has, the newest first, ``limit`` at a time; ``Forbidden`` at the call."""
    table = context.state.tables.rejected_records
    wanted = _records(table.c, with_payload=with_payload).order_by(table.c.id.desc()).limit(limit)
    mine = _permitted(context, filters, with_payload=with_payload)

    def pages() -> Iterator[Sequence[Row[Any]]]:
        rest: list[ColumnElement[bool]] = []
        while rows := context.session.execute(wanted.where(*mine, *rest)).all():
            yield rows
            rest = [table.c.id < rows[-1].id]

    return pages()


def _permitted(context: RequestContext, filters: Mapping[str, str], *, with_payload: bool) -> list[ColumnElement[bool]]:
    """The conditions of these filters; ``Forbidden`` without the permissions of all collections that they may be of."""
    registry = context.state.tables.registry
    for each in [registry[filters["resource"]]] if "resource" in filters else registry.read:
        context.require(each.permission)
        if with_payload and each.payload_permission is not None:
            context.require(each.payload_permission)
    table = context.state.tables.rejected_records
    return [table.c.instance_id == context.instance.id, *(table.c[name] == value for name, value in filters.items())]


def find_rejected(context: RequestContext, rejected_id: int, *, with_payload: bool) -> Row[Any]:
    """One of them, with the text that the store sent; ``NotFound``, and ``Forbidden`` as of the list."""
    row = _one(context, rejected_id, with_payload=with_payload)
    _permitted(context, {"resource": row.resource}, with_payload=with_payload)
    return row


def retry_rejected(context: RequestContext, rejected_id: int) -> RefreshView:
    """The refresh that fetches a rejected record again by its id."""
    row = _one(context, rejected_id)
    if row.bigcommerce_id is None:
        raise Invalid({"_schema": [f"This record cannot be retried. {MEND_AND_REFRESH}"]})
    return start_refresh(context, row.resource, "ids", Parameters(ids=(row.bigcommerce_id,)))


def what_to_do(bigcommerce_id: int | None, reason_code: str | None = None) -> str:
    """What a person can do about a rejected record."""
    if reason_code in QUARANTINE:
        return TRIED_AGAIN
    return MEND_AND_REFRESH if bigcommerce_id is None else MEND_AND_RETRY


def _one(context: RequestContext, rejected_id: int, *, with_payload: bool = False) -> Row[Any]:
    table = context.state.tables.rejected_records
    row = context.session.execute(
        _records(table.c, with_payload=with_payload).where(
            table.c.instance_id == context.instance.id, table.c.id == rejected_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such rejected record of this BigCommerce integration instance.")
    return row


def _records(columns: Iterable[Column[Any]], *, with_payload: bool) -> Select[Any]:
    """Payloads may have a mebibyte each: read only where they are shown."""
    return select(*(column for column in columns if with_payload or column.name != "payload"))
