"""What becomes of one row of a file: the host's product that it names, or what is wrong with it. No SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from ..errors import RowCode
from ..models.product_key import Key, in_order, key_answer
from ..refresh.linking.rules import Unaskable
from .reading import Line

LINK, LEAVE = "link", "leave"
Spellings = Mapping[str, Sequence[Key]]
"""The host's products with a SKU, or one that is nearly the same, by the host's own spelling."""


@dataclass(frozen=True)
class Verdict:
    """``target`` is the host's product, None for no link; of a row with a ``code`` it says nothing."""

    target: Key | None = None
    code: RowCode | None = None
    message: str | None = None


def wanted_sku(line: Line, variant: Row[Any] | None) -> str | None:
    """The host's SKU that the row asks for: its own, or that of the variant if it says no more than to link it."""
    if line.host_sku or line.decision != LINK or variant is None:
        return line.host_sku or None
    sku: str | None = variant.sku_key
    return sku


def verdict(line: Line, variant: Row[Any] | None, spellings: Spellings, *, is_twice: bool) -> Verdict:
    """The decision on a row; ``spellings`` are those of ``wanted_sku``."""
    if (problem := _problem_of_key(line, variant, is_twice) or _problem_of_decision(line)) is not None:
        return problem
    if line.decision == LEAVE:
        return Verdict(None)
    sku = wanted_sku(line, variant)
    if sku is None:
        return _bad(RowCode.NO_SKU, "The variant has no SKU to be linked by: fill in host_sku.")
    return _found(sku, spellings, takes_near=not line.host_sku)


def _problem_of_key(line: Line, variant: Row[Any] | None, is_twice: bool) -> Verdict | None:
    if line.variant_id is None:
        return _bad(RowCode.NO_VARIANT_ID, "variant_id holds no id: give it as it was exported.")
    if variant is None or variant.deleted_at is not None:
        return _bad(RowCode.UNKNOWN_VARIANT, f"The store has no variant {line.variant_id}.")
    if is_twice:
        return _bad(RowCode.SAME_VARIANT_TWICE, f"Several rows decide on variant {line.variant_id}: keep one of them.")
    return None


def _problem_of_decision(line: Line) -> Verdict | None:
    if line.decision not in ("", LINK, LEAVE):
        return _bad(RowCode.UNKNOWN_DECISION, f"The decision must be {LINK}, {LEAVE} or blank.")
    if line.decision == LEAVE and line.host_sku:
        contradiction = f"The row names a SKU of the host and says {LEAVE}: clear one of the two."
        return _bad(RowCode.TWO_DECISIONS, contradiction)
    return None


def _found(sku: str, spellings: Spellings, *, takes_near: bool) -> Verdict:
    """``takes_near``: whether a SKU that differs only by case, accent or blanks is meant, as the export suggests it."""
    if isinstance(spellings, Unaskable):
        return _bad(RowCode.SKU_NOT_ASKABLE, spellings.reason)
    exact = [key for spelling, keys in spellings.items() if spelling.strip() == sku for key in keys]
    near = sorted(spelling for spelling, keys in spellings.items() if keys and spelling.strip() != sku)
    if not exact and takes_near and len(near) == 1:
        exact = list(spellings[near[0]])
    if len(exact) > 1:
        shown = ", ".join(str(key_answer(each)) for each in in_order(exact)[:5])
        return _bad(RowCode.SAME_SKU_IN_HOST, f"{len(exact)} host products have the SKU {sku!r}: {shown}.")
    if exact:
        return Verdict(exact[0])
    if near:
        shown = ", ".join(map(repr, near[:5]))
        text = f"The host has no SKU {sku!r}, but {shown}, which differs only by case, accent or blanks."
        return _bad(RowCode.SIMILAR_SKU_IN_HOST, text)
    return _bad(RowCode.HOST_SKU_NOT_FOUND, f"The host has no product with the SKU {sku!r}.")


def _bad(code: RowCode, message: str) -> Verdict:
    return Verdict(code=code, message=message)
