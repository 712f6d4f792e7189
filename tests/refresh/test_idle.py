"""An incremental that finds nothing: what it costs, from when it is due to its end, and that nothing rests on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, update

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.refresh.job.context import Job
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.schedule import begin_due
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker import dispatcher
from bigcommerce_integration.worker.actors import BigCommerceWorker
from bigcommerce_integration.worker.heartbeat import note_worker
from bigcommerce_integration.worker.maintenance import Maintenance
from bigcommerce_integration.worker.messages.outbox import take_ready

from .conftest import Connect, Mirror

COLLECTIONS = ("products", "orders", "refunds")
MOST = {"postgresql": 12, "sqlite": 14, "mysql": 16}
"""Statements of one, by database: only PostgreSQL takes a lease and reads what it holds in one."""
REQUESTS = {"products": 1, "orders": 1, "refunds": 1}


class Counted:
    """The statements of each part, and the requests."""

    def __init__(self, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mirror, self.part = mirror, ""
        self.statements: dict[str, list[str]] = defaultdict(list)
        self.requests: dict[str, Sequence[str]] = {}
        self._run_slice = dispatcher.run_slice
        monkeypatch.setattr(dispatcher, "run_slice", self._sliced)

    def run(self) -> None:
        """What is due, as one worker does it: the tick's begin, what a poll finds, slice after slice."""
        mirror = self.mirror
        broker = state_of(mirror.app).broker
        (worker,) = (each for each in broker.middleware if isinstance(each, BigCommerceWorker))
        with mirror.app.app_context(), self._counting():
            self.part = "begin"
            begin_due(mirror.engine, with_following=False)
            self.part = "find"
            for hint in take_ready(mirror.engine, most=10, delay_s=5.0):
                worker.dispatcher._advance_or_defer(mirror.app, mirror.engine, hint)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        engine = self.mirror.host_app.db.engine

        def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            self.statements[self.part].append(statement)

        event.listen(engine, "before_cursor_execute", note)
        yield
        event.remove(engine, "before_cursor_execute", note)

    def _sliced(self, engine: Any, refresh_id: int, may_go_on: Any) -> tuple[Outcome, Job | None]:
        self.part = ""
        (row,) = self.mirror.rows("refreshes", id=refresh_id)
        self.part = row["resource"]
        self.mirror.server.requests.clear()
        outcome, job = self._run_slice(engine, refresh_id, may_go_on)
        self.requests[self.part] = self.mirror.asked()
        return outcome, job


