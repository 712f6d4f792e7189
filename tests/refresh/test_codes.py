"""The codes beside the sentences: of refreshes that fail, of rejected records and of variants without a link."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration import errors
from bigcommerce_integration.client.api import Reply
from bigcommerce_integration.client.damage import NO_ID
from bigcommerce_integration.client.pages import Page
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.errors import Code, LinkCode, RefreshCode, RejectionCode
from bigcommerce_integration.operations.explain.reasons import ReasonCode
from bigcommerce_integration.refresh.write.page import map_page
from bigcommerce_integration.resources.mapping import Mapper
from bigcommerce_integration.resources.products import PRODUCTS
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import bearer
from .conftest import NOON, Connect, Mirror, record
from .test_linking import add, shop

pytestmark = pytest.mark.usefixtures("quick_retries")


def listed(mirror: Mirror, path: str) -> list[dict[str, Any]]:
    """What a list of the API shows."""
    url = f"/api/big-commerce/{mirror.instance_id}/{path}" if path else "/api/big-commerce"
    answer = mirror.app.test_client().get(url, headers=bearer(mirror.app))
    assert answer.status_code == 200, answer.json
    return answer.json["data"]  # type: ignore[index,no-any-return]


@pytest.mark.parametrize("codes", [RefreshCode, RejectionCode, LinkCode, ReasonCode])
def test_every_code_fits_its_column_and_has_a_meaning(codes: type[Code]) -> None:
    for code in codes:
        assert code == code.name.lower()
        assert len(code) <= 32
        assert code.meaning.endswith(".")


def test_every_error_that_stops_a_refresh_has_its_code() -> None:
    def kinds(of: type[errors.BigCommerceError]) -> set[type[errors.BigCommerceError]]:
        return {of}.union(*(kinds(each) for each in of.__subclasses__()))

    concrete = {each for each in kinds(errors.StopRefresh) if not each.__subclasses__()}
    codes = [each.code for each in concrete]
    assert len(set(codes)) == len(concrete)
    assert RefreshCode.UNEXPECTED_ERROR not in codes


def test_a_failed_refresh_has_a_code_until_it_goes_on(connect: Connect) -> None:
    mirror = connect(SandboxStore(3, 3))
    good = mirror.store.access_token
    mirror.store.set_token()
    mirror.run("orders")
    (shown,) = listed(mirror, "refreshes?error_code=token_rejected")
    assert (shown["resource"], shown["error_code"]) == ("orders", "token_rejected")
    assert listed(mirror, "refreshes?error_code=mass_deletion") == []
    (instance,) = listed(mirror, "")
    assert instance["health"]["orders"]["last_failure"]["error_code"] == "token_rejected"
    mirror.store.set_token(good)
    url = f"/api/big-commerce/{mirror.instance_id}/refreshes/{shown['id']}/retry"
    assert mirror.app.test_client().post(url, headers=bearer(mirror.app)).status_code == 202
    assert mirror.refresh("orders")["error_code"] is None


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Record("{}", {}, None), "no_id"),
        (Record("{}", {}, 7, damage=NO_ID), "no_id"),
        (Record("{", None, 7, damage="Its text is broken."), "broken_text"),
        (Record("[]", [], 7), "wrong_shape"),
        (record({"id": 7, "variants": ["x"]}), "wrong_shape"),
        (record({"id": 7, "variants": [{"id": "eight"}]}), "unreadable_field"),
    ],
)
def test_a_record_is_rejected_with_the_code(bad: Record, code: str) -> None:
    reply = Reply(Page([bad], is_last=True), NOON, None, 0.0, 0.0)
    (rejected,) = map_page(reply, Mapper(PRODUCTS).map_record).rejected
    assert rejected.code == code


def test_rejected_records_are_listed_by_their_code(connect: Connect) -> None:
    store = SandboxStore(0, 0)
    order_id = store.create_order()
    store.edit_order(order_id, total_inc_tax="much")
    mirror = connect(store).completed()
    (shown,) = listed(mirror, "rejected?reason_code=unreadable_field")
    assert (shown["bigcommerce_id"], shown["reason_code"]) == (order_id, "unreadable_field")
    assert listed(mirror, "rejected?reason_code=no_id") == []


def test_each_conflict_of_a_link_has_its_code(connect_any: Connect) -> None:
    mirror = shop(connect_any, ["", "twin", "twin", "ABC", "two", "A"])
    for sku in ("abc", "two", "two"):
        mirror.add_host_product(sku)
    mirror.host.create_products = lambda session, instance, drafts: {}
    mirror.completed("products")
    assert {(row["sku"], row["link_conflict_code"]) for row in listed(mirror, "variants?conflict=true")} == {
        ("", "blank_sku"),
        ("twin", "same_sku_in_store"),
        ("ABC", "similar_sku_in_host"),
        ("two", "same_sku_in_host"),
        ("A", "refused_by_host"),
    }
    assert {row["sku"] for row in listed(mirror, "variants?link_conflict_code=same_sku_in_store")} == {"twin"}
    assert listed(mirror, "variants?link_conflict_code=same_sku_in_store&linked=true") == []


def test_a_conflict_of_0_1_0_gets_its_code_in_the_next_pass(connect: Connect) -> None:
    mirror = shop(connect, ["twin", "twin"]).completed("products")
    variants = mirror.table("variants")
    mirror.execute(update(variants).values(link_conflict_code=None))
    mirror.again("products")
    assert {row["link_conflict_code"] for row in mirror.rows("variants")} == {"same_sku_in_store"}


def test_a_link_takes_the_code_away(connect: Connect) -> None:
    mirror = shop(connect, ["twin", "other"], create=False).completed("products")
    late = add(mirror.store, "twin")
    mirror.again("products")
    assert {row["link_conflict_code"] for row in mirror.rows("variants", sku="twin")} == {"same_sku_in_store"}
    mirror.store.edit_variant(late, sku="unlike")
    host_id = mirror.add_host_product("twin")
    mirror.again("products")
    (row,) = mirror.rows("variants", sku="twin")
    assert (row["host_product_id"], row["link_conflict"], row["link_conflict_code"]) == (host_id, None, None)
