"""Whether the broker answers is asked beside the work, and people are told since when it does not."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.worker.heartbeat import note_end, note_worker
from bigcommerce_integration.worker.messages import broker_watch
from bigcommerce_integration.worker.messages.broker_watch import BrokerWatch

from .host_app import bearer
from .shop import URL, Shop
from .waiting import wait_until


class Client:
    """A broker whose answer is up to the test."""

    def __init__(self) -> None:
        self.client = self
        self.is_up = True
        self.speaks = threading.Event()
        self.speaks.set()
        self.asked = 0

    def ping(self) -> None:
        self.asked += 1
        self.speaks.wait(30)
        if not self.is_up:
            raise ConnectionError("no")


@pytest.fixture
def broker_(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(broker_watch, "ASK_EVERY_S", 0.0)
    monkeypatch.setattr(broker_watch, "ANSWERS_WITHIN_S", 0.2)
    client = Client()
    yield client
    client.speaks.set()


def test_a_broker_that_is_away_is_noticed_and_its_return(broker_: Any) -> None:
    watch = BrokerWatch()
    wait_until(lambda: watch.down_s(broker_) is None and broker_.asked, 10, "the first answer")
    broker_.is_up = False
    wait_until(lambda: watch.down_s(broker_) is not None, 10, "that it is down")
    first = watch.down_s(broker_)
    wait_until(lambda: (watch.down_s(broker_) or 0) > (first or 0), 10, "that it stays so since then")
    broker_.is_up = True
    wait_until(lambda: watch.down_s(broker_) is None, 10, "that it is back")


def test_a_silent_broker_hangs_few_threads_and_nobody_else(broker_: Any) -> None:
    watch = BrokerWatch()
    broker_.speaks.clear()
    wait_until(lambda: watch.down_s(broker_) is not None, 10, "that it is down")
    for _ in range(20):
        watch.down_s(broker_)
    assert broker_.asked <= broker_watch.MOST_HANGING
    broker_.speaks.set()
    wait_until(lambda: watch.down_s(broker_) is None, 10, "that it is back")


def test_a_broker_that_cannot_be_asked_is_never_down(shop: Shop) -> None:
    watch = BrokerWatch()
    assert [watch.down_s(shop.broker) for _ in range(3)] == [None] * 3


def test_since_when_is_kept_and_ends(any_shop: Shop) -> None:
    any_shop.post()

    def note(broker_down_s: float | None) -> Any:
        with any_shop.app.app_context():
            note_worker(engine_of(state_of(any_shop.app), threading.Event()), "host:1:a", broker_down_s=broker_down_s)
        return any_shop.rows("workers", "broker_down_since")[0].broker_down_since

    assert note(None) is None
    since = note(60.0)
    assert note(90.0) == since
    client, headers = any_shop.app.test_client(), bearer(any_shop.app)
    found = client.get(f"{URL}/1", headers=headers).json["data"]["health"]["findings"]
    assert (found[0]["code"], found[0]["can_wait"], found[0]["instance_id"]) == ("broker_down", True, None)
    assert found[0]["since"].startswith(since.isoformat(timespec="seconds"))
    assert note(None) is None
    codes = [each["code"] for each in client.get(f"{URL}/1", headers=headers).json["data"]["health"]["findings"]]
    assert "broker_down" not in codes


def test_a_worker_that_has_ended_says_since_when(any_shop: Shop) -> None:
    any_shop.post()
    with any_shop.app.app_context():
        engine = engine_of(state_of(any_shop.app), threading.Event())
        note_worker(engine, "host:1:a")
        note_end(engine, "host:1:a")
    client, headers = any_shop.app.test_client(), bearer(any_shop.app)
    data = client.get(f"{URL}/1", headers=headers).json["data"]["health"]
    assert data["findings"][0]["code"] == "no_worker"
    assert data["findings"][0]["since"] == data["last_worker_tick_at"] is not None
    answer = client.get(f"{URL}/health")
    assert (answer.status_code, answer.json["data"]["problem"]["code"]) == (503, "no_worker")
    assert answer.json["data"]["problem"]["since"] is not None
    any_shop.execute(update(any_shop.tables.workers).values(ended_at=None, last_tick_at=db_now()))
    assert client.get(f"{URL}/1", headers=headers).json["data"]["health"]["findings"][0]["code"] != "no_worker"
