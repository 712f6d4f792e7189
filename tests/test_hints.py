"""The life of a hint's row: one of many sends it, and it is put off further each time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from sqlalchemy import update

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.worker.messages.outbox import LONGEST_BACKOFF_S, claim_hint, snooze

from .hinting import engine, hint_rows, make_due, tick
from .processes import wait_until
from .shop import Shop
from .test_end_to_end import working


def test_a_hint_is_put_off_further_each_time_it_is_sent(any_shop: Shop) -> None:
    any_shop.post()
    for due_s, times in hint_rows(any_shop):
        assert 5 < due_s <= 10, "the request's own hint has time to arrive"
        assert times == 0
    assert tick(any_shop) == 0
    for expected in (1, 2, 4, 8):
        make_due(any_shop)
        assert tick(any_shop) == 2
        assert tick(any_shop) == 0
        for due_s, _ in hint_rows(any_shop):
            assert expected - 0.9 < due_s <= expected
    any_shop.execute(update(any_shop.tables.hints).values(times_sent=1000))
    make_due(any_shop)
    assert tick(any_shop) == 2
    assert all(LONGEST_BACKOFF_S - 1 < due_s <= LONGEST_BACKOFF_S for due_s, _ in hint_rows(any_shop))


def test_claim_makes_the_hint_due_again_and_the_end_removes_it(shop: Shop) -> None:
    shop.post()
    shop.execute(update(shop.tables.hints).values(times_sent=5, next_hint_at=db_now(600)))
    shop.server.pause()
    with working(shop.broker):
        wait_until(lambda: [row for row in hint_rows(shop) if row[0] <= 0], 10, "a claim")
        wait_until(lambda: [times for _, times in hint_rows(shop)] == [0, 0], 10, "that the other is looked at")
        shop.server.resume()
        shop.wait(30)
    known = {refresh["id"] for refresh in shop.refreshes()}
    assert [row for row in shop.rows("hints") if row.refresh_id in known] == []


def test_one_of_many_sends(any_shop: Shop) -> None:
    any_shop.post()
    refresh_id = any_shop.instances[0]["refreshes"][0]["id"]
    ours, begin = engine(any_shop), threading.Barrier(8)

    def contend(_: int) -> bool:
        with any_shop.app.app_context():
            begin.wait()
            return claim_hint(ours, refresh_id, delay_s=60)

    for _ in range(3):
        make_due(any_shop)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(contend, range(8))) == 1


def test_many_ticks_at_once_send_each_hint_once(any_shop: Shop) -> None:
    for number in range(5):
        any_shop.post(name=f"Shop {number}")
    any_shop.broker.flush_all()
    # So that none is due again before the last tick has looked, however slow the machine is.
    state = state_of(any_shop.app)
    object.__setattr__(state, "config", replace(state.config, tick_s=600.0))
    make_due(any_shop)
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: tick(any_shop), range(6))) == 10
    assert any_shop.queued() == 10


def test_the_tick_passes_over_what_is_leased_waits_or_has_ended(any_shop: Shop) -> None:
    (products, orders) = any_shop.post()["refreshes"]
    tables = any_shop.tables

    def refresh(which: dict[str, Any], **values: Any) -> None:
        any_shop.execute(update(tables.refreshes).where(tables.refreshes.c.id == which["id"]).values(values))

    def lease(**values: Any) -> None:
        any_shop.execute(update(tables.leases).where(tables.leases.c.resource == "products").values(values))

    def sent() -> int:
        make_due(any_shop)
        return tick(any_shop)

    assert sent() == 2
    refresh(orders, status="completed")
    assert sent() == 1
    lease(owner="another", expires_at=db_now(60))
    assert sent() == 0
    lease(expires_at=db_now())
    assert sent() == 1
    lease(owner=None)
    refresh(products, resume_at=db_now(60))
    assert sent() == 0
    refresh(products, resume_at=db_now(), status="processing")
    assert sent() == 1


def test_a_message_is_passed_on_only_while_its_refresh_needs_one(any_shop: Shop) -> None:
    (products, _) = any_shop.post()["refreshes"]
    tables, ours = any_shop.tables, engine(any_shop)

    def is_wanted() -> bool:
        with any_shop.app.app_context():
            return snooze(ours, products["id"], delay_s=30)

    assert is_wanted()
    assert 29 < hint_rows(any_shop)[0][0] <= 30
    any_shop.execute(update(tables.leases).values(owner="another", expires_at=db_now(60)))
    assert not is_wanted(), "who has the lease sends the next"
    any_shop.execute(update(tables.leases).values(expires_at=db_now()))
    assert is_wanted()
    any_shop.execute(update(tables.refreshes).values(resume_at=db_now(60)))
    assert not is_wanted(), "the tick sends the next"


def test_the_tick_command_sends_what_is_due_once(shop: Shop) -> None:
    shop.post()
    shop.broker.flush_all()
    make_due(shop)
    run = shop.app.test_cli_runner().invoke
    assert run(args=["bigcommerce", "tick"]).output == "2 hints sent.\n"
    assert run(args=["bigcommerce", "tick"]).output == "0 hints sent.\n"
    assert shop.queued() == 2
    with working(shop.broker):
        shop.wait(30)
    shop.assert_exact()
