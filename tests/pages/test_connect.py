"""Connect a store by the pages alone."""

from __future__ import annotations

import pytest

from ..host_app import STORE_ID
from ..shop import Shop
from .browsing import Browser, Form, Page


def _filled(shop: Shop, page: Page, **typed: str) -> tuple[Form, dict[str, str]]:
    given = {
        "access_token": shop.server.access_token,
        "store_hash": f"https://api.bigcommerce.com/stores/{shop.server.store_hash}/v3/",
        "start_date": "2015-01-01",
        "store_id": str(STORE_ID),
        "name": "Main shop",
    }
    return page.form("name"), given | typed


def test_a_store_is_connected_and_its_import_shown(paged: Shop, browser: Browser) -> None:
    page = browser.get()
    assert "No store is connected yet." in page.text
    form, typed = _filled(paged, browser.get(page.links["Connect a store"]))
    page = browser.follow(browser.send(form, do="connect", **typed))
    assert "The store is connected. Its first import has begun." in page.text
    assert "You can close this page." in page.text
    (row,) = paged.rows("instances")
    assert (row.name, row.store_hash, row.integration_id) == ("Main shop", paged.server.store_hash, 1)
    assert (row.auto_link_products, row.auto_create_products) == (True, False)
    assert row.is_automatic_sync_enabled
    assert row.created_by == "ada"
    assert row.sync_sales_credit_to_accounting


def test_check_keeps_the_fields_and_fills_the_name(paged: Shop, browser: Browser) -> None:
    form, typed = _filled(paged, browser.get("/connect"), name="")
    page = browser.send(form, 200, do="check", linking="create", **typed)
    assert "The connection works." in page.text
    assert f"Products since the first day {len(paged.store.product_ids)}" in page.text
    again = page.form("name").fields
    assert again["name"] == "Sandbox Store"
    assert again["integration_settings.store_hash"] == paged.server.store_hash
    assert again["linking"] == "create"
    assert again["connection_settings.access_token"] == ""
    assert paged.server.access_token not in page.answer.text
    assert paged.rows("instances") == []


def test_errors_stand_at_their_fields_and_input_is_kept(paged: Shop, browser: Browser) -> None:
    form, typed = _filled(paged, browser.get("/connect"), start_date="31.1.2024", sales_nominal_code_id="999")
    page = browser.send(form, 422, do="connect", proforma_payment_cost_percentage="a lot", **typed)
    text = page.answer.text
    for path in ("start_date", "sales_nominal_code_id"):
        assert f'id="bc-integration_settings-{path}-error"' in text
    assert "Must be a real date" in page.text
    assert "There is no nominal code with this id." in page.text
    assert page.form("name").fields["integration_settings.start_date"] == "31.1.2024"
    assert page.form("name").fields["integration_settings.proforma_payment_cost_percentage"] == "a lot"
    assert '<details class="bc-more" open>' in text
    assert paged.server.access_token not in text


def test_a_wrong_token_stands_at_its_field_without_http(paged: Shop, browser: Browser) -> None:
    form, typed = _filled(paged, browser.get("/connect"), access_token="wrong-but-printable-token")
    page = browser.send(form, 422, do="connect", **typed)
    assert 'id="bc-connection_settings-access_token-error"' in page.answer.text
    assert "verify=false" not in page.answer.text
    assert "wrong-but-printable-token" not in page.answer.text
    browser.send(page.form("name"), do="unchecked", access_token=typed["access_token"])
    assert len(paged.rows("instances")) == 1


def test_a_check_needs_only_token_and_path(paged: Shop, browser: Browser) -> None:
    form, typed = _filled(paged, browser.get("/connect"))
    given = {name: typed[name] for name in ("access_token", "store_hash")}
    page = browser.send(form, 200, do="check", store_id="", start_date="", **given)
    assert "The connection works." in page.text
    assert "Taken from the path that you pasted." in page.text
    page = browser.send(form, 200, do="check", **(given | {"access_token": "wrong-but-printable-token"}))
    assert page.text.count("does not accept the access token") == 1
    assert 'id="bc-connection_settings-access_token-error"' in page.answer.text
    assert "Could not be found out" not in page.text


def test_a_missing_scope_is_named(paged: Shop, browser: Browser) -> None:
    paged.store.scopes = paged.store.scopes - {"store_v2_orders_read_only"}
    form, typed = _filled(paged, browser.get("/connect"))
    assert "store_v2_orders_read_only" in browser.send(form, 200, do="check", **typed).text


def test_without_a_name_the_stores_own_is_taken(paged: Shop, browser: Browser) -> None:
    form, typed = _filled(paged, browser.get("/connect"), name=" ")
    wrong = browser.send(form, 422, do="connect", **(typed | {"access_token": "wrong-but-printable-token"}))
    assert 'id="bc-connection_settings-access_token-error"' in wrong.answer.text
    browser.send(form, do="connect", **typed)
    assert paged.rows("instances")[0].name == "Sandbox Store"
    assert "Another integration already has this name." in browser.send(form, 422, do="connect", **typed).text
    paged.server.stop()
    assert "Type a name" in browser.send(form, 422, do="connect", **typed).text
    assert "This field is required." in browser.send(form, 422, do="unchecked", **typed).text
    browser.send(form, do="connect", **(typed | {"name": "Silent"}))
    assert [row.name for row in paged.rows("instances")] == ["Sandbox Store", "Silent"]


def test_one_question_sets_both_settings_of_products(paged: Shop, browser: Browser) -> None:
    for answer, meant in (("link", (True, False)), ("create", (True, True)), ("none", (False, False))):
        form, typed = _filled(paged, browser.get("/connect"), name=answer)
        browser.send(form, do="connect", linking=answer, **typed)
        row = paged.rows("instances")[-1]
        assert (row.auto_link_products, row.auto_create_products) == meant


def test_choices_of_the_host_are_offered(paged: Shop, browser: Browser) -> None:
    text = browser.get("/connect").answer.text
    assert '<option value="7" selected>Main</option>' in text
    assert '<option value="11">Code 11</option>' in text
    assert 'name="integration_id"' not in text


def test_without_choices_numbers_are_typed(paged: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("integrations", "stores", "nominal_codes"):
        monkeypatch.setattr(f"bigcommerce_integration.host.sqlalchemy.SQLAlchemyHost.{name}", None)
    form, typed = _filled(paged, browser.get("/connect"))
    assert form.fields["integration_id"] == ""
    browser.send(form, do="connect", integration_id="1", sales_nominal_code_id="12", **typed)
    assert paged.rows("instances")[0].sales_nominal_code_id == 12
