"""The pages of accounting in a real browser: they fit their screens, are accessible, and a person can act by them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask_jwt_extended import create_access_token

from bigcommerce_integration.accounting.document import Line
from bigcommerce_integration.accounting.postings import AccountingMemo

from ..host_app import HostApp
from ..serving import serving
from ..web.accounted import (
    AccountingHost,
    add_batch,
    add_documents,
    add_order,
    begin,
    document,
    goods,
    make_documents,
)
from ..web.mirrored import Mirrored, connected
from .browsing import PAGES, add_pages
from .chromium import browsers, watched
from .test_browser import SERIOUS, WIDTHS

pytestmark = [pytest.mark.ci, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsers() as found:
        yield found


@pytest.fixture
def booked(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Mirrored]:
    """A store with documents in every state, and batches."""
    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(AccountingHost))
    host_app.create_rows(app)
    add_pages(app)
    mirrored = connected(app, host_app)
    begin(mirrored)
    add_order(mirrored)
    make_documents(mirrored)
    row = {"bigcommerce_id": 300, "status_id": 2, "total_inc_tax": Decimal(80), "default_currency_code": "USD"}
    mirrored.add("orders", row)
    memos = (AccountingMemo("payment_cost", Decimal("2.5"), Decimal("1.75")),)
    missing = (Line("cogs", "debit", None, cost_source="missing"), Line("inventory", "credit", None))
    documents = [
        document(number=101, order_id=300, memo_lines=memos),
        document(number=102, order_id=300, status="pending", adjusts_number=101, total=Decimal("-3.10")),
        document(number=103, order_id=300, status="failed", message="The period is closed."),
        document(number=104, order_id=300, kind="sales_credit", status="disabled", reasons=("flag_off",), refund_id=7),
        goods(number=105, order_id=300, status="waiting", reasons=("cost_missing",), lines=missing, total=None),
    ]
    add_documents(mirrored, documents)
    mirrored.add("refunds", {"bigcommerce_id": 7, "bigcommerce_order_id": 300, "total_amount": Decimal("12.5")})
    mirrored.add("refund_payments", {"bigcommerce_refund_id": 7, "provider_id": "custom", "is_declined": True})
    number = add_batch(mirrored, 1)
    add_documents(mirrored, [goods(number=106, order_id=300, status="pending")], batch_number=number, is_late=True)
    add_batch(mirrored, 2, status="posted", host_reference="J-9", batch_period="2026-02")
    add_batch(mirrored, 3, status="failed", message="There is no such code.", batch_period="2026-01")
    yield mirrored
    host_app.dispose(app)


@pytest.fixture
def page(booked: Mirrored, chromium: Any) -> Iterator[Any]:
    """A page of somebody who is logged in; what it complains about fails the test."""
    complaints: list[str] = []
    with serving(booked.app) as address:
        context = chromium.new_context(base_url=address)
        with booked.app.app_context():
            token = create_access_token("ada")
        context.add_cookies([{"name": "access_token_cookie", "value": token, "url": address}])
        yield watched(context.new_page(), complaints)
        context.close()
    assert complaints == []


def test_every_page_fits_its_screen_and_is_accessible(booked: Mirrored, page: Any) -> None:
    axe = Path(os.environ["AXE"]).read_text() if "AXE" in os.environ else None
    home = f"{PAGES}/{booked.instance_id}"
    waiting = [f"{home}/accounting?month=2026-03", f"{home}/orders/300", f"{home}/refunds"]
    waiting += [f"{PAGES}/find?q={number}" for number in (300, 7)]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path in seen or path.partition("?")[0].endswith(".csv"):
            continue
        seen.add(path)
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        assert page.goto(path).status in (200, 404), path
        links = page.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
        waiting += [each for each in links if re.match(rf"{home}/accounting", each)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        for scheme in ("light", "dark") if axe else ():
            page.emulate_media(color_scheme=scheme)
            page.evaluate(axe)
            assert page.evaluate(SERIOUS) == [], (path, scheme)
    assert len(seen) > 15


def test_a_person_finds_what_is_held_and_releases_it(booked: Mirrored, page: Any) -> None:
    page.goto(f"{PAGES}/{booked.instance_id}")
    page.get_by_text("accounting document is held and stays out of your books").wait_for()
    page.get_by_role("link", name="Look at the documents").nth(1).click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Invoice")).first.click()
    page.get_by_text("are 70.0000, but its total_inc_tax is 69.8400.").wait_for()
    page.get_by_role("button", name="Release it as it is").click()
    page.get_by_text("It is released. A worker hands it over to your books.").wait_for()
    assert booked.rows("accounting_documents", status="held") == []
