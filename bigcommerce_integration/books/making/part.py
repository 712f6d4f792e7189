"""The documents of some orders, made anew in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from ...accounting.basis.due import day_of
from ...accounting.document import KINDS, Document
from ...accounting.facts import Settings
from ...refresh.job.parameters import MOST_IDS, Parameters
from ...refresh.lifecycle.transitions import start
from ...refresh.write.rows import chunks
from ...resources.orders import ORDERS
from ..host.methods import HostMethods
from ..ledger import Ledger
from ..rules import Books
from .batches import OpenBatches
from .costs import costs_of
from .facts import Facts, facts_of
from .storing import Booked, Differences, booked_documents


@dataclass(frozen=True)
class Made:
    """``count`` is of how many of the orders, from the first on, documents were made: the next one has to wait.

    ``documents`` are those of the orders that are not posted, as they are now.
    """

    count: int
    documents: Sequence[Document]


def make(ledger: Ledger, books: Books, order_ids: Sequence[int]) -> Made:
    """Make the documents of these orders, each once, as they shall be now; the ledger's counters are not saved.

    Raises ``HostRefused``. The caller commits.
    """
    host = HostMethods(ledger.session, books.host, ledger.instance)
    batches = OpenBatches.of(ledger, host)
    booked, busy = booked_documents(ledger, order_ids, batches.numbers)
    count = next((place for place, each in enumerate(order_ids) if each in busy), len(order_ids))
    facts = facts_of(ledger, host, order_ids[:count])
    settings = settings_of(ledger, books, host)
    wanted = _documents(ledger, books, host, settings, [(each, booked[each.order.id]) for each in facts])
    differences = Differences(ledger, host, batches)
    without_fees: list[int] = []
    made: list[Document] = []
    for each, documents in zip(facts, wanted, strict=True):
        its = booked[each.order.id]
        if documents and not its and _may_have_fees(ledger, each):
            without_fees.append(each.order.id)
        else:
            differences.add(its, documents)
            made += documents
    differences.write()
    for ids in chunks(without_fees, MOST_IDS):
        start(
            ledger.session,
            ledger.tables,
            instance_id=ledger.instance.id,
            resource=ORDERS.name,
            mode="ids",
            parameters=Parameters(ids=tuple(ids)),
        )
    return Made(count, made)


def _may_have_fees(ledger: Ledger, facts: Facts) -> bool:
    """Whether it was read before fees were asked for; once it is read again, its change number is higher."""
    return facts.lacks_fees and facts.change_number <= ledger.row.without_fees_up_to


def _documents(
    ledger: Ledger,
    books: Books,
    host: HostMethods,
    settings: Settings,
    orders: Sequence[tuple[Facts, Sequence[Booked]]],
) -> list[tuple[Document, ...]]:
    """What the rules say of each order."""
    prepared = [
        books.rules.prepared(
            each.order,
            each.refunds,
            each.returns,
            replace(settings, today=day_of(each.read_at, ledger.zone)),
            tuple(one.seen for one in booked),
        )
        for each, booked in orders
    ]
    asked: set[tuple[date, Any]] = set()
    if host.knows_costs:
        asked.update(*(each.costs_wanted() for each in prepared))
    costs = costs_of(host, asked)
    return [each.documents(costs) for each in prepared]


def settings_of(ledger: Ledger, books: Books, host: HostMethods) -> Settings:
    """What the instance and the host have decided by now."""
    instance, row = ledger.instance, ledger.row
    first = max(day_of(instance.created_at, ledger.zone), row.started_on)
    return Settings(
        zone=ledger.zone,
        today=ledger.today,
        starts={kind: host.accounting_start(kind) or first for kind in KINDS},
        syncs_invoices=instance.sync_sales_order_invoices_to_accounting,
        syncs_credits=instance.sync_sales_credit_to_accounting,
        invoices_from=row.invoices_from,
        credits_from=row.credits_from,
        marketplace_percentage=_percentage(instance.proforma_marketplace_cost_percentage),
        payment_percentage=_percentage(instance.proforma_payment_cost_percentage),
        refund_returns_goods=books.config.refund_returns_goods,
    )


def _percentage(stored: float | None) -> Decimal | None:
    """By its shortest text, as it was given: 2.9 stays 2.9."""
    return None if stored is None else Decimal(repr(stored))
