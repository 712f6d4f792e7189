"""How far a refresh is, as shown to the person who waits for it."""

from __future__ import annotations

ALMOST_DONE = 99


def percentage(fetched: int, total: int | None, *, is_walked: bool) -> int:
    """0 to 99: only ``completed`` is 100. ``total`` is what the store said when the walk began, None if unknown."""
    if is_walked:
        return ALMOST_DONE
    if not total:
        return 0
    return min(ALMOST_DONE, fetched * 100 // total)


def message(phase: str, resource: str, fetched: int, total: int | None) -> str:
    """One sentence on what is being done."""
    return {
        "prepare": "Asking the store how much there is to read.",
        "walk": f"Reading {resource}: {fetched} of {'an unknown number' if total is None else max(total, fetched)}.",
        "link": "Linking variants to your products.",
        "referenced": "Reading the products that orders refer to.",
    }.get(phase, f"{resource.capitalize()} are read.")
