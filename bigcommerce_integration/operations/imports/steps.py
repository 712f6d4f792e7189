"""Let a worker apply the good rows of an import, or undo what it has applied."""

from __future__ import annotations

from sqlalchemy import func, select, update

from ... import history
from ...errors import Conflict
from ...models import db_now
from ..context import RequestContext
from ..transactions import QUICK_TRY_S, commit
from .views import NOT_KEPT, ImportView, find_import


def apply_import(context: RequestContext, import_id: int) -> ImportView:
    """Let a worker link the variants of the good rows. Commits. ``NotFound``, ``Conflict``."""
    return _begin(context, import_id, "applying", "good", ("ready", "failed"))


def undo_import(context: RequestContext, import_id: int) -> ImportView:
    """Let a worker give the variants back the links that the import has replaced. Commits. As ``apply_import``."""
    return _begin(context, import_id, "undoing", "applied", ("applied", "failed"))


def _begin(context: RequestContext, import_id: int, status: str, verdict: str, allowed: tuple[str, ...]) -> ImportView:
    session, tables = context.session, context.state.tables
    imports, rows = tables.link_imports, tables.link_import_rows
    which = (imports.c.id == import_id, imports.c.instance_id == context.instance.id)
    by = {"applying": "applied_by", "undoing": "undone_by"}[status]
    action = {"applying": "import_apply", "undoing": "import_undo"}[status]

    def work() -> None:
        session.execute(select(imports.c.id).where(*which).with_for_update())
        found = find_import(context, import_id).row
        count = session.scalar(
            select(func.count()).select_from(rows).where(rows.c.import_id == import_id, rows.c.verdict == verdict)
        )
        if found.pruned_at is not None:
            raise _conflict(NOT_KEPT)
        if found.status not in allowed or found.has_file:
            raise _conflict(f"This import is {found.status}: that cannot be done now.")
        if not count:
            raise _conflict(f"No row of this import is {verdict}.")
        values = {"status": status, by: context.name, "message": None, "changed_at": db_now()}
        begun = update(imports).where(*which, imports.c.status == found.status).values(values)
        if session.execute(begun).rowcount != 1:  # type: ignore[attr-defined]
            raise _conflict("Somebody else was quicker: look at the import again.")
        changes = {"import": import_id, "rows": count}
        history.record(session, tables, context.instance.id, action, done_by=context.name, changes=changes)

    commit(session, work, try_for_s=QUICK_TRY_S)
    return find_import(context, import_id)


def _conflict(message: str) -> Conflict:
    return Conflict(message, refresh_id=None)
