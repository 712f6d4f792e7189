"""How far a refresh is, as shown to the person who waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .checkpoint import Unsolved

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
        "missing": f"Making sure of {resource} that seem to be gone from the store.",
        "link": "Linking variants to your products.",
        "referenced": "Reading the products that orders refer to.",
        "create": f"Making your products: {fetched} of {total} variants are done.",
    }.get(phase, f"{resource.capitalize()} are read.")


def left_out(resource: str, count: int, in_quarantine: int) -> str:
    """How many records were left out, and how many of them (``in_quarantine``) are tried again without being asked."""
    what = f"1 {resource.removesuffix('s')} was" if count == 1 else f"{count} {resource} were"
    if in_quarantine == 0:
        again = "the list of rejected records says why"
    elif in_quarantine >= count:
        again = f"later refreshes try {'it' if count == 1 else 'them'} again, the list of rejected records says why"
    else:
        again = f"later refreshes try {in_quarantine} of them again, the list of rejected records says why"
    return f"{what} left out: {again}."


def moved(resource: str) -> str:
    """Of a list that changed each time that it was read."""
    return (
        f"the list of {resource} changed each time that it was read: what moved from page to page meanwhile may be "
        "missing until the next refresh."
    )


def completed(unsolved: Unsolved, *, left_out: str | None = None) -> str:
    """The last sentences: what a person may have to look at, though all was read."""
    sentences = ["Completed." if left_out is None else f"Completed, but {left_out}"]
    if unsolved.refused:
        products = "one product" if unsolved.refused == 1 else f"{unsolved.refused} products"
        sentences.append(f"Your system did not make {products} that it lacks.")
    if unsolved.conflicts:
        variants = "One variant" if unsolved.conflicts == 1 else f"{unsolved.conflicts} variants"
        sentences.append(f"{variants} could not be linked.")
    if unsolved.reason is not None:
        sentences.append(
            f"The first reason: {unsolved.reason.rstrip('.')}. The list of variants with conflict=true has all."
        )
    return " ".join(sentences)


@dataclass(frozen=True)
class Found:
    """How many records a reconciliation found to be missing, different and too many, and how many it could not read."""

    missing: int
    different: int
    extra: int
    unreadable: int = 0


def reconciled(resource: str, found: Found) -> str:
    """The last sentence of a reconciliation."""
    parts = {"missing here": found.missing, "different": found.different, "no longer in the store": found.extra}
    told = ", ".join(f"{count} {how}" for how, count in parts.items() if count)
    sentence = f"Completed: {told or f'all {resource} are as in the store'}."
    return f"{sentence} {found.unreadable} could not be read." if found.unreadable else sentence


@dataclass
class Tally:
    """What was spent since it was last written to the refresh row, and what the store said last is left."""

    requests: int = 0
    waited_s: float = 0.0
    quota_left: int | None = None


@dataclass(frozen=True)
class Speed:
    """Records a second while working, and the seconds of reading that are left at that; None where nobody can say."""

    records_per_s: float | None = None
    eta_s: float | None = None


def speed(*, fetched: int, total: int | None, started_at: datetime | None, now: datetime, waited_s: float) -> Speed:
    """How fast a refresh is that began at ``started_at``; ``now`` is when it ended, if it did. By the database's clock.

    What it waited is left out of both: how long the store will make it wait is not known.
    """
    if started_at is None or not fetched:
        return Speed()
    worked_s = (now - started_at).total_seconds() - waited_s
    if worked_s <= 0:
        return Speed()
    records_per_s = fetched / worked_s
    return Speed(records_per_s, None if total is None else max(0, total - fetched) / records_per_s)
