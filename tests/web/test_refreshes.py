"""The answers about progress."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert, update

from bigcommerce_integration.models import db_now, tables
from bigcommerce_integration.models.refreshes import COUNTERS
from bigcommerce_integration.refresh.lifecycle.transitions import start

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"


class Watched:
    """An instance whose rows the test moves as the engine would."""

    def __init__(self, app: Flask, db: SQLAlchemy) -> None:
        self.app, self.db = app, db
        self.client, self.headers = app.test_client(), bearer(app)
        data = self.client.post(URL, json=new_instance(), headers=self.headers).json["data"]
        self.instance_id = data["id"]
        self.refresh_id = data["refreshes"][0]["id"]
        self.path = f"{URL}/{self.instance_id}/refreshes/{self.refresh_id}"

    def execute(self, statement: Any) -> None:
        with self.app.app_context():
            self.db.session.execute(statement)
            self.db.session.commit()

    def set(self, **values: Any) -> None:
        self.execute(update(tables.refreshes).where(tables.refreshes.c.id == self.refresh_id).values(**values))

    def worker_ticked(self, ago_s: float) -> None:
        row = {"id": f"w{ago_s}", "started_at": db_now(-1000), "last_tick_at": db_now(-ago_s)}
        self.execute(insert(tables.workers).values(row))

    def lease_until(self, in_s: float) -> None:
        lease = tables.leases
        held = (lease.c.instance_id == self.instance_id, lease.c.resource == "products")
        self.execute(update(lease).where(*held).values(expires_at=db_now(in_s), owner="w"))

    def get(self) -> dict[str, Any]:
        answer = self.client.get(self.path, headers=self.headers)
        assert answer.status_code == 200
        return answer.json["data"]  # type: ignore[no-any-return]


@pytest.fixture
def watched(any_app: Flask, host_app: HostApp) -> Watched:
    return Watched(any_app, host_app.db)


def test_the_refresh_resource_has_every_field_of_the_contract(watched: Watched) -> None:
    watched.worker_ticked(1)
    data = watched.get()
    assert data.pop("created_at").endswith("Z")
    assert data == {
        "id": watched.refresh_id,
        "resource": "products",
        "mode": "initial",
        "parameters": {},
        "requested_by": "1",
        "status": "pending",
        "phase": None,
        "progress_percentage": None,
        "message": None,
        "error_code": None,
        "results": {**dict.fromkeys(COUNTERS, 0), "waited_s": 0.0, "total": None},
        "records_per_s": None,
        "eta_s": None,
        "quota_left": None,
        "started_at": None,
        "finished_at": None,
    }


def test_counters_and_times_are_shown_as_they_stand(watched: Watched) -> None:
    watched.worker_ticked(1)
    moment = datetime(2026, 1, 2, 3, 4, 5, 6)
    counts = {name: number for number, name in enumerate(COUNTERS, 1)}
    watched.set(
        status="failed", message="No scope.", started_at=moment, finished_at=moment, total=2**40, waited_s=1.5, **counts
    )
    data = watched.get()
    assert data["results"] == {**counts, "waited_s": 1.5, "total": 2**40}
    assert data["started_at"] == data["finished_at"] == "2026-01-02T03:04:05.000006Z"
    assert (data["status"], data["message"]) == ("failed", "No scope.")


def test_a_hundred_per_cent_means_completed(watched: Watched) -> None:
    for status, stored, shown in (
        ("processing", 42, 42),
        ("processing", 100, 99),
        ("failed", 100, 99),
        ("completed", 100, 100),
    ):
        watched.set(status=status, progress_percentage=stored)
        assert watched.get()["progress_percentage"] == shown


def test_pending_refresh_without_a_worker_says_how_to_start_one(watched: Watched) -> None:
    assert "dramatiq host.worker:broker" in watched.get()["message"]
    assert "create_app()" in watched.get()["message"]


def test_a_worker_counts_as_running_for_a_minute_after_its_tick(watched: Watched) -> None:
    for ago_s, is_running in ((10_000, False), (70, False), (50, True), (1, True)):
        watched.worker_ticked(ago_s)
        assert (watched.get()["message"] is None) is is_running, ago_s


def test_a_slow_tick_widens_the_minute(host_app: HostApp, broker: Any, sqlite_url: str) -> None:
    app = host_app.create_app(sqlite_url, broker=broker, settings={"BIGCOMMERCE_TICK_S": 100})
    host_app.create_rows(app)
    watched = Watched(app, host_app.db)
    watched.worker_ticked(350)
    assert watched.get()["message"] is None
    host_app.dispose(app)


def test_a_refresh_in_work_lacks_no_worker_while_its_lease_holds(watched: Watched) -> None:
    watched.set(status="processing", message="Reading products.")
    watched.lease_until(30)
    assert watched.get()["message"] == "Reading products."
    watched.lease_until(-1)
    assert "No worker is running" in watched.get()["message"]
    watched.worker_ticked(1)
    assert watched.get()["message"] == "Reading products."


def test_a_refresh_that_is_over_keeps_its_message(watched: Watched) -> None:
    for status in ("completed", "failed", "cancelled"):
        watched.set(status=status, message="Over.")
        assert watched.get()["message"] == "Over."


def test_the_instance_shows_the_newest_refresh_of_each_resource(watched: Watched) -> None:
    with watched.app.app_context():
        newer = []
        for mode in ("incremental", "full"):
            watched.db.session.execute(update(tables.refreshes).values(open_key=None, status="completed"))
            newer.append(
                start(watched.db.session(), tables, instance_id=watched.instance_id, resource="products", mode=mode)
            )
        watched.db.session.commit()
    answer = watched.client.get(f"{URL}/{watched.instance_id}", headers=watched.headers)
    shown = answer.json["data"]["refreshes"]
    assert [(each["resource"], each["mode"]) for each in shown] == [("products", "full"), ("orders", "initial")]
    assert shown[0]["id"] == newer[-1]


def test_a_refresh_in_work_shows_its_rate_and_when_it_may_end(watched: Watched) -> None:
    watched.worker_ticked(1)
    watched.set(
        status="processing", started_at=db_now(-30), waited_s=10, fetched=500, total=1500, phase="walk", quota_left=77
    )
    data = watched.get()
    assert 24 < data["records_per_s"] <= 25
    assert 40 <= data["eta_s"] < 42
    assert (data["phase"], data["quota_left"]) == ("walk", 77)


def test_ended_refresh_keeps_its_rate_and_has_no_time_left(watched: Watched) -> None:
    watched.set(status="failed", started_at=db_now(-130), finished_at=db_now(-120), fetched=500, total=1500)
    data = watched.get()
    assert 49 < data["records_per_s"] < 51
    assert data["eta_s"] is None


def retry_after(watched: Watched) -> str | None:
    answer = watched.client.get(watched.path, headers=watched.headers)
    return answer.headers.get("Retry-After")


def test_an_open_refresh_says_when_to_look_again(watched: Watched) -> None:
    assert retry_after(watched) == "1"
    watched.set(resume_at=db_now(29.5))
    assert retry_after(watched) in {"29", "30"}
    watched.set(resume_at=db_now(3000))
    assert retry_after(watched) == "60"
    # 25 records a second, and 1,000 are left.
    watched.set(status="processing", resume_at=None, started_at=db_now(-20), fetched=500, total=1500)
    assert 3 <= int(retry_after(watched) or 0) <= 5


def test_an_ended_refresh_need_not_be_looked_at_again(watched: Watched) -> None:
    for status in ("completed", "failed", "cancelled"):
        watched.set(status=status)
        assert retry_after(watched) is None


def test_202_answers_say_when_to_look_again(watched: Watched) -> None:
    watched.set(status="failed", open_key=None)
    retried = watched.client.post(f"{watched.path}/retry", headers=watched.headers)
    deleted = watched.client.delete(f"{URL}/{watched.instance_id}", headers=watched.headers)
    assert [(each.status_code, each.headers["Retry-After"]) for each in (retried, deleted)] == [(202, "1"), (202, "5")]
