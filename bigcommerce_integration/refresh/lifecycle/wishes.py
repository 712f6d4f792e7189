"""Wishes: what a changed setting or the calendar wants a refresh to do; kept with the lease until one has done it.

A refresh that fails or is cancelled leaves the wish as it is, and the tick starts another one (see ``schedule``). One
that completes removes the wish in the same transaction, if it did what is wanted by now: the settings may have been
changed again since it began.
"""

from __future__ import annotations

import random
from datetime import date
from typing import Any

from ...models import db_now
from ..job.checkpoint import Checkpoint
from ..job.context import Job
from ..job.parameters import Mode, Parameters

READS_FROM_THE_START = frozenset({"initial", "full", "date_range"})
MOST_SPREAD = 1.1


def spread(interval_s: float) -> float:
    """About that long, by chance: stores that were connected together drift apart."""
    return interval_s * random.uniform(2.0 - MOST_SPREAD, MOST_SPREAD)  # noqa: S311 - jitter, no secret


def has_backfilled(
    mode: Mode, parameters: Parameters, *, prepared_for: date | None, start_date: date, backfill_to: date
) -> bool:
    """Whether a completed refresh has read all days from ``start_date`` to ``backfill_to``.

    ``prepared_for`` is the start date when it began to read, ``start_date`` what it is now.
    """
    if prepared_for is None or mode not in READS_FROM_THE_START:
        return False
    first = max(prepared_for, parameters.date_from or prepared_for)
    return first <= start_date and (parameters.date_to is None or parameters.date_to >= backfill_to)


def fulfilled(job: Job, checkpoint: Checkpoint, wanted: Any) -> dict[str, Any]:
    """The columns of the lease without what this refresh, which is being completed, has fulfilled or done for a while.

    ``wanted`` are the lease and the instance's settings as they are now, and stay until the commit.
    """
    values: dict[str, Any] = {}
    if wanted.backfill_to is not None and has_backfilled(
        job.mode,
        job.parameters,
        prepared_for=checkpoint.start_date,
        start_date=wanted.start_date,
        backfill_to=wanted.backfill_to,
    ):
        values |= {"backfill_to": None, "next_backfill_at": None}
    if wanted.is_link_wanted and checkpoint.linked_by == (wanted.auto_link_products, wanted.auto_create_products):
        values["is_link_wanted"] = False
    if checkpoint.linked_up_to is not None:
        values["linked_up_to"] = checkpoint.linked_up_to
    if checkpoint.linked_by is not None:
        unsolved = checkpoint.unsolved
        values |= {"link_conflicts": unsolved.conflicts, "link_refused": unsolved.refused}
        values["next_link_at"] = db_now(spread(job.engine.config.link_interval_s))
    if job.is_sweep:
        values["next_sweep_at"] = db_now(spread(job.engine.config.sweep_interval_s))
    return values
