"""Ten thousand variants linked by one file as by ``PUT``, and what both take, which is printed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from ..conftest import made
from ..host_app import HostApp
from ..test_end_to_end import working
from ..waiting import wait_until
from .mirrored import NOON, Mirrored, connected

VARIANTS, A_REQUEST = 10_000, 1000


def add_catalog(mirrored: Mirrored) -> list[int]:
    """Variants, none of which is linked; the host's products."""
    common = {"instance_id": mirrored.instance_id, "bigcommerce_product_id": 1, "content_hash": "x"}
    stored = common | {"observed_at": NOON, "change_number": 0}
    skus = [f"H-{number}" for number in range(1, VARIANTS + 1)]
    with mirrored.app.app_context():
        session = mirrored.host_app.db.session
        for begin in range(0, VARIANTS, A_REQUEST):
            numbers = range(begin + 1, begin + A_REQUEST + 1)
            rows = [stored | {"bigcommerce_id": each, "sku": f"V-{each}", "sku_key": f"V-{each}"} for each in numbers]
            session.execute(insert(mirrored.tables.variants), rows)
            product = mirrored.host_app.Product.__table__
            session.execute(insert(product), [{"sku": sku, "name": "x"} for sku in skus[begin : begin + A_REQUEST]])
        session.commit()
        found = session.query(mirrored.host_app.Product).order_by(mirrored.host_app.Product.id).all()
        return [each.id for each in found]


def timed(work: Callable[[], Any], took: list[float]) -> Any:
    began = time.perf_counter()
    answer = work()
    took.append(time.perf_counter() - began)
    return answer


def by_put(mirrored: Mirrored, products: list[int]) -> list[float]:
    """Seconds of each request."""
    took: list[float] = []
    for begin in range(0, VARIANTS, A_REQUEST):
        rows = [{"bigcommerce_id": each + 1, "host_product_id": products[each]} for each in range(begin, begin + 1000)]
        answer = timed(lambda rows=rows: mirrored.ask("variants/links", method="PUT", json=rows), took)  # type: ignore[misc]
        assert answer.status_code == 200
    return took


def by_file(mirrored: Mirrored) -> tuple[float, list[float]]:
    """Seconds from the first request to the last link, and those of each request that does something."""
    text = "variant_id,host_sku,decision\r\n" + "".join(f"{each},H-{each},\r\n" for each in range(1, VARIANTS + 1))
    took: list[float] = []

    def reaches(status: str) -> Callable[[], bool]:
        def is_reached() -> bool:
            shown = timed(lambda: mirrored.get(f"links/imports/{import_id}")["data"], took)
            assert shown["status"] != "failed", shown
            return bool(shown["status"] == status)

        return is_reached

    began = time.perf_counter()
    options: dict[str, Any] = {"method": "POST", "content_type": "text/csv"}
    answer = timed(lambda: mirrored.ask("links/imports", data=text.encode(), **options), took)
    import_id = answer.json["data"]["id"]
    wait_until(reaches("ready"), 120, "the verdicts", every_s=0.25)
    assert timed(lambda: mirrored.ask(f"links/imports/{import_id}/apply", method="POST"), took).status_code == 202
    wait_until(reaches("applied"), 120, "the links", every_s=0.25)
    whole = time.perf_counter() - began
    assert mirrored.get(f"links/imports/{import_id}")["data"]["applied"] == VARIANTS
    return whole, took


@pytest.mark.slow
def test_a_file_links_what_its_requests_link(
    host_app: HostApp, broker: StubBroker, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for app in made(host_app, broker, database_url):
        # Not the one that holds each answer against the document: that would be measured too.
        app.test_client_class = FlaskClient
        mirrored = connected(app, host_app)
        products = add_catalog(mirrored)
        requests = by_put(mirrored, products)
        assert_linked(mirrored, products)
        unlink(app, mirrored)
        with working(broker):
            whole, of_file = by_file(mirrored)
        assert_linked(mirrored, products)
        with capsys.disabled():
            kind, shares = database_url.partition(":")[0], (sum(requests), max(requests), whole, max(of_file))
            sys.stdout.write(f"\n{kind}: PUT %.2f s, the longest %.2f; the file %.2f s, %.2f\n" % shares)


def assert_linked(mirrored: Mirrored, products: list[int]) -> None:
    rows = mirrored.rows("variants", instance_id=mirrored.instance_id)
    assert {row["bigcommerce_id"]: row["host_product_id"] for row in rows} == dict(enumerate(products, 1))
    assert {row["link_source"] for row in rows} == {"manual"}


def unlink(app: Flask, mirrored: Mirrored) -> None:
    table = mirrored.tables.variants
    mirrored.execute(update(table).values(host_product_id=None, link_source=None))
