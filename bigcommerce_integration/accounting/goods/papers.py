"""Documents made of pieces: by currency, with those of which no cost is known apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from ..basis.amounts import digits_of, of_units, unfit
from ..basis.status import made
from ..document import Document, Kind, Line, Side
from ..facts import Facts
from .lots import Piece

_SIDES: tuple[Side, Side] = ("debit", "credit")
COST_MISSING = "The cost of its goods is not known yet."


class Group(NamedTuple):
    """Pieces whose documents have this currency; ``is_missing``: their cost is not known."""

    currency_code: str
    is_missing: bool


Groups = dict[Group, list[Piece]]


def goods_lines(pieces: Iterable[Piece], digits: int, *, out: bool) -> tuple[Line, ...]:
    """Cost of goods and inventory for each piece; goods that left are a debit of their cost."""
    one, other = _SIDES if out else _SIDES[::-1]
    lines: list[Line] = []
    for piece in pieces:
        same: dict[str, Any] = {
            "amount": None if piece.units is None else of_units(piece.units, digits),
            "order_line_id": piece.order_line_id,
            "host_product_id": piece.host_product_id,
            "quantity": piece.quantity,
            "cost_source": piece.cost_source,
            "derivation": piece.derivation,
            "quantity_shipped": piece.quantity_shipped,
        }
        lines += (Line("cogs", one, **same), Line("inventory", other, **same))
    return tuple(lines)


def papers(
    facts: Facts,
    kind: Kind,
    day: date,
    groups: Groups,
    stored: Sequence[Document],
    *,
    out: bool,
    reasons: Mapping[str, str] = MappingProxyType({}),
    **content: Any,
) -> list[Document]:
    """One document for each group; ``stored`` are those that they replace.

    A group keeps the number of the stored one like it, else one that is left over: those whose cost became known
    become a new document beside one that goes on waiting, or that one itself if none is left to wait.
    """
    replaced = _replaced(groups, stored)
    sign = 1 if content.get("adjusts_number") is None else -1
    found = []
    for group, pieces in groups.items():
        code, digits = group.currency_code, digits_of(group.currency_code)
        why = {**reasons, **({"cost_missing": COST_MISSING} if group.is_missing else unfit(Decimal(), code))}
        total = None if group.is_missing else of_units(sign * sum(each.units or 0 for each in pieces), digits)
        lines = goods_lines(pieces, digits, out=out)
        before = replaced.get(group)
        found.append(made(facts, kind, day, why, before, currency_code=code, lines=lines, total=total, **content))
    return found


def _replaced(groups: Groups, stored: Sequence[Document]) -> dict[Group, Document]:
    rest = list(stored)
    found: dict[Group, Document] = {}
    for group in groups:
        same = next((each for each in rest if _group_of(each) == group), None)
        if same is not None:
            found[group] = same
            rest.remove(same)
    for group in groups:
        if group not in found and rest:
            found[group] = rest.pop(0)
    return found


def _group_of(document: Document) -> Group:
    return Group(document.currency_code, any(line.amount is None for line in document.lines))
