"""The list of refreshes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import update

from bigcommerce_integration.models import tables
from bigcommerce_integration.refresh.job.parameters import Mode
from bigcommerce_integration.refresh.lifecycle.transitions import start

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"


class Listed:
    """Two instances with ended refreshes; the first has seven."""

    def __init__(self, app: Flask, db: SQLAlchemy) -> None:
        self.client, self.headers = app.test_client(), bearer(app)
        first, _ = (
            self.client.post(URL, json=new_instance(name=name), headers=self.headers).json["data"]
            for name in ("One", "Two")
        )
        self.path = f"{URL}/{first['id']}/refreshes"
        with app.app_context():
            session = db.session()
            for resource, mode, status in ENDED:
                session.execute(update(tables.refreshes).values(open_key=None))
                made = start(session, tables, instance_id=first["id"], resource=resource, mode=mode)
                session.execute(update(tables.refreshes).where(tables.refreshes.c.id == made).values(status=status))
            session.commit()

    def get(self, query: str = "") -> dict[str, Any]:
        answer = self.client.get(f"{self.path}?{query}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[return-value]

    def shown(self, query: str = "") -> list[tuple[str, str, str]]:
        return [(each["resource"], each["mode"], each["status"]) for each in self.get(query)["data"]]


ENDED: list[tuple[str, Mode, str]] = [
    ("products", "incremental", "completed"),
    ("orders", "incremental", "failed"),
    ("products", "full", "completed"),
    ("orders", "ids", "cancelled"),
    ("products", "full", "failed"),
]
BEGUN = [("orders", "initial", "pending"), ("products", "initial", "pending")]


@pytest.fixture
def listed(any_app: Flask, host_app: HostApp) -> Listed:
    return Listed(any_app, host_app.db)


def test_the_newest_come_first_and_none_of_another_instance(listed: Listed) -> None:
    assert listed.shown() == [*reversed(ENDED), *BEGUN]
    assert listed.get()["pagination"] == {"page": 1, "per_page": 25, "total": 7, "pages": 1}


def test_pages_follow_each_other(listed: Listed) -> None:
    pages = [listed.get(f"page={page}&per_page=3") for page in (1, 2, 3, 4)]
    assert [len(page["data"]) for page in pages] == [3, 3, 1, 0]
    assert [page["pagination"] for page in pages] == [
        {"page": number, "per_page": 3, "total": 7, "pages": 3} for number in (1, 2, 3, 4)
    ]
    ids = [each["id"] for page in pages for each in page["data"]]
    assert ids == sorted(ids, reverse=True)


def test_filters_narrow_the_list_and_its_total(listed: Listed) -> None:
    assert listed.shown("resource=products&status=failed") == [("products", "full", "failed")]
    assert listed.shown("mode=ids") == [("orders", "ids", "cancelled")]
    assert listed.shown("resource=orders&mode=full") == []
    assert listed.get("status=completed")["pagination"]["total"] == 2


def test_every_bad_parameter_is_named(listed: Listed) -> None:
    answer = listed.client.get(
        f"{listed.path}?page=0&per_page=101&status=done&mode=x&resource=y&z=1", headers=listed.headers
    )
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {"page", "per_page", "status", "mode", "resource", "z"}
