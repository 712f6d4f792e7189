"""What orders do of their own: none from before the start date, and lines that are fetched order by order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from ...models import Tables
from ...resources.products import PRODUCTS
from ..job.checkpoint import Phase
from ..read.slice import Slice
from ..write.behaviour import Columns, MadeSinceStart, PageSink
from ..write.page import MappedPage
from .order_lines import with_all_lines
from .referenced import all_are_known, fetch_referenced, has_no_newer_line


class Orders(MadeSinceStart):
    """Their lines are fetched order by order where the API cuts them off, and their products once they are known."""

    completes_with = (PRODUCTS.name,)

    def before_write(self, slice_: Slice, page: MappedPage, sink: PageSink) -> None:
        """Fetch the lines that the API cuts off."""
        with_all_lines(slice_, page, sink)

    def amount(self, columns: Columns) -> tuple[datetime, str, Decimal] | None:
        """The total of a sale, with tax."""
        at, currency, total = (columns[name] for name in ("date_created", "default_currency_code", "total_inc_tax"))
        return (at, currency or "", total) if columns["is_sale"] and at is not None and total is not None else None

    def phases(self) -> Mapping[Phase, Callable[[Slice], None]]:
        """The products that orders refer to."""
        return {"referenced": fetch_referenced}

    def is_complete(self, session: Session, tables: Tables, instance_id: int) -> bool:
        """Whether every product that a stored order refers to is there, or known as absent."""
        return all_are_known(session, tables, instance_id)

    def is_surely_complete(self, tables: Tables, instance_id: Any) -> ColumnElement[bool]:
        """Whether no order was written since that was so."""
        return has_no_newer_line(tables, instance_id)
