"""One box over all stores: the verdict first, then what can be done about it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from bigcommerce_integration import SQLAlchemyHost

from ..shop import Shop
from ..web.mirrored import NOON, Mirrored, connected
from .browsing import Browser
from .test_records import may_not


def buttons(page: Any) -> set[str]:
    """Where the buttons of a page lead that do something at once."""
    return {form.action for form in page.forms if form.method == "post"}


def test_every_page_has_the_box(listed: Mirrored, reader: Browser) -> None:
    for path in ("/", "/connect", f"/{listed.instance_id}", f"/{listed.instance_id}/orders?q=7"):
        form = reader.get(path).form("/find")
        assert form.method == "get"
        assert form.fields["q"] == ""
    assert "Type the number of an order" in reader.get("/find").text
    assert reader.get("/find?q=A-1").form("/find").fields["q"] == "A-1"


def test_what_is_here_is_found_in_every_store(listed: Mirrored, reader: Browser) -> None:
    other = connected(listed.app, listed.host_app)
    for each in (listed, other):
        each.add("orders", {"bigcommerce_id": 100, "status_id": 10, "external_order_id": "A-1"})
        each.add("variants", {"bigcommerce_id": 11, "sku": "MUG", "sku_key": "MUG"})
    for text in ("100", "%23100", "A-1"):
        page = reader.get(f"/find?q={text}")
        assert page.text.count("The order is here.") == 2
        assert "Completed" in page.text
        assert "/orders/100" in page.links["Show the order"]
    page = reader.get("/find?q=MUG")
    assert page.text.count("SKU MUG") == 2
    assert "/variants/11" in page.links["Show the variant"]
    assert "/variants/create?ids=11" in page.links["Create a product for it"]
    for each in (listed, other):
        table = each.tables.variants
        each.execute(table.update().values(link_conflict="It differs.", link_conflict_code="similar_sku_in_host"))
    assert "/variants/11" in reader.get("/find?q=MUG").links["Link it"]


def test_a_refund_is_found_and_says_what_it_is(listed: Mirrored, reader: Browser) -> None:
    listed.add("orders", {"bigcommerce_id": 1234, "default_currency_code": "USD"})
    made = {"total_amount": Decimal(12), "date_created": datetime(2026, 3, 4, 2)}
    listed.execute(listed.tables.instances.update().values(store_timezone="America/Chicago"))
    listed.add("refunds", {"bigcommerce_id": 55, "bigcommerce_order_id": 1234, **made})
    page = reader.get("/find?q=%2355")
    assert "Refund 55 of order 1234, 12.00 USD, made 3 Mar 2026" in page.text
    assert page.links["Show the refund"] == f"/big-commerce/{listed.instance_id}/orders/1234#bc-refund-55"
    assert 'id="bc-refund-55"' in reader.get(page.links["Show the refund"]).answer.text
    assert "Order 55" in page.text, "the number may be that of an order too"
    listed.execute(listed.tables.orders.delete())
    page = reader.get("/find?q=55")
    assert "Refund 55 of order 1234, 12.00, made 3 Mar 2026" in page.text
    assert 'id="bc-refund-55"' in reader.get(page.links["Show the refund"]).answer.text


def test_a_rejected_order_is_fetched_by_one_press(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {
        "instance_id": listed.instance_id,
        "refresh_id": 1,
        "resource": "orders",
        "bigcommerce_id": 1234,
        "reason": "total_inc_tax is <i>no</i> number.",
        "reason_code": "unreadable_field",
        "is_payload_cut": False,
        "created_at": NOON,
    }
    listed.execute(insert(listed.tables.rejected_records).values(record))
    page = reader.get("/find?q=1234")
    assert "total_inc_tax is <i>no</i> number." in page.text
    assert "<i>no" not in page.answer.text
    (form,) = [each for each in page.forms if each.action.endswith("/retry")]
    assert "The refresh has begun." in reader.follow(reader.send(form)).text
    may_not(monkeypatch, "refresh", "check")
    assert buttons(reader.get("/find?q=1234")) == set()


def test_nothing_is_found_without_a_store_or_a_text(reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    may_not(monkeypatch, "read")
    assert "Nothing was found" in reader.get("/find?q=1234").text
    assert "This is too long" in reader.get(f"/find?q={'x' * 300}").text
    assert "Nothing was found" in reader.get("/find?q=%00").text


def test_a_product_of_the_host_without_a_variant_is_named(listed: Mirrored, reader: Browser) -> None:
    (cup,) = listed.add_host_products("CUP-7")
    said = "CUP-7 (Of the host) is a product of yours, and no variant of a store that you may see is linked to it."
    for text in ("CUP-7", "cup-7", "of+the+host"):
        page = reader.get(f"/find?q={text}")
        assert said in page.text, text
        assert "There is no variant here with the SKU" in page.text
    assert "is a product of yours" not in reader.get("/find?q=CUP").text
    listed.add("variants", {"bigcommerce_id": 11, "sku": "X", "sku_key": "X", "host_product_id": cup})
    assert "is a product of yours" not in reader.get("/find?q=of+the+host").text


def test_another_tenant_is_not_searched(listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    listed.add("orders", {"bigcommerce_id": 100})
    monkeypatch.setattr(SQLAlchemyHost, "tenant", lambda _self: "theirs")
    assert "Nothing was found" in reader.get("/find?q=100").text


def test_an_old_order_was_left_out_on_purpose(paged: Shop, browser: Browser) -> None:
    paged.post(integration_settings__start_date="2026-11-20")
    number = min(paged.store.order_ids)
    page = browser.get(f"/find?q={number}")
    assert "before your first day 20 Nov 2026, so it was left out on purpose. It cannot be fetched alone" in page.text
    link = page.links["Change first day"]
    address, _, anchor = link.partition("#")
    settings = browser.get(address)
    assert f'id="{anchor}"' in settings.answer.text
    form = settings.form("version")
    day = form.fields["integration_settings.start_date"]
    assert day < "2026-11-20"
    assert "Save to fetch all orders placed from" in settings.text
    assert "All orders placed from the new first day on are being fetched." in browser.follow(browser.send(form)).text
    assert paged.rows("instances")[0].start_date.isoformat() == day
    assert "Save to fetch" not in browser.get(f"{address.partition('?')[0]}?day=2026-12-01").text
    assert "Save to fetch" not in browser.get(f"{address.partition('?')[0]}?day=soon").text


def test_an_order_that_only_the_store_has_is_fetched(paged: Shop, browser: Browser) -> None:
    paged.post()
    number = max(paged.store.order_ids)
    page = browser.get(f"/find?q={number}")
    assert "The store has the order, and it can be fetched now." in page.text
    (form,) = [each for each in page.forms if each.action.endswith(f"/1/orders/{number}")]
    assert form.method == "post"
    assert browser.get(f"/1/orders/{number}", 302).answer.headers["Location"].endswith(f"/find?q={number}")
