"""What a collection may do of its own: methods that do what most collections want, which is nothing.

A collection that has something of its own has a subclass, in the file of its name in ``refresh/run``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, Table, true
from sqlalchemy.orm import Session

from ...models import Tables
from ...resources.base import Child, Resource
from ...resources.mapping import Mapped, Mapper
from ..job.checkpoint import Phase
from .page import MappedPage
from .rows import PageTransaction

if TYPE_CHECKING:
    from ..read.slice import Slice

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class ChildDiff:
    """The children, of one kind, of a page's changed records beside the stored rows.

    ``owner_ids`` are the records, ``new`` are about to be inserted. ``differing`` are stored with other columns,
    ``changed`` those of them that the page may write. ``lacking`` are stored rows of records all of whose children
    came, and this one did not.
    """

    owner_ids: Set[int]
    new: Sequence[Columns]
    differing: Sequence[tuple[Columns, Row[Any]]]
    changed: Sequence[tuple[Columns, Row[Any]]]
    lacking: Sequence[Row[Any]]


@dataclass(frozen=True)
class ChildColumns:
    """More columns for new children, by their id, and ``default`` for those that are not there.

    ``touched`` are the ids of further records that the host is to be notified of; ``counts`` go into the results.
    """

    of_new: Mapping[int, Columns] = field(default_factory=dict)
    default: Columns = field(default_factory=dict)
    touched: frozenset[int] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)


class PageSink:
    """Where a page goes once it holds all that its rows need."""

    takes_parts = False

    def store(self, page: MappedPage) -> None:
        """Store the page, or what is left of it."""
        raise NotImplementedError

    def store_part(self, lower: MappedPage) -> None:
        """Store the low end of the page, as the rest has to wait; only where it ``takes_parts``."""
        raise NotImplementedError


class Behaviour:
    """One collection's; the same object serves all threads, so it keeps nothing."""

    # Columns of a stored row, beyond those that every page reads, for ``update_columns`` and ``child_columns``.
    stored_columns: Sequence[str] = ()
    child_stored_columns: Sequence[str] = ()
    # What follows the walk, and the search for what is gone.
    after_walk: Phase = "finish"
    # Of these and this one the last to end asks whether all ``is_complete``.
    completes_with: Sequence[str] = ()

    # -- a page ----------------------------------------------------------------------------------------------

    def is_wanted(self, record: Mapped, since: datetime | None) -> bool:  # noqa: ARG002
        """Whether the record is stored at all, with the begin of the instance's start date; else it is skipped."""
        return True

    def may_insert(self, tx: PageTransaction, new: Sequence[Mapped], since: datetime | None) -> Mapping[int, Columns]:  # noqa: ARG002
        """Which of the records that are not stored yet go in, by id, each with more columns."""
        return {record.id: {} for record in new}

    def update_columns(self, record: Mapped, row: Row[Any], since: datetime | None) -> Columns:  # noqa: ARG002
        """More columns for a row that the record changes."""
        return {}

    def stored_hash(self, record: Mapped, page: MappedPage) -> str:  # noqa: ARG002
        """The content hash to store; ``NO_HASH`` has the next answer written as a change, whatever it holds."""
        return record.content_hash

    def is_child_deleted(self, child: Child, row: Row[Any], page: MappedPage) -> bool:  # noqa: ARG002
        """Whether a stored child that its record's answer lacks is deleted; else its record is invalidated."""
        return True

    def child_columns(self, tx: PageTransaction, child: Child, diff: ChildDiff) -> ChildColumns:  # noqa: ARG002
        """More columns for new children: a later UPDATE would double the writes."""
        return ChildColumns()

    def after_page(self, tx: PageTransaction, page: MappedPage) -> None:
        """In the transaction of a page of the walk, once its rows are written."""

    def released(self, tx: PageTransaction, record_id: int) -> None:
        """A record that was in quarantine is stored."""

    def before_write(self, slice_: Slice, page: MappedPage, sink: PageSink) -> None:  # noqa: ARG002
        """Store the page once it holds all that its rows need, which may have to be asked for."""
        sink.store(page)

    # -- a reconciliation ------------------------------------------------------------------------------------

    def child_differences(self, tx: PageTransaction, child: Child, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:  # noqa: ARG002
        """Columns that are not read from the store and should be others, of stored children by id."""
        return {}

    def amount(self, columns: Columns) -> tuple[datetime, str, Decimal] | None:  # noqa: ARG002
        """What a record adds to the totals: when, in which currency, how much; None is nothing."""
        return None

    # -- the refresh -----------------------------------------------------------------------------------------

    def phases(self) -> Mapping[Phase, Callable[[Slice], None]]:
        """What does the phases that are its own."""
        return {}

    def is_complete(self, session: Session, tables: Tables, instance_id: int) -> bool:  # noqa: ARG002
        """Whether nothing is left to be fetched; else the phase ``referenced`` follows."""
        return True

    def is_surely_complete(self, tables: Tables, instance_id: Any) -> ColumnElement[bool]:  # noqa: ARG002
        """The condition, part of another statement, that spares the question whether it ``is_complete``."""
        return true()

    def settings_changed(self, columns: Columns) -> Columns:  # noqa: ARG002
        """Values for the collection's lease when these columns of the instance get these new values."""
        return {}


class MadeSinceStart(Behaviour):
    """A record that was made before the start date is in books that were closed: it is left out."""

    def is_wanted(self, record: Mapped, since: datetime | None) -> bool:
        """Whether it was made since then, as far as it tells."""
        created = record.columns.get("date_created")
        return since is None or created is None or created >= since


@dataclass(frozen=True, eq=False)
class Collection:
    """One collection of the app's registry."""

    resource: Resource
    mapper: Mapper
    behaviour: Behaviour

    @property
    def name(self) -> str:
        """By which it is known everywhere."""
        return self.resource.name

    def table(self, tables: Tables) -> Table:
        """That of its records."""
        return tables.mirror[self.resource.name]
