"""Release a document that is held: a person has looked at it."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .. import history
from ..accounting.document import Document
from ..errors import Conflict, NotFound, VersionMismatch
from .ledger import awaited
from .making.part import make
from .rules import Books
from .stored import document_of, key_reader

_CHANGED = "The document was changed since you read it. Read it again and decide anew."


def release(
    session: Session, books: Books, instance_id: int, number: int, *, version: str | None, by: str | None
) -> Document:
    """Release the held document of this number in the version that the person has seen (None: whichever it is).

    The document as it is now: pending, or disabled where a flag is off. Its order's other documents are made anew too,
    as one may be held for the sake of this. ``NotFound`` without one, ``Conflict`` if it is not held,
    ``VersionMismatch`` if it is another version by now, ``HostRefused`` for what the host raises when it is asked for
    codes or costs. It must be the first of its transaction (see ``ledger.awaited``); the caller commits.
    """
    ledger = awaited(session, books.tables, instance_id)
    table = books.tables.accounting_documents
    which = (table.c.instance_id == instance_id, table.c.number == number)
    row = session.execute(select(table).where(*which)).one_or_none()
    if ledger is None or row is None:
        raise NotFound(f"There is no accounting document {number}.")
    held = books.rules.version(document_of(row, key_reader(session, books.tables)))
    if version is not None and version != held:
        raise VersionMismatch(_CHANGED)
    if row.status != "held":
        raise Conflict(f"The document {number} is {row.status}; only one that is held is released.", refresh_id=None)
    with session.begin_nested():
        session.execute(update(table).where(*which).values(released_version=held))
        made = make(ledger, books, [row.bigcommerce_order_id])
        if not made.count:
            raise Conflict("A document of the same order is being handed over at this moment.", refresh_id=None)
        released = next((each for each in made.documents if each.number == number), None)
        if released is None or released.status == "held":
            raise VersionMismatch(_CHANGED)
    ledger.save()
    changes = {"document": number, "order": row.bigcommerce_order_id, "reasons": row.reasons.split()}
    history.record(session, books.tables, instance_id, "release", done_by=by, changes=changes)
    return released
