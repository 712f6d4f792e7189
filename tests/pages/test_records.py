"""The pages of orders, rejected records and the history, and the lists as files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy import text as sql_text

from bigcommerce_integration import SQLAlchemyHost
from bigcommerce_integration.models import db_now

from ..web.mirrored import NOON, Mirrored, connected
from .browsing import Browser


def add_orders(listed: Mirrored, *rows: dict[str, Any]) -> str:
    """Orders of a store in Chicago; the path of their list."""
    table = listed.tables.instances
    listed.execute(update(table).values(store_timezone="America/Chicago"))
    listed.add("orders", *rows)
    return f"/{listed.instance_id}/orders"


def add_rejected(listed: Mirrored, **values: Any) -> int:
    record = {
        "instance_id": listed.instance_id,
        "refresh_id": 1,
        "resource": "orders",
        "bigcommerce_id": 1234,
        "reason": "total_inc_tax is <i>no</i> number",
        "reason_code": "unreadable_field",
        "payload": b'{"id":1234,"who":"<script>x</script>"}',
        "is_payload_cut": False,
        "created_at": NOON,
    }
    listed.execute(insert(listed.tables.rejected_records).values(record | values))
    return max(row["id"] for row in listed.rows("rejected_records"))


def may_not(monkeypatch: pytest.MonkeyPatch, *refused: str) -> None:
    monkeypatch.setattr(SQLAlchemyHost, "may", lambda _self, action, _instance: action not in refused)


def rows_of(reader: Browser, path: str) -> list[dict[str, str]]:
    answer = reader.client.get(f"/big-commerce{path}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode()[1:], newline="")))


def test_orders_are_dated_in_the_zone_of_the_store(listed: Mirrored, reader: Browser) -> None:
    path = add_orders(
        listed,
        {
            "bigcommerce_id": 100,
            "status_id": 10,
            "date_created": datetime(2026, 1, 31, 2, 30),
            "total_inc_tax": Decimal("1234.5"),
            "default_currency_code": "EUR",
        },
        {"bigcommerce_id": 101, "status_id": 5, "is_sale": False, "is_deleted": True},
    )
    page = reader.get(path)
    assert "30 Jan 2026, 20:30 CST" in page.text
    assert "America/Chicago" in page.text
    assert "1,234.50 EUR" in page.text
    for word in ("Completed", "Cancelled", "No sale", "Archived"):
        assert word in page.text
    assert [name for name in page.links if name.isdecimal()] == ["101", "100"]
    assert [name for name in reader.get(f"{path}?placed_until=2026-01-30").links if name.isdecimal()] == ["100"]
    assert [name for name in reader.get(f"{path}?placed_from=2026-01-31").links if name.isdecimal()] == []


def test_orders_go_from_page_to_page_newest_first(listed: Mirrored, reader: Browser) -> None:
    path = add_orders(
        listed,
        *({"bigcommerce_id": each, "date_created": NOON, "is_sale": each % 2 == 0} for each in range(1, 8)),
    )
    for query in ("limit=3", "limit=3&placed_from=2026-01-01", "limit=3&deleted=any"):
        seen, page = [], reader.get(f"{path}?{query}")
        while True:
            seen += [int(name) for name in page.links if name.isdecimal()]
            if "Next page" not in page.links:
                break
            page = reader.get(page.links["Next page"])
        assert seen == [7, 6, 5, 4, 3, 2, 1], query
    assert [name for name in reader.get(f"{path}?is_sale=false&limit=2").links if name.isdecimal()] == ["7", "5"]


def test_an_order_shows_its_lines_and_is_fetched_again(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add_orders(
        listed,
        {
            "bigcommerce_id": 100,
            "status_id": 11,
            "total_inc_tax": Decimal("2"),
            "default_currency_code": "JPY",
            "notes": '[{"field": "date_shipped", "reason": "is no date"}]',
        },
    )
    line = {"bigcommerce_order_id": 100, "quantity": 2}
    listed.add("variants", {"bigcommerce_id": 11, "host_product_id": 77})
    listed.add(
        "order_lines",
        {"bigcommerce_id": 1, "bigcommerce_variant_id": 11, "sku": "A", "name": "<b>Cup</b>", **line},
        {"bigcommerce_id": 2, "bigcommerce_variant_id": 12, "sku": "B", **line},
    )
    page = reader.get(f"{path}/100")
    for word in ("Awaiting Fulfillment", "2 lines", "2.00 JPY", "77", "<b>Cup</b>", "date_shipped is no date"):
        assert word in page.text
    assert "A" in page.links
    assert "B" not in page.links
    monkeypatch.setattr("bigcommerce_integration.pages.views.records.orders._WAIT_S", 0)
    (form,) = [each for each in page.forms if each.method == "post"]
    page = reader.follow(reader.send(form))
    assert "The refresh has begun." in page.text
    assert "100" in page.text


def test_the_page_of_the_host_is_linked(listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def link_to(_self: Any, _session: Any, instance: Any, kind: str, key: Any) -> str:
        return f"/erp/{instance.id}/{kind}/{key}"

    monkeypatch.setattr(SQLAlchemyHost, "link_to", link_to, raising=False)
    path = add_orders(listed, {"bigcommerce_id": 100})
    assert reader.get(f"{path}/100").links["Show it in your system"] == f"/erp/{listed.instance_id}/order/100"
    listed.add("variants", {"bigcommerce_id": 11, "sku": "A", "host_product_id": 77, "link_source": "auto"})
    assert reader.get(f"/{listed.instance_id}/variants").links["77"] == f"/erp/{listed.instance_id}/product/77"


def test_an_order_shows_what_was_given_back_of_it(listed: Mirrored, reader: Browser) -> None:
    path = add_orders(listed, {"bigcommerce_id": 100, "default_currency_code": "EUR"}, {"bigcommerce_id": 101})
    line = {"bigcommerce_order_id": 100, "quantity": 2}
    listed.add("order_lines", {"bigcommerce_id": 11, "sku": "A", "name": "<b>Cup</b>", **line})
    of_order = {"bigcommerce_order_id": 100, "date_created": datetime(2026, 1, 31, 2, 30)}
    listed.add(
        "refunds",
        {"bigcommerce_id": 7, "total_amount": Decimal("12.5"), "total_tax": Decimal("2"), **of_order},
        {"bigcommerce_id": 8, "total_amount": Decimal("1.5"), "total_tax": Decimal("1.5"), **of_order},
    )
    listed.add(
        "refund_items",
        {"bigcommerce_refund_id": 7, "item_type": "PRODUCT", "item_id": 11, "quantity": 2},
        {"bigcommerce_refund_id": 7, "position": 2, "item_type": "SHIPPING", "requested_amount": Decimal("3")},
    )
    listed.add(
        "refund_payments",
        {"bigcommerce_refund_id": 7, "provider_id": "<i>bank</i>", "amount": Decimal("12.5"), "is_declined": True},
        {"bigcommerce_refund_id": 8, "provider_id": "custom", "amount": Decimal("1.5"), "offline": True},
    )
    page = reader.get(f"{path}/100")
    for text in (
        "2 refunds",
        "30 Jan 2026, 20:30 CST",
        "2 × <b>Cup</b>",
        "Shipping (3.00 EUR)",
        "<i>bank</i>",
        "Declined",
    ):
        assert text in page.text
    for text in ("Tax alone", "outside of the store", "12.50 EUR"):
        assert text in page.text
    assert "refund" not in reader.get(f"{path}/101").text.split("lines")[-1]


def add_refunds(listed: Mirrored) -> str:
    """Two of order 100, and one of an order that is not here; the path of their list."""
    add_orders(listed, {"bigcommerce_id": 100, "default_currency_code": "EUR"})
    listed.add("order_lines", {"bigcommerce_id": 11, "bigcommerce_order_id": 100, "quantity": 2, "name": "<b>Cup</b>"})
    of_order = {"bigcommerce_order_id": 100, "date_created": datetime(2026, 1, 31, 2, 30)}
    listed.add(
        "refunds",
        {"bigcommerce_id": 7, "total_amount": Decimal("12.5"), "total_tax": Decimal("2"), **of_order},
        {"bigcommerce_id": 8, "total_amount": Decimal("1.5"), **of_order, "deleted_at": NOON},
        {"bigcommerce_id": 9, "bigcommerce_order_id": 40, "total_amount": Decimal("4"), "date_created": NOON},
    )
    listed.add("refund_items", {"bigcommerce_refund_id": 7, "item_type": "PRODUCT", "item_id": 11, "quantity": 2})
    return f"/{listed.instance_id}/refunds"


def test_refunds_are_listed_with_what_belongs_to_them(listed: Mirrored, reader: Browser) -> None:
    page = reader.get(add_refunds(listed))
    for text in ("30 Jan 2026, 20:30 CST", "2 × <b>Cup</b>", "12.50 EUR", "40 not here", "4.00", "America/Chicago"):
        assert text in page.text
    assert "In your books" not in page.text
    assert page.links["100"] == f"/big-commerce/{listed.instance_id}/orders/100"
    assert 'id="bc-refund-9"' in page.answer.text
    assert "refunds are stored yet" in reader.get(f"/{connected(listed.app, listed.host_app).instance_id}/refunds").text


def test_refunds_are_found_by_what_is_in_the_address(listed: Mirrored, reader: Browser) -> None:
    path = add_refunds(listed)
    shown = [
        ("", ["9", "7"]),
        ("deleted=any", ["9", "8", "7"]),
        ("deleted=true", ["8"]),
        ("bigcommerce_order_id=100", ["7"]),
        ("bigcommerce_id=9", ["9"]),
        ("bigcommerce_id=9&made_until=2026-01-30", []),
        ("made_until=2026-01-30", ["7"]),
        ("made_from=2026-01-31&limit=1", ["9"]),
    ]
    for query, numbers in shown:
        page = reader.get(f"{path}?{query}")
        assert re.findall(r'id="bc-refund-(\d+)"', page.answer.text) == numbers, query
        address = page.links["Download as CSV"].removeprefix("/big-commerce")
        rows = rows_of(reader, f"{address}{'&' if '?' in address else '?'}limit=1")
        assert sorted(row["bigcommerce_id"] for row in rows) == sorted(numbers), query
    assert "No refunds match" in reader.get(f"{path}?bigcommerce_id=6").text
    reader.get(f"{path}?bigcommerce_id=six", 422)
    first = reader.get(f"{path}?limit=1&made_from=2026-01-01")
    assert 'id="bc-refund-7"' in reader.get(first.links["Next page"]).answer.text


def test_refunds_need_the_permission_of_orders(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add_refunds(listed)
    may_not(monkeypatch, "export")
    assert "Download as CSV" not in reader.get(path).links
    reader.get(f"{path}.csv", 403)
    may_not(monkeypatch, "read_orders")
    for each in (path, f"{path}.csv"):
        reader.get(each, 403)
    assert "Refunds" not in reader.get(f"/{listed.instance_id}/variants").links


def test_no_orders_says_why(listed: Mirrored, reader: Browser) -> None:
    path = add_orders(listed)
    assert "No orders are stored yet." in reader.get(path).text
    page = reader.get(f"{path}?q=1234")
    assert "Orders placed before the first day, 31 Jan 2024, are left out on purpose." in page.text


def test_a_rejected_record_is_shown_and_retried(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/{listed.instance_id}/rejected"
    assert "No record was rejected" in reader.get(path).text
    add_rejected(listed)
    page = reader.get(reader.get(f"{path}?resource=orders").links["Order 1234"])
    assert "total_inc_tax is <i>no</i> number" in page.text
    assert '"who":"<script>x</script>"' in page.text
    assert "<script>x" not in page.answer.text
    (form,) = [each for each in page.forms if each.method == "post"]
    assert "The refresh has begun." in reader.follow(reader.send(form)).text
    may_not(monkeypatch, "read_person_data", "refresh")
    page = reader.get(page.answer.request.path)
    assert "What the store sent" not in page.text
    assert "who" not in page.text
    assert [each for each in page.forms if each.method == "post"] == []
    may_not(monkeypatch, "read_orders")
    reader.get(page.answer.request.path, 403)


def test_a_record_that_is_rejected_again_is_one(listed: Mirrored, reader: Browser) -> None:
    for each in ("First.", "Second.", "Last."):
        add_rejected(listed, reason=each)
    add_rejected(listed, resource="products", reason="Of a product.")
    for _ in range(2):
        add_rejected(listed, bigcommerce_id=None, reason="Without a number.")
    shown = reader.get(f"/{listed.instance_id}/rejected").text
    assert [shown.count(each) for each in ("First.", "Second.", "Last.", "Of a product.")] == [0, 0, 1, 1]
    assert shown.count("Without a number.") == 2
    done = {"status": "completed", "open_key": None, "finished_at": NOON}
    listed.execute(update(listed.tables.refreshes).values(done))
    assert "4 records rejected" in reader.get(f"/{listed.instance_id}").text


def test_an_order_says_that_a_newer_version_is_rejected(listed: Mirrored, reader: Browser) -> None:
    listed.add("orders", {"bigcommerce_id": 1234, "observed_at": NOON - timedelta(1)})
    path = f"/{listed.instance_id}/orders/1234"
    assert "A newer version" not in reader.get(path).text
    number = add_rejected(listed)
    page = reader.get(path)
    assert "A newer version could not be stored on" in page.text
    assert "what is shown is older" in page.text
    assert page.links["See why, and what to do"].endswith(f"/rejected/{number}")
    listed.execute(update(listed.tables.orders).values(observed_at=NOON + timedelta(1)))
    assert "A newer version" not in reader.get(path).text


def test_a_product_says_that_a_newer_version_is_rejected(listed: Mirrored, reader: Browser) -> None:
    listed.add("products", {"bigcommerce_id": 7, "observed_at": NOON - timedelta(1)})
    add_rejected(listed, resource="products", bigcommerce_id=7)
    assert "what is shown is older" in reader.get(f"/{listed.instance_id}/products/7").text


def test_no_store_is_well_while_no_worker_runs(listed: Mirrored, reader: Browser) -> None:
    workers, refreshes = listed.tables.workers, listed.tables.refreshes
    listed.execute(
        workers.delete(),
        insert(workers).values(id="w", started_at=NOON, last_tick_at=db_now()),
        update(listed.tables.instances).values(is_automatic_sync_enabled=True),
        update(refreshes).values(status="completed", open_key=None, finished_at=db_now(-60)),
    )
    assert "All is well" in reader.get("/").text
    listed.execute(update(workers).values(last_tick_at=db_now(-3600)))
    page = reader.get("/")
    assert "No worker runs: see above." in page.text
    assert "All is well" not in page.text


def test_no_collection_is_up_to_date_that_nobody_reads(listed: Mirrored, reader: Browser) -> None:
    workers, refreshes, path = listed.tables.workers, listed.tables.refreshes, f"/{listed.instance_id}"
    listed.execute(
        workers.delete(),
        insert(workers).values(id="w", started_at=NOON, last_tick_at=db_now()),
        update(refreshes).values(status="completed", open_key=None, finished_at=db_now(-60)),
    )
    assert "Up to date" in reader.get(path).text
    listed.execute(update(workers).values(last_tick_at=db_now(-3600)))
    page = reader.get(path)
    assert "Up to date" not in page.text
    assert "Not up to date" in page.text


def test_a_missing_migration_is_no_matter_of_a_moment(listed: Mirrored, reader: Browser) -> None:
    with listed.app.app_context():
        session = listed.host_app.db.session
        session.execute(sql_text("ALTER TABLE bigcommerce_refreshes DROP COLUMN trouble"))
        session.commit()
    page = reader.get("/", 503)
    assert "The database lacks a migration" in page.text
    assert "Try again in a moment" not in page.text


def test_a_record_of_another_store_is_none(listed: Mirrored, reader: Browser) -> None:
    theirs = add_rejected(listed, instance_id=listed.instance_id + 1)
    reader.get(f"/{listed.instance_id}/rejected/{theirs}", 404)


def test_lists_of_the_past_go_on_from_page_to_page(listed: Mirrored, reader: Browser) -> None:
    def every_page(path: str) -> Iterator[str]:
        while path:
            page = reader.get(path)
            yield page.text
            path = page.links.get("Next page", "")

    for number, each in enumerate("ABCDE"):
        add_rejected(listed, reason=f"Reason {each}.", bigcommerce_id=number)
        deed = {"instance_id": listed.instance_id, "done_at": NOON, "done_by": "ada", "changes": "{}"}
        listed.execute(insert(listed.tables.history).values(deed | {"action": f"deed_{each}"}))
    for name, word in (("rejected", "Reason"), ("rejected?resource=orders", "Reason"), ("history", "Deed")):
        path = f"/{listed.instance_id}/{name}{'&' if '?' in name else '?'}limit=2"
        found = [re.findall(rf"{word} (\w)\b", text, re.IGNORECASE) for text in every_page(path)]
        assert [[each.upper() for each in some] for some in found[:3]] == [["E", "D"], ["C", "B"], ["A"]], name
    assert "No rejected records match" in reader.get(f"/{listed.instance_id}/rejected?resource=products").text


def test_history_tells_who_did_what(listed: Mirrored, reader: Browser) -> None:
    (product,) = listed.add_host_products("MUG")
    listed.add("variants", {"bigcommerce_id": 11, "sku": "A"})
    listed.client.put(
        f"/api/big-commerce/{listed.instance_id}/variants/links",
        json=[{"bigcommerce_id": 11, "host_product_id": product}],
    )
    rows_of(reader, f"/{listed.instance_id}/variants.csv?linked=true")
    page = reader.get(f"/{listed.instance_id}/history")
    assert "Variant 11: – → MUG" in page.text
    for word in ("Connected the store", "Decided on links", "Exported a list", "Rows: 1", "ada", "Linked: yes"):
        assert word in page.text


def test_files_have_the_filters_of_their_page(listed: Mirrored, reader: Browser) -> None:
    path = add_orders(
        listed,
        {"bigcommerce_id": 100, "date_created": datetime(2026, 1, 31, 2, 30)},
        {"bigcommerce_id": 101, "date_created": datetime(2026, 1, 31, 12)},
    )
    query = "placed_from=2026-01-31&limit=1&after=5"
    address = reader.get(f"{path}?placed_from=2026-01-31&limit=1").links["Download as CSV"]
    assert "placed_from=2026-01-31" in address
    assert [row["bigcommerce_id"] for row in rows_of(reader, f"{path}.csv?{query}")] == ["101"]
    assert "payload" not in rows_of(reader, f"{path}.csv?include=payload")[0]
    listed.add("products", {"bigcommerce_id": 1, "name": "Mug"}, {"bigcommerce_id": 2, "name": "Cup"})
    assert [row["name"] for row in rows_of(reader, f"/{listed.instance_id}/products.csv?q=mug")] == ["Mug"]
    listed.add("variants", {"bigcommerce_id": 11, "host_product_id": 5}, {"bigcommerce_id": 12})
    unlinked = rows_of(reader, f"/{listed.instance_id}/variants.csv?linked=false")
    assert [row["variant_id"] for row in unlinked] == ["12"]
    add_rejected(listed)
    assert len(rows_of(reader, f"/{listed.instance_id}/rejected.csv?reason_code=unreadable_field")) == 1


def test_who_may_not_export_gets_no_file(listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    path = add_orders(listed, {"bigcommerce_id": 100})
    may_not(monkeypatch, "export")
    assert "Download as CSV" not in reader.get(path).links
    for name in ("orders", "products", "variants", "rejected"):
        reader.get(f"/{listed.instance_id}/{name}.csv", 403)


def test_who_may_not_link_decides_on_nothing(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed.add("variants", {"bigcommerce_id": 11, "sku": "A"})
    path = f"/{listed.instance_id}/variants"
    form = reader.get(f"{path}/11").form("sku")
    may_not(monkeypatch, "link")
    for each in (path, f"{path}/11"):
        page = reader.get(each)
        assert [one for one in page.forms if one.method == "post"] == []
        assert "Leave" not in page.text.replace("Left alone", "")
    reader.get(f"{path}/many?do=leave", 403)
    reader.send(form, 403, host_product_id="1")
