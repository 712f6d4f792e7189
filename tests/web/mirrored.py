"""A connected store whose mirror rows a test writes itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Table, insert, select

from bigcommerce_integration.models import Tables

from ..host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
NOON = datetime(2026, 1, 31, 12)
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "products": {"payload": "{}", "is_only_referenced": False},
    "variants": {"bigcommerce_product_id": 1},
    "orders": {"payload": "{}", "is_sale": True, "is_deleted": False},
    "order_lines": {"bigcommerce_order_id": 1},
    "refunds": {"payload": "{}", "bigcommerce_order_id": 1},
    "refund_items": {"bigcommerce_refund_id": 1, "position": 1},
    "refund_payments": {"bigcommerce_refund_id": 1, "position": 1},
}
_COLLECTIONS = {
    "variants": "products",
    "order_lines": "orders",
    "refund_items": "refunds",
    "refund_payments": "refunds",
}


@dataclass
class Mirrored:
    """One instance of a host app, asked over HTTP."""

    app: Flask
    host_app: HostApp
    client: FlaskClient
    instance_id: int
    numbers: dict[str, int] = field(default_factory=lambda: {"products": 0, "orders": 0, "refunds": 0})

    @property
    def tables(self) -> Tables:
        tables: Tables = self.app.extensions["bigcommerce_integration"].tables
        return tables

    def table(self, name: str) -> Table:
        table: Table = getattr(self.tables, name)
        return table

    def add(self, name: str, *rows: Mapping[str, Any]) -> None:
        """Rows of a mirror table; the columns that must have a value are filled in."""
        resource = _COLLECTIONS.get(name, name)
        given = []
        for row in rows:
            self.numbers[resource] += 1
            given.append(
                {
                    "instance_id": self.instance_id,
                    "content_hash": "x",
                    "observed_at": NOON,
                    "change_number": self.numbers[resource],
                    **_NEEDED[name],
                    **row,
                }
            )
        leases = self.tables.leases
        counted = leases.update().where(leases.c.instance_id == self.instance_id, leases.c.resource == resource)
        self.execute(
            *(insert(self.table(name)).values(row) for row in given),
            counted.values(change_number=self.numbers[resource]),
        )

    def execute(self, *statements: Any) -> None:
        """In one transaction."""
        with self.app.app_context():
            for statement in statements:
                self.host_app.db.session.execute(statement)
            self.host_app.db.session.commit()

    def rows(self, name: str, **where: Any) -> list[dict[str, Any]]:
        """What is committed."""
        table = self.table(name)
        statement = select(table).where(*(table.c[column] == value for column, value in where.items()))
        with self.app.app_context():
            return [dict(row._mapping) for row in self.host_app.db.session.execute(statement)]

    def add_host_products(self, *skus: str) -> list[int]:
        """Products of the host's own; their ids."""
        with self.app.app_context():
            made = [self.host_app.Product(sku=sku, name="Of the host") for sku in skus]
            self.host_app.db.session.add_all(made)
            self.host_app.db.session.commit()
            return [int(each.id) for each in made]

    def ask(self, path: str, *, method: str = "GET", **options: Any) -> Any:
        """The answer to a request below the instance; about itself, if ``path`` is empty."""
        return self.client.open("/".join(filter(None, (URL, str(self.instance_id), path))), method=method, **options)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a good answer."""
        answer = self.ask(path, query_string=query)
        assert answer.status_code == 200, answer.json
        return answer.json

    def ids(self, path: str, **query: Any) -> list[int]:
        """The BigCommerce ids of one page."""
        return [row["bigcommerce_id"] for row in self.get(path, **query)["data"]]

    def all_ids(self, path: str, **query: Any) -> list[int]:
        """Those of every page, by ``meta.next``."""
        found: list[int] = []
        while True:
            page = self.get(path, **query)
            found += [row["bigcommerce_id"] for row in page["data"]]
            if page["meta"]["next"] is None:
                return found
            query["after"] = page["meta"]["next"]

    def refused_without(self, needed: Set[str], path: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """Each of the permissions that ``path`` needs is needed; the set of those that are given from now on."""
        permitted: set[str] = set()
        host = self.app.extensions["bigcommerce_integration"].host
        monkeypatch.setattr(host, "_may", lambda action, instance: action in permitted)
        for missing in needed:
            permitted.clear()
            permitted.update(needed - {missing})
            assert self.ask(path).status_code == 403, missing
        return permitted


def connected(app: Flask, host_app: HostApp, **body: Any) -> Mirrored:
    """An instance made by POST."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(app)["Authorization"]
    answer = client.post(f"{URL}?verify=false", json=new_instance(name=uuid.uuid4().hex, **body))
    assert answer.status_code == 201, answer.json
    return Mirrored(app, host_app, client, answer.json["data"]["id"])


def errors(answer: Any) -> dict[str, Sequence[str]]:
    """The bad fields of a 422."""
    assert answer.status_code == 422, answer.json
    found: dict[str, Sequence[str]] = answer.json["errors"]
    return found
