"""Advance a refresh by one slice."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from ...client.api import StoreClient
from ...client.http.rate_limit import Pace
from ...errors import BigCommerceError, KeyMissing, LeaseLost, RefreshEnded, RejectionCode, ScopeMissing, WorkersDie
from ..job.checkpoint import Checkpoint
from ..job.context import Engine, Job
from ..job.database import shortage
from ..job.progress import Tally, completed
from ..lifecycle.arrivals import turn_off
from ..lifecycle.claim import Claimed, Outcome, claim_refresh
from ..lifecycle.keys import KEYLESS
from ..lifecycle.release import Owed, release
from ..lifecycle.setbacks import Pause, after_error, after_shortage
from ..lifecycle.transitions import fail
from ..read.crash_guard import GIVE_UP_AFTER, MOST_QUARANTINED, CrashGuard, crash_guard
from ..read.fetcher import Fetcher
from ..read.slice import Slice, SliceEnds
from ..write.page import DEATHS, QUARANTINE, Blame
from .phases import run_phases
from .tracing import slice_span

log = logging.getLogger(__name__)


def advance(engine: Engine, refresh_id: int) -> Outcome:
    """Do one slice of the refresh, if it is due and no other worker has it (see ``run_slice``)."""
    return run_slice(engine, refresh_id, lambda: True)[0]


def run_slice(engine: Engine, refresh_id: int, may_go_on: Callable[[], bool]) -> tuple[Outcome, Job | None]:
    """The same; with the job, if it was claimed.

    ``may_go_on`` is asked before it goes on beyond its first page; if it may not, it ends with what it has.

    Commits page by page in sessions of its own. What the store or the host did wrong ends the refresh and is
    stored with it; what the database is short of is waited for; what nobody expected is raised once the lease is
    released. Whatever happens between the claim and the end, it is released, so that it does not look like a death.
    """
    claimed = claim_refresh(engine, refresh_id)
    if isinstance(claimed, Outcome):
        return claimed, None
    job = claimed.job
    if claimed.is_first:
        log.info("Refresh %s of %s %s.", *_named(job), _begun(claimed), extra=_extra(job, "begin"))
    with slice_span(_span(job)) as ends_with:
        outcome = _advance(claimed, may_go_on)
        ends_with(outcome.name.lower())
    log.debug("Slice of refresh %s ends: %s.", job.refresh_id, outcome.value, extra=_extra(job, "slice"))
    return outcome, job


def _advance(claimed: Claimed, may_go_on: Callable[[], bool]) -> Outcome:
    run, job = _Run(claimed, may_go_on), claimed.job
    try:
        return run.do()
    except LeaseLost as error:
        log.warning("%s", error, extra=_extra(job, "lease_lost"))
        return Outcome.BUSY
    except Exception as error:
        outcome = run.set_back(error)
        if shortage(error) is None:
            raise
        return outcome
    finally:
        run.close()


@dataclass
class _Run:
    """One slice, from the claim to the end; the client and the slice are there as soon as they could be made."""

    claimed: Claimed
    may_go_on: Callable[[], bool]
    client: StoreClient | None = None
    slice: Slice | None = None

    @property
    def job(self) -> Job:
        """What was claimed."""
        return self.claimed.job

    @property
    def spent(self) -> Tally:
        """What was spent and not yet written."""
        return Tally() if self.slice is None else self.slice.fetcher.tally

    def do(self) -> Outcome:
        """Advance the refresh until time is up or it has ended; raises what nobody expected."""
        job = self.job
        try:
            self.client = job.engine.client(job.instance, job.clock, has_erased=job.has_erased)
            self.slice = self._slice(self.client)
            run_phases(self.slice)
        except SliceEnds as end:
            return self._pause(end)
        except KeyMissing:
            # The erasure key is newer than the claim.
            claimed = self.claimed
            pause = Pause(message=KEYLESS, attempts=claimed.attempts, setbacks=claimed.setbacks)
            release(job, pause, self.spent, total=claimed.results.total)
            return Outcome.KEYLESS
        except RefreshEnded as error:
            log.info("%s", error, extra=_extra(job, "cancel"))
            job.engine.transaction(job.lease.release)
            return Outcome.CANCELLED
        except LeaseLost:
            raise
        except BigCommerceError as error:
            return self._fail(error)
        self._log_completed(self.slice)
        return Outcome.ENDED

    def _slice(self, client: StoreClient) -> Slice:
        """As careful as deaths before this slice make it; ``WorkersDie`` if there were too many."""
        claimed, job, config = self.claimed, self.job, self.job.engine.config
        checkpoint = claimed.checkpoint
        careful = crash_guard(
            claimed.attempts,
            stored_page_size=checkpoint.page_size,
            full=config.page_size,
            follows_death=claimed.follows_death,
            is_isolating=bool(checkpoint.suspects),
        )
        if claimed.attempts >= GIVE_UP_AFTER or (careful.quarantines and _quarantined_before(job) >= MOST_QUARANTINED):
            raise WorkersDie(job.resource, claimed.attempts)
        fetcher = Fetcher(
            width=1 if careful.is_alone or careful.begins_alone else config.concurrency,
            pace=Pace.start(config.quota_reserve, claimed.sharers),
            stopping=job.engine.stopping,
            keep_alive_s=config.lease_s / 3,
            failures=checkpoint.failures,
            store_info=client.own_store_info,
        )
        slice_ = Slice(
            job,
            client,
            fetcher,
            _suspecting(claimed, careful),
            claimed.results,
            page_size=careful.page_size,
            width=1 if careful.is_alone else config.concurrency,
            blame=_blame(claimed) if careful.quarantines else None,
            part=careful.part,
            opens_singly=careful.opens_singly,
            held=claimed.held,
            may_go_on=self.may_go_on,
        )
        fetcher.keep_alive = slice_.keep_alive
        return slice_

    def _pause(self, end: SliceEnds) -> Outcome:
        assert self.slice is not None
        checkpoint = replace(self.slice.checkpoint, failures=self.slice.fetcher.failures)
        pause = Pause(end.wait_s, end.message, checkpoint, trial=self.slice.trial)
        release(self.job, pause, self.spent, total=self.slice.results.total)
        return Outcome.WAITING if end.wait_s > 0 else Outcome.CONTINUE

    def _fail(self, error: BigCommerceError) -> Outcome:
        job = self.job
        if isinstance(error, ScopeMissing) and not job.collection.resource.required:
            log.warning("%s", error, extra=_extra(job, "off"))
            turn_off(job, error)
            return Outcome.CANCELLED
        log.error("Refresh %s of %s failed: %s", *_named(job), error, extra=_extra(job, "fail"))
        job.engine.transaction(lambda session: fail(session, job, error, self.spent))
        return Outcome.ENDED

    def _log_completed(self, done: Slice) -> None:
        job, unsolved = self.job, done.checkpoint.unsolved
        if unsolved.reason is not None:
            log.warning("Refresh %s of %s: %s", *_named(job), completed(unsolved), extra=_extra(job, "unlinked"))
        log.info("Refresh %s of %s is completed: %s.", *_named(job), _counted(done), extra=_extra(job, "complete"))

    def set_back(self, error: Exception) -> Outcome:
        """Release the lease, to go on later or not at all; what cannot be written is owed."""
        job, pause = self.job, self._after(error)
        try:
            if pause.is_final:
                return self._fail(BigCommerceError(pause.message))
            # The stored checkpoint stands: a commit whose answer was lost may have moved it further than we know.
            release(job, pause, self.spent, total=self.claimed.results.total)
        except LeaseLost:
            return Outcome.BUSY
        except Exception as unwritten:
            owner = job.lease.owner
            job.engine.owed[owner] = Owed(job.instance.id, job.resource, job.refresh_id, owner, pause.trial)
            if shortage(unwritten) is None:
                raise
            log.warning(
                "The lease of refresh %s is released once the database takes writes again.",
                job.refresh_id,
                extra=_extra(job, "database"),
            )
        return Outcome.ENDED if pause.is_final else Outcome.WAITING

    def _after(self, error: Exception) -> Pause:
        """How the refresh goes on after what nobody expected, or what the database was short of."""
        claimed, job, found = self.claimed, self.job, shortage(error)
        common: dict[str, Any] = {
            "attempts": claimed.attempts,
            "has_progressed": self.slice is not None and self.slice.has_progressed,
            "random": random.random,
        }
        if found is None:
            return after_error(error, claimed.setbacks, **common)
        log.warning("Refresh %s waits: %s", job.refresh_id, found, extra=_extra(job, "database"))
        # The database's fault, not that of the record.
        trial = None if self.slice is None else self.slice.trial
        return replace(after_shortage(found, claimed.setbacks, **common), trial=trial)

    def close(self) -> None:
        """Let the fetching threads and the connections end."""
        if self.slice is not None:
            self.slice.fetcher.close()
        if self.client is not None:
            self.client.close()


def _suspecting(claimed: Claimed, careful: CrashGuard) -> Checkpoint:
    """The checkpoint, with what may have killed the worker before, and with pages as small as that makes them."""
    checkpoint = claimed.checkpoint
    if claimed.follows_death or claimed.attempts:
        suspects = tuple(sorted(checkpoint.walk.ranges))
        # What kills before anything is stored is in the page that is asked for first.
        checkpoint = replace(checkpoint, suspects=suspects[:1] if careful.is_alone else suspects)
    if careful.is_alone and careful.page_size != checkpoint.page_size:
        checkpoint = replace(checkpoint, page_size=careful.page_size, good_pages=0)
    return checkpoint


def _blame(claimed: Claimed) -> Blame:
    """What the record that is left to suspect is rejected for: deaths, unless it was an error that came last."""
    trouble = claimed.setbacks.trouble
    return DEATHS if claimed.follows_death or trouble is None else Blame(RejectionCode.UNEXPECTED_ERROR, trouble)


def _quarantined_before(job: Job) -> int:
    """How many records this refresh has put in quarantine as workers died over them."""
    rejected = job.engine.tables.rejected_records
    count = select(func.count()).where(rejected.c.refresh_id == job.refresh_id, rejected.c.reason_code.in_(QUARANTINE))
    return job.engine.transaction(lambda session: int(session.execute(count).scalar_one()))


def _named(job: Job) -> tuple[int, str]:
    return job.refresh_id, f"the {job.resource} of instance {job.instance.id}"


def _begun(claimed: Claimed) -> str:
    fetched = claimed.results.values["fetched"]
    how = f"mode {claimed.job.mode}"
    return f"goes on ({how}, {fetched} records were fetched before)" if fetched else f"begins ({how})"


def _counted(done: Slice) -> str:
    values = done.results.values
    return ", ".join(f"{values[name]} {name}" for name in ("fetched", "created", "updated", "deleted", "rejected"))


def _span(job: Job) -> dict[str, str | int]:
    its: dict[str, str | int] = {"instance_id": job.instance.id, "refresh_id": job.refresh_id}
    return its | {"collection": job.resource, "mode": job.mode}


def _extra(job: Job, action: str) -> dict[str, object]:
    return {"action": action, "instance_id": job.instance.id, "refresh_id": job.refresh_id, "resource": job.resource}
