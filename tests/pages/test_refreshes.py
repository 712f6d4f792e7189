"""Start, follow, cancel and retry refreshes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.drift import Difference, Drift, Totals

from ..shop import Shop
from .browsing import Browser
from .test_records import may_not


@pytest.fixture
def store(paged: Shop) -> str:
    """The address of a connected store whose first import is done with."""
    made = paged.post()
    table = paged.tables.refreshes
    paged.execute(update(table).values(status="completed", open_key=None, finished_at=table.c.created_at))
    return f"/{made['id']}"


def _last(shop: Shop) -> object:
    return shop.rows("refreshes")[-1]


def test_a_store_shows_its_collections_and_refreshes(paged: Shop, browser: Browser, store: str) -> None:
    page = browser.get(store)
    for text in ("Products", "Orders", "Completed", "First import", "Connected the store, by 1"):
        assert text in page.text
    assert "You can close this page." not in page.text


def test_without_a_worker_the_page_says_what_to_do(paged: Shop, browser: Browser) -> None:
    text = browser.get(f"/{paged.post()['id']}").text
    assert "If this stays a minute, tell your engineer that no BigCommerce worker runs." in text
    assert "dramatiq" not in text


@pytest.mark.parametrize(
    ("typed", "mode", "parameters"),
    [
        ({}, "incremental", None),
        ({"mode": "full"}, "full", None),
        ({"mode": "full", "allow_mass_delete": "on"}, "full", '{"allow_mass_delete": true}'),
        ({"mode": "ids", "ids": "101, 102 103"}, "ids", '{"ids": [101, 102, 103]}'),
        (
            {"mode": "date_range", "date_from": "2026-01-01", "date_to": "2026-01-31", "ids": "7"},
            "date_range",
            '{"date_from": "2026-01-01", "date_to": "2026-01-31"}',
        ),
    ],
)
def test_a_refresh_is_started(
    paged: Shop, browser: Browser, store: str, typed: dict[str, str], mode: str, parameters: str | None
) -> None:
    page = browser.get(store)
    form = browser.get(page.links["Start a refresh"]).form("resource")
    page = browser.follow(browser.send(form, resource="orders", **typed))
    assert "The refresh has begun." in page.text
    row = paged.rows("refreshes")[-1]
    assert (row.resource, row.mode, row.parameters, row.requested_by) == ("orders", mode, parameters, "ada")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"mode": "ids", "ids": ""}, "Mode ids needs this field."),
        ({"mode": "ids", "ids": "one"}, "Must be a whole number above 0."),
        ({"mode": "date_range", "date_from": "2001-01-01", "date_to": "2026-01-31"}, "Must not be before"),
        ({"resource": "customers"}, "Choose one."),
    ],
)
def test_a_wrong_request_is_refused_at_its_field(
    paged: Shop, browser: Browser, store: str, typed: dict[str, str], message: str
) -> None:
    form = browser.get(f"{store}/refresh").form("resource")
    page = browser.send(form, 422, **typed)
    assert message in page.text
    assert len(paged.rows("refreshes")) == 2


def test_what_is_read_by_itself_does_not_make_the_page_jump(paged: Shop, browser: Browser, store: str) -> None:
    browser.send(browser.get(f"{store}/refresh").form("resource"))
    assert "You can close this page." in browser.get(store).text
    workers, refreshes = paged.tables.workers, paged.tables.refreshes
    paged.execute(update(refreshes).where(refreshes.c.status == "pending").values(requested_by=None))
    # Without a worker it waits, which is shown.
    assert "You can close this page." in browser.get(store).text
    paged.execute(insert(workers).values(id="w", started_at=db_now(), last_tick_at=db_now()))
    page = browser.get(store)
    assert "You can close this page." not in page.text
    assert page.text.count("Up to date") == 2


def test_each_collection_has_the_button_that_it_needs(paged: Shop, browser: Browser, store: str) -> None:
    page = browser.get(store)
    (orders,) = [each for each in page.forms if each.fields.get("resource") == "orders"]
    browser.send(orders)
    row = paged.rows("refreshes")[-1]
    assert (row.resource, row.mode, row.requested_by) == ("orders", "incremental", "ada")
    page = browser.follow(browser.send(browser.get(store).form("/cancel")))
    table = paged.tables.refreshes
    later = paged.rows("refreshes")[-1].created_at
    failed = {"status": "failed", "error_code": "unexpected_error", "message": "Broken", "finished_at": later}
    paged.execute(update(table).where(table.c.id == row.id).values(failed))
    browser.send(browser.get(store).form("/retry"))
    assert paged.rows("refreshes")[-1].status == "pending"


def test_a_second_walk_names_the_one_that_is_open(paged: Shop, browser: Browser, store: str) -> None:
    form = browser.get(f"{store}/refresh").form("resource")
    browser.send(form)
    page = browser.send(form, 409)
    number = paged.rows("refreshes")[-1].id
    assert f"Refresh {number} of the products is open already" in page.text
    assert browser.get(page.links[f"Show refresh {number}"]).answer.status_code == 200


def test_an_open_refresh_is_cancelled_and_goes_on(paged: Shop, browser: Browser, store: str) -> None:
    page = browser.follow(browser.send(browser.get(f"{store}/refresh").form("resource")))
    page = browser.follow(browser.send(page.form("/cancel")))
    assert "The refresh is cancelled." in page.text
    assert paged.rows("refreshes")[-1].status == "cancelled"
    page = browser.follow(browser.send(page.form("/retry")))
    assert "The refresh goes on where it stopped." in page.text
    assert paged.rows("refreshes")[-1].status == "pending"
    browser.send(page.form("/cancel"))
    assert "has ended already" in browser.send(page.form("/cancel"), 409).text


def test_a_mass_deletion_is_allowed_by_a_button(paged: Shop, browser: Browser, store: str) -> None:
    table = paged.tables.refreshes
    paged.execute(
        update(table).where(table.c.id == 1).values(status="failed", error_code="mass_deletion", message="7 of 9 gone")
    )
    browser.get(f"{store}/refreshes/2")
    assert all("allow" not in each.action for each in browser.get(f"{store}/refreshes/2").forms)
    page = browser.get(f"{store}/refreshes/1")
    assert "7 of 9 gone" in page.text
    browser.send(page.form("/allow-deletion"))
    row = paged.rows("refreshes")[-1]
    assert (row.resource, row.mode, row.parameters) == ("products", "full", '{"allow_mass_delete": true}')


def test_refreshes_are_listed_with_filters_in_the_address(paged: Shop, browser: Browser, store: str) -> None:
    page = browser.get(f"{store}/refreshes?resource=orders&status=&mode=")
    assert page.answer.text.count("/refreshes/2") == 1
    assert "/refreshes/1" not in page.answer.text
    assert "There is no such refresh." in browser.get(f"{store}/refreshes?status=failed").text
    assert "status" in browser.get(f"{store}/refreshes?status=gone", 422).text


def test_the_live_part_is_sent_once_and_then_304(paged: Shop, browser: Browser, store: str) -> None:
    for path in (f"{store}/live", f"{store}/refreshes/1/live"):
        answer = browser.get(path).answer
        assert "<html" not in answer.text
        etag = answer.headers["ETag"]
        again = browser.client.get(answer.request.path, headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
        paged.execute(update(paged.tables.instances).values(status_message=f"Changed after {path}"))
        paged.execute(update(paged.tables.refreshes).values(message=f"Changed after {path}"))
        assert browser.client.get(answer.request.path, headers={"If-None-Match": etag}).status_code == 200
    browser.log_out()
    assert browser.client.get(answer.request.path).status_code == 401


def test_only_a_page_with_an_open_refresh_reloads_without_script(paged: Shop, browser: Browser, store: str) -> None:
    assert "http-equiv" not in browser.get(store).answer.text
    browser.send(browser.get(f"{store}/refresh").form("resource"))
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in browser.get(store).answer.text


def test_a_comparison_shows_what_differs_and_repairs(
    paged: Shop, browser: Browser, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = browser.get(f"{store}/refresh").form("resource")
    browser.follow(browser.send(form, resource="orders", mode="reconcile", date_from="2026-01-01"))
    row, table = paged.rows("refreshes")[-1], paged.tables.refreshes
    assert (row.mode, row.parameters) == ("reconcile", '{"date_from": "2026-01-01"}')
    address = f"{store}/refreshes/{row.id}"
    assert "Comparison" in browser.get(f"{store}/refreshes").text
    assert all("repair" not in each.action for each in browser.get(address).forms)
    found = Drift.of(
        Difference(7, "different", ("total_inc_tax",)),
        Difference(8, "missing"),
        totals={("2026-01", "EUR"): Totals(Decimal("5.0000"), Decimal("4.5000"))},
    )
    paged.execute(
        update(table).where(table.c.id == row.id).values(status="completed", open_key=None, drift=found.dump())
    )
    page = browser.get(address)
    for text in ("Different here", "total_inc_tax", "Missing here", "2026-01", "-0.50"):
        assert text in page.text
    browser.send(page.form("/repair"))
    last = paged.rows("refreshes")[-1]
    assert (last.mode, last.parameters) == ("ids", '{"ids": [7, 8], "is_repair": true}')
    may_not(monkeypatch, "read_orders")
    text = browser.get(address).text
    assert "total_inc_tax" not in text
    assert "2026-01" not in text.replace("2026-01-01", "")


@pytest.mark.parametrize("code", ["token_rejected", "scope_missing"])
def test_a_new_token_is_offered_before_going_on(paged: Shop, browser: Browser, store: str, code: str) -> None:
    failed = {"status": "failed", "error_code": code, "message": "The store refuses the token."}
    table = paged.tables.refreshes
    paged.execute(update(table).where(table.c.id == 1).values(failed))
    page = browser.get(f"{store}/refreshes/1?done=retried")
    assert "The refresh goes on where it stopped." not in page.text
    assert page.links["Enter a new token"].endswith("/settings#bc-connection_settings-access_token")
    primary = [each for each in page.answer.text.split("<") if "bc-primary" in each]
    assert [each.partition(">")[2].strip() for each in primary] == ["Enter a new token"]
    assert page.form("/retry")


def test_the_end_of_a_first_import_is_said(paged: Shop, browser: Browser, store: str) -> None:
    counts = {"fetched": 9, "created": 7, "finished_at": db_now()}
    paged.execute(update(paged.tables.refreshes).values(counts))
    page = browser.get(f"{store}?done=connected")
    assert "The first import is done: 7 products, 7 orders." in page.text
    assert "Its first import has begun." not in page.text
    browser.send(browser.get(f"{store}/refresh").form("resource"))
    assert "The first import is done" not in browser.get(store).text


def test_a_refresh_says_how_long_it_stood_still(paged: Shop, browser: Browser, store: str) -> None:
    paged.execute(update(paged.tables.refreshes).where(paged.tables.refreshes.c.id == 1).values(waited_s=1260.0))
    for path in ("/refreshes", "/refreshes/1", ""):
        assert browser.get(f"{store}{path}").text.count("It waited or stood still for 21 minutes in between.") == 1
    assert "stood still" not in browser.get(f"{store}/refreshes/2").text


def test_no_refresh_is_offered_while_the_store_refuses(paged: Shop, browser: Browser, store: str) -> None:
    assert "Start a refresh" in browser.get(store).links
    assert "Read now" in browser.get(store).text
    refused = {"status": "needs_attention", "status_message": "It refuses the token."}
    paged.execute(update(paged.tables.instances).values(refused))
    for path in ("", "/refreshes"):
        page = browser.get(f"{store}{path}")
        assert "Start a refresh" not in page.links
        assert "Read now" not in page.text
