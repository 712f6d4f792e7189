"""Stored documents as the engine keeps them, without a database: numbered, replaced, withdrawn, posted, released."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from bigcommerce_integration.accounting.document import Document
from bigcommerce_integration.accounting.documents import documents, prepared
from bigcommerce_integration.accounting.facts import Costs, Settings
from bigcommerce_integration.accounting.version import version

from .generated import OrderDraft


class Books:
    """The documents of one order."""

    def __init__(self) -> None:
        self.stored: list[Document] = []
        self._numbers = 0

    def read(self, draft: OrderDraft, settings: Settings, costs: Costs) -> None:
        """Make the documents anew, with those costs alone that were asked for."""
        order, refunds, returns = draft.facts(), draft.refunds, draft.returns
        wanted = prepared(order, refunds, returns, settings, self.stored).costs_wanted()
        known = {key: costs[key] for key in wanted if key in costs}
        found = documents(order, refunds, returns, settings, known, self.stored)
        posted = [each for each in self.stored if each.is_posted]
        unposted = {each.number for each in self.stored} - {each.number for each in posted}
        kept = [each.number for each in found if each.number is not None]
        assert len(kept) == len(set(kept))
        assert unposted.issuperset(kept)
        assert found == documents(order, refunds, returns, settings, costs, self.stored), "a cost was not asked for"
        self.stored = sorted((*posted, *(self._numbered(each) for each in found)), key=lambda each: each.number or 0)

    def _numbered(self, document: Document) -> Document:
        if document.number is not None:
            return document
        self._numbers += 1
        return replace(document, number=self._numbers)

    def post(self, random: Random) -> None:
        """Some of what is pending."""
        self.stored = [
            replace(each, status="posted") if each.status == "pending" and random.random() < 0.6 else each
            for each in self.stored
        ]

    def release(self, random: Random) -> None:
        """Some of what is held."""
        self.stored = [
            replace(each, released_version=version(each)) if each.status == "held" and random.random() < 0.5 else each
            for each in self.stored
        ]


def balance(document: Document) -> Decimal:
    """Debits less credits; what has no amount yet counts as nothing."""
    amounts = [each.amount if each.side == "debit" else -each.amount for each in document.lines if each.amount]
    return sum(amounts, Decimal())


def by_role(found: Iterable[Document]) -> dict[tuple[str, str, int | None], Decimal]:
    """Debits less credits by currency, role and order line; an order line counts for goods and sales alone."""
    sums: dict[tuple[str, str, int | None], Decimal] = {}
    for document in found:
        for line in document.lines:
            key = (document.currency_code, line.role, line.order_line_id)
            amount = line.amount or Decimal()
            sums[key] = sums.get(key, Decimal()) + (amount if line.side == "debit" else -amount)
    return {key: amount for key, amount in sums.items() if amount}


def pieces(found: Sequence[Document]) -> dict[int | None, int]:
    """Pieces out of stock by order line, as far as their cost is known."""
    sums: dict[int | None, int] = {}
    for document in found:
        for line in document.lines:
            if line.role == "inventory" and line.amount is not None:
                sign = 1 if line.side == "credit" else -1
                sums[line.order_line_id] = sums.get(line.order_line_id, 0) + sign * (line.quantity or 0)
    return {line: quantity for line, quantity in sums.items() if quantity}