@pytest.fixture
def counted(connect_any: Connect, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A store that is up to date, and that has been asked of late."""
    store = SandboxStore(9, 9, awkward=False)
    made = {"integration_settings__auto_create_products": True, "is_automatic_sync_enabled": True}
    mirror = connect_any(store, registry=REGISTRY, settings={"overlap_s": 0}, **made).completed()
    counted = Counted(mirror, monkeypatch)
    for _ in range(2):
        all_due(counted).run()
    counted.statements.clear()
    return all_due(counted)


def all_due(counted: Counted) -> Counted:
    mirror = counted.mirror
    mirror.execute(update(mirror.table("leases")).values(next_sync_at=None))
    return counted


def shown(counted: Counted) -> str:
    lines = [f"{part}: {len(found)} {[each[:60] for each in found]}" for part, found in counted.statements.items()]
    return "\n".join(lines)


def test_few_statements_and_requests_find_nothing(counted: Counted) -> None:
    counted.run()
    for name in COLLECTIONS:
        (last,) = counted.mirror.rows("refreshes", resource=name)[-1:]
        assert (last["mode"], last["status"], last["fetched"], last["requests"]) == ("incremental", "completed", 0, 1)
    assert {name: len(asked) for name, asked in counted.requests.items()} == REQUESTS, counted.requests
    del counted.statements[""]
    assert counted.statements.keys() == {"begin", "find", *COLLECTIONS}
    with counted.mirror.app.app_context():
        most = MOST[counted.mirror.host_app.db.engine.dialect.name] * len(COLLECTIONS)
    assert sum(map(len, counted.statements.values())) <= most, shown(counted)


def test_tick_with_nothing_to_do_asks_three_statements(counted: Counted) -> None:
    """Beside the note that the worker is alive."""
    counted.run()
    mirror, maintenance = counted.mirror, Maintenance()
    for part in ("first", "second"):
        counted.part = part
        with mirror.app.app_context(), counted._counting():
            assert maintenance.do(mirror.engine, lambda _: True) == 0
    assert len(counted.statements["second"]) <= 3, shown(counted)


def test_a_note_that_a_worker_is_alive_is_one_statement(counted: Counted) -> None:
    for part in ("first", "second"):
        counted.part = part
        with counted.mirror.app.app_context(), counted._counting():
            note_worker(counted.mirror.engine, "a worker")
    assert len(counted.statements["second"]) == 1, shown(counted)


# -- what an empty answer does not prove ---------------------------------------------------------------------------


@pytest.fixture
def mirror(connect: Connect) -> Mirror:
    """A store that has been asked of late which one it is, and whose watermarks lie back."""
    mirror = connect(SandboxStore(9, 9, awkward=False), settings={"overlap_s": 0}).completed()
    leases = mirror.table("leases")
    early = {row["resource"]: row["watermark"] - timedelta(seconds=100) for row in mirror.rows("leases")}
    for name, watermark in early.items():
        mirror.execute(update(leases).where(leases.c.resource == name).values(watermark=watermark))
    mirror.server.requests.clear()
    return mirror


def watermarks(mirror: Mirror) -> list[datetime]:
    return [row["watermark"] for row in mirror.rows("leases")]


def test_empty_answer_leaves_the_watermark_for_an_hour(mirror: Mirror) -> None:
    before = watermarks(mirror)
    mirror.again("products", "orders", mode="incremental")
    assert len(mirror.asked()) == 2
    assert watermarks(mirror) == before
    mirror.let_an_hour_pass()
    mirror.again("products", "orders", mode="incremental")
    assert len(mirror.asked("v2/store")) == 2
    assert all(now > then for now, then in zip(watermarks(mirror), before, strict=True))


@pytest.mark.parametrize(("resource", "requests"), [("products", 3), ("orders", 4)])
def test_what_came_is_written_once_the_store_was_asked(mirror: Mirror, resource: str, requests: int) -> None:
    before = watermarks(mirror)
    mirror.store.edit_product(mirror.store.product_ids[0], name="Edited")
    mirror.store.edit_order(mirror.store.order_ids[0], staff_notes="Edited")
    mirror.again(resource, mode="incremental")
    asked = mirror.asked()
    assert [at for at, each in enumerate(asked) if "v2/store?" in each] == [1]
    assert len(asked) == requests
    assert mirror.refresh(resource)["updated"] == 1
    assert sum(now > then for now, then in zip(watermarks(mirror), before, strict=True)) == 1
    mirror.again("products", "orders", mode="incremental")
    mirror.assert_mirrors_the_store()


def test_store_is_asked_before_a_referenced_product_is_fetched(mirror: Mirror) -> None:
    products, leases = mirror.table("products"), mirror.table("leases")
    stored = set(mirror.ids("products"))
    lacking = next(row["bigcommerce_product_id"] for row in mirror.rows("order_lines") if row["bigcommerce_product_id"])
    assert lacking in stored
    mirror.execute(delete(products).where(products.c.bigcommerce_id == lacking))
    mirror.execute(update(leases).values(referenced_up_to=None))
    mirror.again("orders", mode="incremental")
    assert set(mirror.ids("products")) == stored
    asked = mirror.asked("v2/store|id%3Ain")
    assert ["v2/store" in each for each in asked] == [True, False]


@pytest.mark.usefixtures("quick_retries")
def test_what_came_of_another_store_is_not_written(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.store.edit_product(mirror.store.product_ids[0], name="Another")
    real = mirror.store.information
    monkeypatch.setattr(mirror.store, "information", lambda: {**real(), "id": "another1"})
    mirror.start("products", "incremental").run("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "another1" in refresh["message"]
    assert "Another" not in {row["name"] for row in mirror.rows("products")}


def test_a_zone_that_changed_meanwhile_is_gone_by(mirror: Mirror) -> None:
    """What came ahead was asked for by the old one."""
    mirror.store.set_information(timezone="Asia/Tokyo")
    mirror.store.edit_order(mirror.store.order_ids[0], staff_notes="Edited")
    mirror.again("orders", mode="incremental")
    asked = mirror.asked("id%3Aasc")
    # The first day begins with another hour: once ahead, and once more by what the store has told.
    assert ["T05%3A59%3A59Z" in each for each in asked] == [True, False]
    assert mirror.instance()["store_timezone"] == "Asia/Tokyo"
    assert mirror.refresh("orders")["updated"] == 1
