"""Two walks of somebody who knows nothing but the words on the pages: an order that is missing, and a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Worker
from flask import Flask
from flask_jwt_extended import create_access_token
from sqlalchemy import insert

from ..serving import serving
from ..shop import Shop
from ..web.mirrored import NOON, Mirrored
from .browsing import PAGES
from .chromium import browsers, watched
from .test_mapping import links, work

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("browser")]

MOST_PAGES = 8


class Walk:
    """A person at a browser, who counts the pages that they open."""

    def __init__(self, app: Flask, chromium: Any, address: str) -> None:
        self.complaints: list[str] = []
        self.opened: list[str] = []
        context = chromium.new_context(base_url=address)
        with app.app_context():
            token = create_access_token("ada")
        context.add_cookies([{"name": "access_token_cookie", "value": token, "url": address}])
        self.page = watched(context.new_page(), self.complaints)
        self.page.on("load", lambda page: self.opened.append(page.url))
        self.page.goto(f"{PAGES}/")

    def find(self, text: str) -> None:
        """Search by the box that every page has."""
        self.page.get_by_label("Find an order, a refund or a SKU").fill(text)
        self.page.get_by_role("button", name="Find").click()

    def end(self) -> None:
        """It did not take too many pages, and the console is clean."""
        assert self.complaints == []
        assert len(self.opened) <= MOST_PAGES, self.opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsers() as found:
        yield found


def test_an_order_that_is_not_here_is_found_out_and_fetched(paged: Shop, chromium: Any) -> None:
    numbers = sorted(paged.store.order_ids)
    paged.post(integration_settings__start_date="2026-06-01", name="Nordlicht")
    worker = Worker(paged.broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        paged.wait()
        here = {row.bigcommerce_id for row in paged.rows("orders")}
        old = next(each for each in numbers if each not in here)
        paged.execute(paged.tables.orders.delete().where(paged.tables.orders.c.bigcommerce_id == max(here)))
        with serving(paged.app) as address:
            walk = Walk(paged.app, chromium, address)
            walk.find(f"#{old}")
            walk.page.get_by_text("so it was left out on purpose.").wait_for()
            walk.page.get_by_role("link", name="Change first day").click()
            walk.page.get_by_role("heading", name="Settings").wait_for()
            walk.find(str(max(here)))
            walk.page.get_by_text("The store has the order, and it can be fetched now.").wait_for()
            walk.page.get_by_role("button", name="Fetch it now").click()
            walk.page.get_by_role("heading", name=f"Order {max(here)}").wait_for()
            walk.page.get_by_text("The order was read from the store just now.").wait_for()
            walk.end()
    finally:
        worker.stop()


def filled_in(exported: Path) -> bytes:
    """As a spreadsheet of another country saves it, which has taken the zeros of numbers away."""
    with exported.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), delimiter=";")
    writer.writeheader()
    for place, row in enumerate(rows):
        row["host_sku"] = "" if place % 300 == 0 else f"P-{row['variant_id']}"
        row["decision"] = "leave" if place % 300 == 0 else ""
        writer.writerow(row | {"sku": row["sku"].lstrip("0")})
    return "\ufeff".encode() + text.getvalue().encode()


def test_three_thousand_variants_are_mapped_by_a_spreadsheet(listed: Mirrored, chromium: Any, tmp_path: Path) -> None:
    numbers = range(1, 3001)
    common = {"instance_id": listed.instance_id, "content_hash": "x", "observed_at": NOON, "bigcommerce_product_id": 1}
    rows = [
        {**common, "bigcommerce_id": n, "change_number": n, "sku": f"{n:05}", "sku_key": f"{n:05}"} for n in numbers
    ]
    listed.add("products", {"bigcommerce_id": 1, "name": "<b>Mug</b>"})
    for begin in range(0, 3000, 500):
        listed.execute(insert(listed.tables.variants).values(rows[begin : begin + 500]))
    listed.add_host_products(*(f"P-{number}" for number in numbers))
    with serving(listed.app) as address:
        walk = Walk(listed.app, chromium, address)
        page = walk.page
        page.get_by_role("main").get_by_role("table").get_by_role("link").first.click()
        page.get_by_role("link", name="Variants", exact=True).click()
        page.get_by_text("Not linked 3,000").wait_for()
        page.get_by_role("link", name="Map by a spreadsheet").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download what is not linked").click()
        file = tmp_path / "filled in.csv"
        file.write_bytes(filled_in(download.value.path()))
        page.get_by_label("The file").set_input_files(file)
        page.get_by_role("button", name="Send the file").click()
        page.get_by_text("Nothing is linked yet.").first.wait_for()
        work(listed)
        page.get_by_role("button", name="Apply 3,000 good rows").click()
        page.get_by_text("Being applied").wait_for()
        work(listed)
        page.get_by_role("link", name="Show what is not linked yet").click()
        page.get_by_text("Left alone 10").wait_for()
        walk.end()
    assert sum(link is not None for link, _ in links(listed).values()) == 2990
