"""Change the settings of a store, and disconnect it."""

from __future__ import annotations

from sqlalchemy import update

from ..shop import Shop
from .browsing import Browser

TOKEN = "connection_settings.access_token"


def test_settings_show_what_is_stored_but_no_token(paged: Shop, browser: Browser) -> None:
    made = paged.post(integration_settings__proforma_payment_cost_percentage=2.5)
    page = browser.get(f"/{made['id']}/settings")
    fields = page.form("version").fields
    assert fields["name"] == "Main shop"
    assert fields["integration_settings.start_date"] == "2010-01-01"
    assert fields["integration_settings.proforma_payment_cost_percentage"] == "2.5"
    assert fields["linking"] == "create"
    assert fields[TOKEN] == ""
    assert "is_automatic_sync_enabled" not in fields
    assert paged.server.access_token[-4:] not in page.answer.text


def test_settings_are_saved_and_the_token_stays(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    (before,) = paged.rows("instances")
    form = browser.get(f"/{made['id']}/settings").form("version")
    page = browser.follow(browser.send(form, name="Our shop", linking="none", is_automatic_sync_enabled="on"))
    assert "The settings are saved." in page.text
    (row,) = paged.rows("instances")
    assert (row.name, row.auto_link_products, row.auto_create_products) == ("Our shop", False, False)
    assert row.is_automatic_sync_enabled
    assert row.access_token == before.access_token
    assert row.version == before.version + 1


def test_a_new_token_that_works_is_said(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    form = browser.get(f"/{made['id']}/settings").form("version")
    page = browser.follow(browser.send(form, access_token=paged.server.access_token))
    assert "The token works." in page.text
    assert "What was missed" not in page.text


def test_nothing_changed_is_said(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    page = browser.send(browser.get(f"/{made['id']}/settings").form("version"))
    assert "Nothing was changed" in browser.follow(page).text
    assert paged.rows("instances")[0].version == 1


def test_a_change_meanwhile_is_shown_and_can_be_overruled(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    one, two = (browser.get(f"/{made['id']}/settings").form("version") for _ in range(2))
    browser.send(one, name="First")
    page = browser.send(two, 409, name="Second")
    assert "Somebody changed this meanwhile." in page.text
    assert "Name: First" in page.text
    assert page.form("version").fields["name"] == "Second"
    browser.send(page.form("version"))
    assert paged.rows("instances")[0].name == "Second"


def test_a_wrong_new_token_is_refused_unless_insisted_on(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    form = browser.get(f"/{made['id']}/settings").form("version")
    page = browser.send(form, 422, access_token="wrong-but-printable-token")
    assert 'id="bc-connection_settings-access_token-error"' in page.answer.text
    assert "verify=false" not in page.answer.text
    assert "wrong-but-printable-token" not in page.answer.text
    browser.send(page.form("version"), do="unchecked", access_token="wrong-but-printable-token")


def test_a_stored_token_that_is_refused_is_said_once(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    paged.store.set_token()
    page = browser.send(browser.get(f"/{made['id']}/settings").form("version"), 200, do="check")
    assert page.text.count("does not accept the token that is stored") == 1
    assert "Could not be found out" not in page.text


def test_a_store_that_is_silent_leaves_all_as_it_was(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    form = browser.get(f"/{made['id']}/settings").form("version")
    paged.server.stop()
    page = browser.send(form, 503, name="Kept", access_token="another-token")
    assert "Nothing was changed." in page.text
    assert page.form("version").fields["name"] == "Kept"
    assert paged.rows("instances")[0].name == "Main shop"


def test_disconnect_needs_the_name_of_the_store(paged: Shop, browser: Browser) -> None:
    made = paged.post()
    page = browser.get(f"/{made['id']}/settings")
    page = browser.get(page.links["Disconnect this store"])
    page = browser.send(page.form("confirmation"), 422, confirmation="main")
    assert "This is not the name of the store." in page.text
    page = browser.follow(browser.send(page.form("confirmation"), confirmation="Main shop"))
    assert "The store is disconnected." in page.text
    assert paged.rows("instances")[0].status == "deleting"
    assert "Being removed" in browser.get(f"/{made['id']}").text
    browser.get(f"/{made['id']}/settings", 404)


def test_the_text_of_a_store_is_text(paged: Shop, browser: Browser) -> None:
    made = paged.post(name="<script>alert(1)</script>")
    paged.execute(update(paged.tables.instances).values(status_message="<img src=x>"))
    for path in ("/", f"/{made['id']}", f"/{made['id']}/settings", f"/{made['id']}/disconnect"):
        text = browser.get(path).answer.text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)" in text
