"""The job that makes the products."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ... import history
from ...errors import Invalid
from ...models import Tables
from ...refresh.linking.creation import start_creation
from ...resources.products import VARIANTS
from ..context import RequestContext
from ..queries import RefreshView
from ..refreshes import HINT_AFTER_S, start_beside
from .selection import ACTION, Selection, selected


def create_products(context: RequestContext, selection: Selection) -> RefreshView:
    """The job that makes the products, a refresh with the mode ``create``, committed; a worker does it.

    For the variants that are meant now: what comes later is not. ``Invalid`` if there are none, or too many.
    """
    context.require(ACTION)
    ids = selected(context, selection)
    if not ids:
        raise Invalid({"_schema": ["There is no variant without a link that is meant."]})

    def work(session: Session, tables: Tables) -> int:
        refresh_id = start_creation(
            session,
            tables,
            instance_id=context.instance.id,
            ids=ids,
            hint_after_s=HINT_AFTER_S,
            requested_by=context.name,
        )
        changes = {VARIANTS.name: len(ids), "refresh": refresh_id}
        history.record(session, tables, context.instance.id, ACTION, done_by=context.name, changes=changes)
        return refresh_id

    return start_beside(context, work)
