"""The lease: one holder at a time by the database's clock, and a fence before every page of one who lost it."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from bigcommerce_integration.errors import LeaseLost
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.job.lease import Lease, claim, sharers
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror, connected


def take(mirror: Mirror, owner: str = "one", *, length_s: float = 60, resource: str = "products") -> Lease | None:
    return mirror.transaction(
        lambda session: claim(
            session,
            mirror.engine.tables,
            instance_id=mirror.instance_id,
            resource=resource,
            owner=owner,
            length_s=length_s,
        )
    )


def let_expire(mirror: Mirror, resource: str = "products") -> None:
    leases = mirror.engine.tables.leases
    mirror.execute(update(leases).where(leases.c.resource == resource).values(expires_at=db_now(-1)))


def test_of_two_claims_one_gets_the_lease_of_each_resource(connect_any: Connect):
    mirror = connect_any()
    first = take(mirror)
    assert first is not None
    assert take(mirror, "two") is None
    assert take(mirror, "two", resource="orders") is not None
    mirror.transaction(first.release)
    second = take(mirror, "two")
    assert second is not None
    assert second.epoch == first.epoch + 1
    # Once it is past, another may have it; whoever had it can neither renew nor release it.
    let_expire(mirror)
    third = take(mirror, "three")
    assert third is not None
    with pytest.raises(LeaseLost, match="products of instance"):
        mirror.transaction(second.renew)
    mirror.transaction(second.release)
    assert take(mirror, "four") is None
    mirror.transaction(third.renew)


def test_of_many_claims_at_the_same_moment_one_wins(connect_any: Connect):
    mirror = connect_any()
    start, won = threading.Barrier(6), []

    def compete(owner: str) -> None:
        start.wait()
        if take(mirror, owner) is not None:
            won.append(owner)

    threads = [threading.Thread(target=compete, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_renewal_moves_the_expiry_by_the_clock_of_the_database(connect: Connect):
    mirror = connect()
    lease = take(mirror, length_s=5)
    assert lease is not None
    before = mirror.rows("leases", resource="products")[0]["expires_at"]
    mirror.transaction(Lease(**{**vars(lease), "length_s": 500}).renew)
    after = mirror.rows("leases", resource="products")[0]["expires_at"]
    assert 490 < (after - before).total_seconds() < 510


def test_an_expired_lease_that_nobody_took_is_still_its_holders(connect: Connect):
    mirror = connect()
    lease = take(mirror)
    assert lease is not None
    let_expire(mirror)
    mirror.transaction(lease.renew)
    assert take(mirror, "two") is None


def test_quota_is_shared_by_all_instances_of_one_store(connect: Connect, broker, host_app):
    mirror = connect()
    other = connected(mirror.app, host_app, mirror.host, broker, mirror.server, name="Second")
    strange = connected(
        mirror.app, host_app, mirror.host, broker, mirror.server, name="Third", integration_settings__store_hash="other"
    )

    def count() -> int:
        return mirror.transaction(lambda session: sharers(session, mirror.engine.tables, mirror.store.store_hash, 60.0))

    assert count() == 1, "at least the one who asks"
    for each in (mirror, other, strange):
        assert take(each)
        assert take(each, resource="orders")
    assert count() == 4
    let_expire(mirror)
    assert count() == 2, "all but the two that are past"


def test_a_refresh_whose_lease_another_worker_has_is_left_to_it(connect: Connect):
    mirror = connect(SandboxStore(3, 0))
    other = take(mirror)
    assert other is not None
    assert mirror.advance("products") is Outcome.BUSY
    assert mirror.refresh("products")["status"] == "pending"
    assert not mirror.asked()
    mirror.transaction(other.release)
    assert mirror.advance("products") is Outcome.ENDED


def test_the_lease_is_free_after_each_slice_and_at_the_end(connect: Connect):
    mirror = connect(SandboxStore(3, 3)).completed()
    assert {lease["owner"] for lease in mirror.rows("leases")} == {None}


def test_a_page_does_not_land_once_another_worker_has_the_lease(connect_any: Connect):
    """The worker froze; its lease passed to another while its page was on the way."""
    mirror = connect_any(SandboxStore(30, 0, awkward=False), settings={"page_size": 10})
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    claimed: list[Lease | None] = []
    original = Lease.renew

    def freeze(lease: Lease, session) -> None:
        if told and not claimed:
            claimed.append(None)
            let_expire(mirror)
            claimed[0] = take(mirror, "the other worker")
        original(lease, session)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lease, "renew", freeze)
        assert mirror.advance("products") is Outcome.BUSY
    assert mirror.ids("products") == told == mirror.store.product_ids[: len(told)]
    refresh = mirror.refresh("products")
    assert (refresh["status"], refresh["fetched"]) == ("processing", len(told))
    # The other one goes on from what was stored.
    (other,) = claimed
    assert other is not None
    mirror.transaction(other.release)
    mirror.completed("products")
    assert mirror.refresh("products")["created"] == 30
    assert mirror.ids("products") == mirror.store.product_ids


def test_the_lease_is_renewed_while_the_store_is_slow(connect: Connect):
    mirror = connect(SandboxStore(2, 0)).with_settings(lease_s=1.0)
    mirror.store.faults.add("delay", "id%3Amin", delay_s=1.6)
    stop = threading.Event()

    def compete() -> None:
        while not stop.wait(0.05):
            if mirror.refresh("products")["status"] == "processing":
                take(mirror, "thief")

    thief = threading.Thread(target=compete)
    thief.start()
    try:
        assert mirror.advance("products") is Outcome.ENDED
    finally:
        stop.set()
        thief.join()
    assert mirror.refresh("products")["status"] == "completed"
