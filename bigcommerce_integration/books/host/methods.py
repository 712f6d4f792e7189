"""The host's optional methods about accounting, with the plugin's own answer where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from ...accounting.document import FULFILLMENT, RETURN, Line
from ...errors import HostRefused
from ...host.port import Host
from ...models.instances import NOMINAL_CODES, IntegrationInstance
from ...models.product_key import Key, in_order
from ...refresh.write.host_calls import calling_host
from .postings import posting_line

BATCH_PERIODS = ("daily", "monthly", "none")
_SETTING: Mapping[str, str] = {
    FULFILLMENT: "batch_period_sales_order_fulfillments",
    RETURN: "batch_period_customer_returns",
}
_SUFFIX = "_nominal_code_id"


@dataclass(frozen=True)
class HostMethods:
    """What the host says about one instance, in one transaction; ``HostRefused`` for what it raises, and for nonsense.

    A host without a method, or one that returns None, has the default.
    """

    session: Session
    host: Host
    instance: IntegrationInstance

    @cached_property
    def codes(self) -> Mapping[str, int | None]:
        """The instance's nominal codes by role; a role that is not in it has none."""
        return {name.removesuffix(_SUFFIX): getattr(self.instance, name) for name in NOMINAL_CODES}

    @cached_property
    def decides_codes(self) -> bool:
        """Whether the host may have nominal codes of its own."""
        return self._has("nominal_code")

    @cached_property
    def has_codes(self) -> bool:
        """Whether any line can have a nominal code."""
        return self.decides_codes or any(code is not None for code in self.codes.values())

    def nominal_code(self, line: Line) -> int | None:
        """The nominal code of a line whose amount is known."""
        default = self.codes.get(line.role)
        if not self.decides_codes or line.amount is None:
            return default
        with calling_host("nominal_code"):
            said: Any = self.host.nominal_code(self.session, self.instance, line.role, posting_line(line))
        if said is None:
            return default
        if type(said) is not int:
            raise _nonsense("nominal_code", said, "the id of a nominal code or None")
        return said

    @cached_property
    def knows_costs(self) -> bool:
        """Whether the host may know what its products cost."""
        return self._has("unit_costs")

    def unit_costs(self, keys: Sequence[Key], on: date) -> Mapping[Key, tuple[Decimal, str]]:
        """What one piece of each of these products of the host costs on this day, for those whose cost it knows."""
        if not keys or not self.knows_costs:
            return {}
        with calling_host("unit_costs"):
            said: Any = self.host.unit_costs(self.session, self.instance, in_order(keys), on)
        wanted = "a mapping of product ids to pairs of an amount, a Decimal of 0 or more, and an ISO currency code"
        if said is None:
            return {}
        if not isinstance(said, Mapping):
            raise _nonsense("unit_costs", said, wanted)
        for cost in said.values():
            if not _is_cost(cost):
                raise HostRefused(f"The host's unit_costs returned {cost!r} for a product; it must return {wanted}.")
        return said

    def accounting_start(self, kind: str) -> date | None:
        """The first day of this kind of documents, if the host says one."""
        if not self._has("accounting_start"):
            return None
        with calling_host("accounting_start"):
            said: Any = self.host.accounting_start(self.session, self.instance, kind)
        if said is not None and (not isinstance(said, date) or isinstance(said, datetime)):
            raise _nonsense("accounting_start", said, "a date or None")
        return said

    @cached_property
    def may_hold(self) -> bool:
        """Whether the host may have reasons to hold orders."""
        return self._has("hold")

    def hold(self, order: Mapping[str, Any]) -> str | None:
        """The host's reason to hold the documents of an order, by its stored row."""
        if not self.may_hold:
            return None
        with calling_host("hold"):
            said: Any = self.host.hold(self.session, self.instance, order)
        if said is not None and not isinstance(said, str):
            raise _nonsense("hold", said, "a reason as a string, or None")
        return said or None

    def batch_period(self, kind: str) -> str:
        """``daily``, ``monthly`` or ``none``: the period of the batches of this kind of goods documents."""
        setting: str | None = getattr(self.instance, _SETTING[kind])
        if setting is not None or not self._has("default_batch_period"):
            return setting or "none"
        with calling_host("default_batch_period"):
            said: Any = self.host.default_batch_period(kind)
        if said is not None and said not in BATCH_PERIODS:
            raise _nonsense("default_batch_period", said, f"one of {', '.join(BATCH_PERIODS)}, or None")
        return said or "none"

    def _has(self, name: str) -> bool:
        """Whether the host has an answer of its own: not what it inherits from the port."""
        own = getattr(self.host, name, None)
        return callable(own) and getattr(own, "__func__", None) is not getattr(Host, name)


def _is_cost(given: object) -> bool:
    if not isinstance(given, tuple | list) or len(given) != 2:
        return False
    amount, currency = given
    return isinstance(amount, Decimal) and amount.is_finite() and amount >= 0 and isinstance(currency, str)


def _nonsense(method: str, said: object, wanted: str) -> HostRefused:
    return HostRefused(f"The host's {method} returned {said!r}; it must return {wanted}.")
