"""What follows for the books when settings are changed; in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..accounting.basis.due import day_of
from ..host.port import AccountingHost, Host
from ..models import Tables, db_now
from ..models.dialect.transactions import bounded_waits
from ..models.instances import NOMINAL_CODES, IntegrationInstance
from ..refresh.job.lease import LOCK_WAIT_S
from .ledger import create, zone_of

FROM: Mapping[str, str] = {
    "sync_sales_order_invoices_to_accounting": "invoices_from",
    "sync_sales_credit_to_accounting": "credits_from",
}
"""The column with the first day of each flag, since it was switched on."""
_DECIDING = frozenset(
    {*NOMINAL_CODES, *FROM, "proforma_marketplace_cost_percentage", "proforma_payment_cost_percentage"}
)


def switched_on(instance: IntegrationInstance, columns: Mapping[str, Any]) -> list[str]:
    """The flags that these new columns of the instance switch on."""
    return [name for name in FROM if columns.get(name) is True and not getattr(instance, name)]


def follow(
    session: Session,
    tables: Tables,
    host: Host,
    instance: IntegrationInstance,
    *,
    columns: Mapping[str, Any],
    accounting_from: date | None,
) -> None:
    """Have what is not posted made anew where ``columns``, which really change, decide on it.

    ``instance`` is as it was. A flag that is switched on holds from ``accounting_from`` on, by default from today in
    the store's zone. A period of batches needs nothing: the next batch goes by it. A ledger that somebody else keeps
    for longer than ``LOCK_WAIT_S`` is a conflict. The caller commits.
    """
    if _DECIDING.isdisjoint(columns) or not isinstance(host, AccountingHost):
        return
    values: dict[str, Any] = {"renew_from": 1}
    flags = switched_on(instance, columns)
    if flags:
        now = session.scalar(select(db_now()))
        assert now is not None
        first = day_of(now, zone_of(instance)) if accounting_from is None else accounting_from
        values |= {FROM[name]: first for name in flags}
    table = tables.accounting
    with bounded_waits(session, LOCK_WAIT_S):
        if accounting_from is not None and _is_missing(session, tables, instance):
            create(session, tables, instance)
        session.execute(update(table).where(table.c.instance_id == instance.id).values(values))


def _is_missing(session: Session, tables: Tables, instance: IntegrationInstance) -> bool:
    table = tables.accounting
    return session.scalar(select(table.c.instance_id).where(table.c.instance_id == instance.id)) is None
