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

LINK, LEAVE, SUGGESTED = "link", "leave", "suggested"
# What a spreadsheet shows where a formula has failed.
_ERRORS = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#ERROR!", "#NV")
)
_LONGEST_NUMBER = 14
_NOT_FOUND = "Your system has no product with the SKU {}."
Spellings = Mapping[str, Sequence[Key]]
"""The host's products with a SKU, or one that is nearly the same, by the host's own spelling."""


@dataclass(frozen=True)
class Verdict:
    """``target`` is the host's product, None for no link; of a row with a ``code`` it says nothing."""

    target: Key | None = None
    code: RowCode | None = None
    message: str | None = None
    suggested_sku: str | None = None


def wanted_sku(line: Line, variant: Row[Any] | None) -> str | None:
    """The host's SKU that the row asks for: its own, or that of the variant if it says no more than to link it."""
    if line.host_sku or line.decision not in (LINK, SUGGESTED) or variant is None:
        return line.host_sku or None
    sku: str | None = variant.sku_key
    return sku


def with_other_zeros(sku: str) -> list[str]:
    """A SKU of digits alone with fewer and with more zeros at its beginning: a spreadsheet takes them away."""
    if not (sku.isascii() and sku.isdecimal()):
        return []
    number = sku.lstrip("0") or "0"
    forms = (number.rjust(length, "0") for length in range(len(number), max(len(sku), _LONGEST_NUMBER) + 1))
    return [each for each in forms if each != sku]


def verdict(
    line: Line, variant: Row[Any] | None, spellings: Spellings, other_zeros: Spellings, *, is_twice: bool
) -> Verdict:
    """The decision on a row; ``spellings`` are those of ``wanted_sku``, ``other_zeros`` those ``with_other_zeros``."""
    if (problem := _problem_of_key(line, variant, is_twice) or _problem_of_decision(line)) is not None:
        return problem
    if line.decision == LEAVE:
        return Verdict(None)
    sku = wanted_sku(line, variant)
    if sku is None:
        return _bad(RowCode.NO_SKU, "The variant has no SKU to be linked by: fill in host_sku.")
    if sku.upper() in _ERRORS:
        return _bad(RowCode.SPREADSHEET_ERROR, f"The spreadsheet shows an error here: {sku}. Write the SKU itself.")
    is_accepted = line.decision == SUGGESTED
    found = _found(sku, spellings, takes_near=not line.host_sku or is_accepted)
    return _by_zeros(sku, other_zeros, is_accepted) or found if found.code == RowCode.HOST_SKU_NOT_FOUND else found


def _by_zeros(sku: str, other_zeros: Spellings, is_accepted: bool) -> Verdict | None:
    """Of a SKU that the host lacks: the one product whose SKU has other zeros, as a question until it is accepted."""
    found = [(spelling, key) for spelling, keys in other_zeros.items() for key in keys]
    if len(found) != 1:
        return None
    ((spelling, key),) = found
    if is_accepted:
        return Verdict(key)
    text = f"{_NOT_FOUND.format(sku)} Did you mean {spelling}? Write {SUGGESTED} into the column decision to take it."
    return Verdict(code=RowCode.ZEROS_DIFFER, message=text, suggested_sku=spelling)


def _problem_of_key(line: Line, variant: Row[Any] | None, is_twice: bool) -> Verdict | None:
    if line.variant_id is None:
        return _bad(RowCode.NO_VARIANT_ID, "variant_id holds no id: give it as it was exported.")
    if variant is None or variant.deleted_at is not None:
        return _bad(RowCode.UNKNOWN_VARIANT, f"The store has no variant {line.variant_id}.")
    if is_twice:
        return _bad(RowCode.SAME_VARIANT_TWICE, f"Several rows decide on variant {line.variant_id}: keep one of them.")
    return None


def _problem_of_decision(line: Line) -> Verdict | None:
    if line.decision not in ("", LINK, LEAVE, SUGGESTED):
        return _bad(RowCode.UNKNOWN_DECISION, f"The decision must be {LINK}, {LEAVE}, {SUGGESTED} or blank.")
    if line.decision == LEAVE and line.host_sku:
        contradiction = f"The row names a SKU of yours and says {LEAVE}: clear one of the two."
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
        return _bad(RowCode.SAME_SKU_IN_HOST, f"{len(exact)} of your products have the SKU {sku}: {shown}.")
    if exact:
        return Verdict(exact[0])
    if near:
        shown = ", ".join(map(repr, near[:5]))
        text = f"Your system has no SKU {sku!r}, but {shown}, which differs only by case, accent or blanks."
        return _bad(RowCode.SIMILAR_SKU_IN_HOST, text)
    return _bad(RowCode.HOST_SKU_NOT_FOUND, _NOT_FOUND.format(sku))


def _bad(code: RowCode, message: str) -> Verdict:
    return Verdict(code=code, message=message)
