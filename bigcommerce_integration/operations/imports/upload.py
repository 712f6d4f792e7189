"""Store an uploaded file; the rows of a short one get their verdicts at once."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import insert

from ... import history
from ...models import db_now
from ...resources.values import storable
from ...spreadsheets.imports import ROWS_A_PART, advance_part, packed
from ...spreadsheets.reading import decoded, sheet_of
from ..context import RequestContext
from ..transactions import QUICK_TRY_S, commit, undone_by_errors
from .views import ImportView, find_import

MAX_BYTES = 5 * 1024 * 1024


def upload(context: RequestContext, data: bytes) -> ImportView:
    """Take a CSV file of at most ``MAX_BYTES`` (the caller has looked) and 50,000 rows. Commits.

    Its key is the column ``variant_id``; a person has filled in ``host_sku`` or ``decision`` (see ``spreadsheets``).
    Up to a thousand rows that decide something have their verdicts at once; of more, a worker gives them theirs.
    ``MalformedBody`` names the line that is no text or no CSV, ``Invalid`` says what the file lacks.
    """
    text = decoded(data)
    sheet = sheet_of(text)
    session, tables, instance = context.session, context.state.tables, context.instance
    values = {
        "instance_id": instance.id,
        "status": "checking",
        "uploaded_by": context.name,
        "rows_count": sheet.rows,
        "touched_count": len(sheet.touched),
        "columns": json.dumps([storable(name) for name in sheet.columns]),
        "content": packed(text),
    }

    def work() -> int:
        # What the host has pending fails here as its own error, not below as ours.
        session.flush()
        with undone_by_errors(session):
            new = insert(tables.link_imports).values(**values, created_at=db_now(), changed_at=db_now())
            result: Any = session.execute(new)
            import_id: int = result.inserted_primary_key[0]
            changes = {"import": import_id, "rows": sheet.rows, "decisions": len(sheet.touched)}
            history.record(session, tables, instance.id, "import_upload", done_by=context.name, changes=changes)
            if len(sheet.touched) <= ROWS_A_PART:
                advance_part(session, tables, context.state.host, instance, import_id)
            return import_id

    return find_import(context, commit(session, work, try_for_s=QUICK_TRY_S))
