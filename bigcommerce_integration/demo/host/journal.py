"""The company's books: a small journal that takes what the plugin hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import bigcommerce_integration as bigcommerce

Posting = bigcommerce.AccountingDocument | bigcommerce.AccountingBatch
# The made-up store's orders are older than the demo, and all of them shall be seen in the books.
_BOOKS_BEGIN = date(2000, 1, 1)
_COST = (Decimal("4.20"), "USD")


@dataclass(frozen=True)
class Balance:
    """All debits and credits of one currency, and how many postings they are of."""

    currency_code: str
    postings: int
    debits: Decimal
    credits: Decimal

    @property
    def is_even(self) -> bool:
        """Whether they are the same."""
        return self.debits == self.credits


class JournalHost(bigcommerce.SQLAlchemyHost):
    """Writes each posting into its journal, a row for each line: ``journal`` is the model of these rows."""

    def __init__(self, *, journal: Any, **models: Any) -> None:
        super().__init__(**models)
        self._journal = journal

    def post_accounting(self, session: Session, instance: bigcommerce.IntegrationInstance, posting: Posting) -> str:
        """Post it; its reference is the name of the document or batch, which is unique."""
        kind = "batch" if isinstance(posting, bigcommerce.AccountingBatch) else "document"
        reference = f"{instance.id}-{kind}-{posting.number}"
        session.add_all(
            self._journal(
                posting=reference,
                date=posting.date,
                account=str(line.nominal_code_id or line.role),
                currency_code=posting.currency_code,
                debit=line.amount if line.side == "debit" else Decimal(0),
                credit=line.amount if line.side == "credit" else Decimal(0),
            )
            for line in posting.lines
        )
        return reference

    def accounting_start(self, session: Session, instance: bigcommerce.IntegrationInstance, kind: str) -> date:  # noqa: ARG002
        """From the first order on."""
        return _BOOKS_BEGIN

    def default_batch_period(self, kind: str) -> Literal["monthly"]:  # noqa: ARG002
        """Goods are booked once a month."""
        return "monthly"

    def unit_costs(
        self,
        session: Session,  # noqa: ARG002
        instance: bigcommerce.IntegrationInstance,  # noqa: ARG002
        host_product_ids: Sequence[Any],
        on: date,  # noqa: ARG002
    ) -> Mapping[Any, tuple[Decimal, str]]:
        """This company pays the same for everything."""
        return dict.fromkeys(host_product_ids, _COST)


def trial_balance(session: Session, journal: Any) -> list[Balance]:
    """By currency; the numbers of SQLite are rounded to four decimals, as it adds them up as floating point."""
    sums = (
        select(
            journal.currency_code,
            func.count(journal.posting.distinct()),
            func.sum(journal.debit),
            func.sum(journal.credit),
        )
        .group_by(journal.currency_code)
        .order_by(journal.currency_code)
    )
    return [
        Balance(code, postings, round(Decimal(debits), 4), round(Decimal(credits_), 4))
        for code, postings, debits, credits_ in session.execute(sums)
    ]
