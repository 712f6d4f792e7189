"""The audit trail, on each database."""

from __future__ import annotations

import json

from flask import Flask
from sqlalchemy import select

from bigcommerce_integration import history

from ..host_app import HostApp


def test_history_row_says_who_did_what_when_and_holds_any_text(any_app: Flask, host_app: HostApp) -> None:
    tables = any_app.extensions["bigcommerce_integration"].tables
    changes = {"name": {"from": "Größe \0 \ud800 🛒", "to": None}, "n": 2**63}
    with any_app.app_context():
        history.record(host_app.db.session(), tables, 7, "change", done_by="user@example.com", changes=changes)
        history.record(host_app.db.session(), tables, 7, "delete", done_by=None, changes={})
        host_app.db.session.commit()
        rows = host_app.db.session.execute(select(tables.history).order_by(tables.history.c.id)).all()
    assert [(row.instance_id, row.action, row.done_by) for row in rows] == [
        (7, "change", "user@example.com"),
        (7, "delete", None),
    ]
    assert json.loads(rows[0].changes) == changes
    assert rows[0].done_at <= rows[1].done_at
