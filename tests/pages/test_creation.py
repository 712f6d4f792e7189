"""Products of the host for variants that have none: shown first, then made by a worker."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.run.advance import advance

from ..web.mirrored import Mirrored
from .browsing import Browser, Form, Page
from .test_records import may_not


@pytest.fixture
def path(listed: Mirrored) -> str:
    """The list of variants of a store whose first refreshes are over, and that creates nothing by itself."""
    table = listed.tables.refreshes
    listed.execute(
        update(table).values(status="completed", open_key=None, finished_at=db_now()), listed.tables.hints.delete()
    )
    listed.add("products", {"bigcommerce_id": 1, "name": "<b>Mug</b>"})
    for number, sku in enumerate(("A", "B", None, "D"), 11):
        listed.add("variants", {"bigcommerce_id": number, "sku": sku, "sku_key": sku})
    listed.execute(
        update(listed.tables.variants)
        .where(listed.tables.variants.c.bigcommerce_id == 14)
        .values(host_product_id=5, link_source="auto")
    )
    return f"/{listed.instance_id}/variants"


def work(listed: Mirrored, page: Page) -> None:
    """What a worker does of the refresh that a page is about."""
    refresh_id = int(page.answer.request.path.rpartition("/")[2])
    with listed.app.app_context():
        engine = engine_of(state_of(listed.app), Event())
        while advance(engine, refresh_id) is Outcome.CONTINUE:
            pass


def only_form(page: Page) -> Form:
    (form,) = [each for each in page.forms if each.method == "post"]
    return form


def products(listed: Mirrored) -> list[Any]:
    with listed.app.app_context():
        return sorted(each.sku for each in listed.host_app.db.session.query(listed.host_app.Product))


def test_products_are_created_for_chosen_variants(path: str, listed: Mirrored, reader: Browser) -> None:
    page = reader.get(f"{path}/create?ids=11&ids=13&ids=x")
    assert "2 variants are meant. Nothing is done yet." in page.text
    assert "A product of yours is created, and linked 1" in page.text
    assert "<b>Mug" not in page.answer.text
    assert products(listed) == []
    page = reader.follow(reader.send(only_form(page)))
    assert "The products are being created." in page.text
    work(listed, page)
    assert products(listed) == ["A"]
    assert "A" in reader.get(f"{path}?linked=true").links
    assert "Had products created" in reader.get(f"/{listed.instance_id}/history").text


def test_products_are_created_for_all_that_match(path: str, listed: Mirrored, reader: Browser) -> None:
    page = reader.get(f"{path}?linked=false&left=false&q=b")
    address = page.links["Create products…"]
    page = reader.get(address)
    assert "1 variant is meant." in page.text
    work(listed, reader.follow(reader.send(only_form(page))))
    assert products(listed) == ["B"]
    page = reader.get(f"{path}/create?q=nothing")
    assert "No variant without a link is meant." in page.text
    assert [each for each in page.forms if each.method == "post"] == []


def test_what_is_decided_meanwhile_is_told(path: str, listed: Mirrored, reader: Browser) -> None:
    form = only_form(reader.get(f"{path}/create?sku=B"))
    table = listed.tables.variants
    listed.execute(update(table).where(table.c.bigcommerce_id == 12).values(host_product_id=7, link_source="manual"))
    page = reader.send(form, 422)
    assert "Nothing was done. There is no variant without a link that is meant." in page.text


def test_creating_needs_its_own_permission(
    path: str, listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Create products…" in reader.get(path).text
    may_not(monkeypatch, "create_products")
    assert "Create products" not in reader.get(path).text
    assert "Create a product" not in reader.get(f"{path}/11").text
    reader.get(f"{path}/create", 403)
    may_not(monkeypatch, "link")
    page = reader.get(path)
    assert "Create products…" in page.text
    assert "Leave unlinked" not in page.text
