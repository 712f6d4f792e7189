"""Keep the books of one instance: bit by bit, each bit in one transaction with its progress.

What there is to do is found by comparing counters: the change numbers of orders and refunds with those that were read,
the ids of returns, and marks that a changed setting leaves. So a process that is killed leaves a whole bit done or
nothing of it, and any worker goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from ..accounting.basis.due import COMPLETED, DISPUTED, PARTIALLY_REFUNDED, REFUNDED, SHIPPED
from ..accounting.document import FULFILLMENT
from ..models import Tables
from ..refresh.job.lease import lease_of
from ..refresh.lifecycle.transitions import open_key
from ..resources.orders import ORDERS
from ..resources.refunds import REFUNDS
from .host.methods import HostMethods
from .ledger import Ledger, locked
from .making.batches import close_due
from .making.costs import with_known_costs
from .making.part import make
from .making.unsearched import unsearched
from .rules import Books

ORDERS_A_PART = 900
MAY_BE_DUE = (SHIPPED, COMPLETED, REFUNDED, DISPUTED, PARTIALLY_REFUNDED)
NOT_POSTED = ("pending", "waiting", "held", "disabled", "failed")


def keep(session: Session, books: Books, instance_id: int) -> bool:
    """Do the next bit of this instance's books; whether there may be more. The caller commits.

    False also if another transaction has the ledger. Raises ``HostRefused``.
    """
    ledger = locked(session, books.tables, instance_id)
    if ledger is None:
        return False
    keeper = _Keeper(ledger, books)
    # What a changed setting is about comes first: nothing is handed over until it is done.
    return next((True for step in keeper.steps() if step()), False)


@dataclass(frozen=True)
class _Keeper:
    """The steps, each of which says whether it has done something."""

    ledger: Ledger
    books: Books

    def steps(self) -> Sequence[Callable[[], bool]]:
        """In the order in which they are tried."""
        return (self._renew, self._orders, self._refunds, self._returns, self._ask_costs, self._costs, self._close)

    @property
    def _session(self) -> Session:
        return self.ledger.session

    @property
    def _tables(self) -> Tables:
        return self.books.tables

    @property
    def _has_refunds(self) -> bool:
        """Whether the app mirrors them."""
        return REFUNDS.name in self._tables.mirror

    # -- anew ------------------------------------------------------------------------------------------------

    def _renew(self) -> bool:
        """All that is not posted, as settings have changed."""
        begin: int | None = self.ledger.row.renew_from
        if begin is None:
            return False
        return self._anew("renew_from", begin, self._tables.accounting_documents.c.status.in_(NOT_POSTED))

    def _ask_costs(self) -> bool:
        """Begin to ask again for the costs that were missing, once for each refresh of the orders that has ended."""
        asked_at, ended_at = self.ledger.row.costs_asked_at, self._refreshed_at()
        if ended_at is None or (asked_at is not None and ended_at <= asked_at):
            return False
        self._save(costs_from=1, costs_asked_at=ended_at)
        return True

    def _refreshed_at(self) -> datetime | None:
        """When a refresh of the orders was last completed."""
        refreshes = self._tables.refreshes
        which = (
            refreshes.c.instance_id == self.ledger.instance.id,
            refreshes.c.resource == ORDERS.name,
            refreshes.c.status == "completed",
        )
        ended_at: datetime | None = self._session.scalar(select(func.max(refreshes.c.finished_at)).where(*which))
        return ended_at

    def _costs(self) -> bool:
        begin: int | None = self.ledger.row.costs_from
        if begin is None:
            return False
        documents = self._tables.accounting_documents
        which = (documents.c.kind == FULFILLMENT, documents.c.status == "waiting")
        host = HostMethods(self._session, self.books.host, self.ledger.instance)
        return self._anew(
            "costs_from",
            begin,
            and_(*which, documents.c.reasons.like("%cost_missing%")),
            only=partial(with_known_costs, self.ledger, host),
        )

    def _anew(
        self,
        mark: str,
        begin: int,
        which: ColumnElement[bool],
        only: Callable[[Sequence[Row[Any]]], Set[int]] | None = None,
    ) -> bool:
        """The documents of orders that have one like this from ``begin`` on; ``mark`` says how far that is done.

        ``only`` gives the orders among them that are worth it, if not all are.
        """
        table = self._tables.accounting_documents
        mine = (table.c.instance_id == self.ledger.instance.id, table.c.number >= begin, which)
        columns = [table.c.number, table.c.bigcommerce_order_id]
        columns += [] if only is None else [table.c.date, table.c.lines]
        wanted = select(*columns).where(*mine).order_by(table.c.number).limit(ORDERS_A_PART)
        rows = self._session.execute(wanted).all()
        done = self._make([row[1] for row in rows], None if only is None else only(rows))
        if done == len(rows) and len(rows) < ORDERS_A_PART:
            self._save(**{mark: None})
            return True
        self._save(**{mark: rows[done][0] if done < len(rows) else rows[-1][0] + 1})
        return done > 0

    # -- what was read since ---------------------------------------------------------------------------------

    def _orders(self) -> bool:
        table, row = self._tables.orders, self.ledger.row
        first: dict[str, Any] = {}
        if row.orders_read == 0:
            # All orders that are stored will be made, with their refunds, and their costs are asked.
            first["costs_asked_at"] = self._refreshed_at()
            if self._has_refunds:
                first["refunds_read"] = max(row.refunds_read, self._written(REFUNDS.name))
        return self._is_read(
            "orders_read",
            ORDERS.name,
            table,
            table.c.bigcommerce_id,
            which=_may_have_documents(self._tables),
            first=first,
        )

    def _refunds(self) -> bool:
        if not self._has_refunds:
            return False
        table = self._tables.refunds
        return self._is_read("refunds_read", REFUNDS.name, table, table.c.bigcommerce_order_id)

    def _written(self, resource: str) -> int:
        """The highest change number that the collection's rows have."""
        number = select(self._tables.leases.c.change_number).where(
            *lease_of(self._tables, self.ledger.instance.id, resource)
        )
        return self._session.scalar(number) or 0

    def _is_read(
        self,
        mark: str,
        resource: str,
        table: Table,
        order_id: Any,
        *,
        which: ColumnElement[bool] | None = None,
        first: Mapping[str, Any] | None = None,
    ) -> bool:
        """The orders of the next changed rows, of those that are worth it (``which``).

        ``mark`` is the change number up to which they were read; ``first`` is noted with it.
        """
        read_up_to: int = getattr(self.ledger.row, mark)
        # Before the rows are: all that have a number up to this are to be seen.
        written_up_to = self._written(resource)
        if written_up_to <= read_up_to or self._is_being_refreshed():
            return False
        changed = table.c.change_number
        mine = [table.c.instance_id == self.ledger.instance.id, changed > read_up_to]
        if which is not None:
            mine.append(which)
        wanted = select(changed, order_id).where(*mine).order_by(changed).limit(ORDERS_A_PART)
        rows: list[tuple[int, int]] = [(row[0], row[1]) for row in self._session.execute(wanted)]
        done = self._make([each for _, each in rows])
        if done < len(rows):
            read_up_to = rows[done - 1][0] if done else read_up_to
        else:
            last = rows[-1][0] if rows else 0
            # The numbers behind it are those of lines.
            read_up_to = last if len(rows) == ORDERS_A_PART else max(last, written_up_to)
        self._save(**{mark: read_up_to}, **(first or {}))
        return done > 0 or not rows

    def _is_being_refreshed(self) -> bool:
        """Whether orders, or the refunds that follow them, are still being read: they are looked at together."""
        refreshes, leases, instance_id = self._tables.refreshes, self._tables.leases, self.ledger.instance.id
        followers = [REFUNDS.name] if self._has_refunds else []
        keys = [open_key(instance_id, each) for each in (ORDERS.name, *followers)]
        is_open = exists().where(refreshes.c.open_key.in_(keys))
        known = select(func.count()).where(leases.c.instance_id == instance_id, leases.c.resource.in_(followers))
        row = self._session.execute(select(is_open.label("is_open"), known.scalar_subquery().label("known"))).one()
        # Refunds have never been asked for: they will be, unless old workers are still about.
        return bool(row.is_open) or row.known < len(followers)

    def _returns(self) -> bool:
        table = self._tables.returns
        mine = (table.c.instance_id == self.ledger.instance.id, table.c.id > self.ledger.row.returns_read)
        wanted = select(table.c.id, table.c.bigcommerce_order_id).where(*mine)
        rows = self._session.execute(wanted.order_by(table.c.id).limit(ORDERS_A_PART)).all()
        done = self._make([each for _, each in rows])
        if done:
            self._save(returns_read=rows[done - 1][0])
        return done > 0

    # -- batches ---------------------------------------------------------------------------------------------

    def _close(self) -> bool:
        """Nothing else is left to be done here: what is read is made, unless a refresh is under way."""
        closed = close_due(
            self.ledger,
            self.books.rules,
            overlap_s=self.books.config.overlap_s,
            are_all_read=not self._is_being_refreshed(),
        )
        self._save(**({"message": None, "next_try_at": None} if self.ledger.row.message is not None else {}))
        return closed > 0

    def _make(self, order_ids: Sequence[int], only: Set[int] | None = None) -> int:
        """The documents of these orders, some of which may be there twice; of how many of the places they are made.

        Those that are not in ``only``, if it is given, need none.
        """
        unique = [each for each in dict.fromkeys(order_ids) if only is None or each in only]
        if not unique:
            return len(order_ids)
        with unsearched():
            made = make(self.ledger, self.books, unique).count
        waiting = set(unique[made:])
        return next((place for place, each in enumerate(order_ids) if each in waiting), len(order_ids))

    def _save(self, **values: Any) -> None:
        self.ledger.save(**values)


def _may_have_documents(tables: Tables) -> ColumnElement[bool]:
    """Whether an order's row can have a document, so that what cannot costs next to nothing.

    It has one already, some of it has left, or was refunded, or came back.
    """
    orders = tables.orders

    def has(table: Table, *more: ColumnElement[bool]) -> ColumnElement[bool]:
        order_id = table.c.bigcommerce_order_id
        mine = (table.c.instance_id == orders.c.instance_id, order_id == orders.c.bigcommerce_id)
        return exists().where(*mine, *more)

    lines = tables.order_lines
    return or_(
        orders.c.status_id.in_(MAY_BE_DUE),
        has(tables.accounting_documents),
        has(lines, lines.c.quantity_shipped > 0),
        has(tables.returns),
        *((has(tables.refunds),) if REFUNDS.name in tables.mirror else ()),
    )
