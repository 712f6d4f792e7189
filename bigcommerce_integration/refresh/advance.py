"""Advance a refresh by one slice."""

from __future__ import annotations

import logging
import random
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from ..client.api import StoreClient
from ..client.rate_limit import Pace
from ..errors import BigCommerceError, LeaseLost, RefreshEnded, WorkersDie
from .caution import GIVE_UP_AFTER, MOST_SET_ASIDE, caution
from .claiming import Claimed, Outcome, claim_refresh, let_go
from .context import Engine, Job
from .fetching import Fetcher, Tally
from .finish import fail
from .page import WORKERS_DIED
from .phases import run_phases
from .progress import completed
from .slices import Slice, SliceEnds

log = logging.getLogger(__name__)


def advance(engine: Engine, refresh_id: int) -> Outcome:
    """Do one slice of the refresh, if it is due and no other worker has it.

    Commits page by page in sessions of its own. What the store or the host did wrong ends the refresh and is
    stored with it; what nobody expected is raised once the lease is let go.
    """
    claimed = claim_refresh(engine, refresh_id)
    if isinstance(claimed, Outcome):
        return claimed
    job = claimed.job
    try:
        client = engine.client(job.instance)
    except BigCommerceError as error:
        return _fail(job, error, Tally())
    try:
        outcome = _advance(claimed, client)
    except LeaseLost as error:
        log.warning("%s", error, extra=_extra(job, "lease_lost"))
        return Outcome.BUSY
    except RefreshEnded as error:
        log.info("%s", error, extra=_extra(job, "cancel"))
        engine.transaction(job.lease.release)
        return Outcome.CANCELLED
    finally:
        client.close()
    log.debug("Slice of refresh %s ends: %s.", job.refresh_id, outcome.value, extra=_extra(job, "slice"))
    return outcome


def _advance(claimed: Claimed, client: StoreClient) -> Outcome:
    job, config = claimed.job, claimed.job.engine.config
    checkpoint = claimed.checkpoint
    careful = caution(
        claimed.attempts,
        stored_page_size=checkpoint.page_size,
        full=config.page_size,
        follows_death=claimed.follows_death,
    )
    if claimed.attempts >= GIVE_UP_AFTER or (careful.sets_aside and _set_aside_before(job) >= MOST_SET_ASIDE):
        return _fail(job, WorkersDie(job.resource, claimed.attempts), Tally())
    if careful.is_alone and careful.page_size != checkpoint.page_size:
        checkpoint = replace(checkpoint, page_size=careful.page_size, good_pages=0)
    fetcher = Fetcher(
        width=1 if careful.is_alone or careful.begins_alone else config.concurrency,
        pace=Pace.start(config.quota_reserve, claimed.sharers),
        stopping=job.engine.stopping,
        keep_alive_s=config.lease_s / 3,
        failures=claimed.checkpoint.failures,
    )
    slice_ = Slice(
        job,
        client,
        fetcher,
        checkpoint,
        claimed.results,
        page_size=careful.page_size,
        width=1 if careful.is_alone else config.concurrency,
        sets_aside=careful.sets_aside,
    )
    fetcher.keep_alive = slice_.keep_alive
    try:
        run_phases(slice_)
    except SliceEnds as end:
        checkpoint = replace(slice_.checkpoint, failures=fetcher.failures)
        let_go(
            job,
            checkpoint,
            fetcher.tally,
            total=slice_.results.total,
            wait_s=end.wait_s,
            message=end.message,
            attempts=0,
        )
        return Outcome.WAITING if end.wait_s > 0 else Outcome.CONTINUE
    except (LeaseLost, RefreshEnded):
        raise
    except BigCommerceError as error:
        return _fail(job, error, fetcher.tally)
    except Exception as error:
        _unexpected(slice_, 1 if slice_.has_progressed else claimed.attempts + 1, error)
        raise
    finally:
        fetcher.close()
    unsolved = slice_.checkpoint.unsolved
    if unsolved.reason is not None:
        log.warning(
            "Refresh %s of %s: %s", job.refresh_id, job.resource, completed(unsolved), extra=_extra(job, "unlinked")
        )
    log.info("Refresh %s of %s is completed.", job.refresh_id, job.resource, extra=_extra(job, "complete"))
    return Outcome.ENDED


def _set_aside_before(job: Job) -> int:
    """How many records this refresh has set aside as workers died over them."""
    rejected = job.engine.tables.rejected_records
    count = select(func.count()).where(rejected.c.refresh_id == job.refresh_id, rejected.c.reason == WORKERS_DIED)
    return job.engine.transaction(lambda session: int(session.execute(count).scalar_one()))


def _fail(job: Job, error: BigCommerceError, tally: Tally) -> Outcome:
    log.error("Refresh %s of %s failed: %s", job.refresh_id, job.resource, error, extra=_extra(job, "fail"))
    fail(job, error, tally)
    return Outcome.ENDED


def _unexpected(slice_: Slice, attempts: int, error: Exception) -> None:
    """Let go with the attempt counted, or give up after too many: a fault of ours must neither loop nor hide."""
    job = slice_.job
    text = f"Something went wrong that should not ({type(error).__name__}); the log of the worker has the details."
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        text = "The connection to the database broke off; the refresh goes on from the last page that was stored."
    try:
        if attempts >= GIVE_UP_AFTER:
            fail(job, BigCommerceError(text), slice_.fetcher.tally)
        else:
            wait_s = min(2.0**attempts, 60.0) * (0.5 + random.random() / 2)  # noqa: S311 - jitter, no secret
            # The stored checkpoint stands: a commit whose answer was lost may have moved it further than we know.
            let_go(
                job,
                None,
                slice_.fetcher.tally,
                total=slice_.results.total,
                wait_s=wait_s,
                message=text,
                attempts=attempts,
            )
    except Exception:
        log.exception("The lease of refresh %s was not let go; it ends with its time.", job.refresh_id)


def _extra(job: Job, action: str) -> dict[str, object]:
    return {
        "action": action,
        "instance_id": job.instance.id,
        "refresh_id": job.refresh_id,
        "resource": job.resource,
    }
