"""Which variants a person wants products for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ...errors import Invalid
from ..context import RequestContext
from ..lists import variants

ACTION = "create_products"
"""What the host's ``may`` is asked for."""
MOST_IDS = 1000
"""How many variants one request may name."""
MOST_CREATED = 50_000
"""For how many variants one job makes products."""


@dataclass(frozen=True)
class Selection:
    """For which variants: by their BigCommerce ids, or all without a link that pass the filters of a list.

    ``filters`` are as ``operations.lists.variants.wanted`` takes them; None or empty is all. Those that a person
    decided to leave without a link are meant only if their ids are named.
    """

    ids: Sequence[int] | None = None
    filters: Mapping[str, Any] | None = None


def selected(context: RequestContext, selection: Selection) -> list[int]:
    """The ids in order; of filters those of live variants without a link that nobody has decided on.

    ``Invalid`` if there are too many.
    """
    if selection.ids is not None:
        return sorted(set(selection.ids))
    table = context.state.tables.variants
    wanted = variants.wanted(context, {**(selection.filters or {}), "linked": False, "left": False})
    statement = select(table.c.bigcommerce_id).where(*wanted.stretch, *wanted.also).order_by(table.c.bigcommerce_id)
    ids = list(context.session.scalars(statement.limit(MOST_CREATED + 1)))
    if len(ids) > MOST_CREATED:
        raise Invalid({"filters": [f"More than {MOST_CREATED:,} variants are meant. Choose fewer."]})
    return ids
