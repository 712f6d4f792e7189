"""Costs that are estimated by percentages of the instance, for reports of profitability: outside the balance."""

from __future__ import annotations

from decimal import Decimal

from ..basis.amounts import in_units, of_units
from ..facts import Settings
from ..postings import AccountingMemo


def memo_lines(settings: Settings, net: int, total: int, digits: int) -> tuple[AccountingMemo, ...]:
    """The marketplace's percentage of the net and the payment's of the total, both in minor units.

    Below 0 where these are: of a credit, and of an adjustment that lowers. What comes to 0 is left out.
    """
    if settings.marketplace_percentage is None and settings.payment_percentage is None:
        return ()
    made = (
        AccountingMemo("marketplace_cost", *_share(settings.marketplace_percentage, net, digits)),
        AccountingMemo("payment_cost", *_share(settings.payment_percentage, total, digits)),
    )
    return tuple(each for each in made if each.amount)


def _share(percentage: Decimal | None, units: int, digits: int) -> tuple[Decimal, Decimal]:
    percent = percentage or Decimal()
    return percent, of_units(in_units(of_units(units, digits) * percent / 100, digits), digits)
