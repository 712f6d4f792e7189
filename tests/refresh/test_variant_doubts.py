"""Variants that an answer lacks, and SKUs that change hands: the store is asked again before anything is believed."""

from __future__ import annotations

from typing import Any

import pytest

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect, Mirror


def shop(count: int, variants: int = 1) -> SandboxStore:
    store = SandboxStore(0, 0, awkward=False)
    for number in range(1, count + 1):
        add(store, number, f"P{number}", variants=variants)
    return store


def add(store: SandboxStore, product_id: int, sku: str, *, variants: int = 1) -> int:
    """A product; its first variant, whose id is given, has this SKU."""
    store.create_product(id=product_id, variants=variants)
    first = variant_ids(store, product_id)[0]
    store.edit_variant(first, sku=sku)
    return first


def marked(mirror: Mirror, table: str = "variants") -> list[int]:
    return [row["bigcommerce_id"] for row in mirror.rows(table) if row["deleted_at"] is not None]


def variant_ids(store: SandboxStore, product_id: int) -> list[int]:
    return [variant.id for variant in store.products[product_id].variants]


def take_variants(store: SandboxStore, *product_ids: int) -> list[int]:
    """As if the store had lost them: neither the products nor the list of variants show them."""
    gone = [each for product_id in product_ids for each in variant_ids(store, product_id)]
    for each in gone:
        store.delete_variant(each)
    return gone


LISTS = r"/catalog/variants\?"


@pytest.mark.ci
@pytest.mark.parametrize("shown", ["empty", "null", "missing"])
@pytest.mark.parametrize("mode", ["full", "incremental", "ids"])
def test_variants_that_products_do_not_show_stay(connect: Connect, shown: str, mode: Any) -> None:
    store = shop(30)
    mirror = connect(store, settings={"overlap_s": 86400}).completed("products")
    before = mirror.rows("variants")
    store.switches.included_variants = shown
    mirror.server.requests.clear()
    parameters = {"ids": tuple(store.product_ids)} if mode == "ids" else {}
    mirror.again("products", mode=mode, **parameters)
    assert (mirror.rows("variants"), mirror.refresh("products")["deleted"]) == (before, 0)
    assert len(mirror.asked(LISTS)) == 1, "one request for all of the page"
    store.edit_variant(variant_ids(store, 7)[0], inventory_level=77)
    mirror.again("products")
    assert mirror.row("variants", variant_ids(store, 7)[0])["inventory_level"] == 77, (
        "their list is read while in doubt"
    )
    store.switches.included_variants = "all"
    mirror.again("products").assert_mirrors_the_store()


@pytest.mark.parametrize("shown", ["empty", "null"])
def test_a_first_refresh_asks_for_variants_not_shown(connect: Connect, shown: str) -> None:
    store = shop(5, variants=3)
    store.switches.included_variants = shown
    mirror = connect(store).completed("products")
    assert mirror.ids("variants") == sorted(store.variant_ids)
    assert mirror.refresh("products")["rejected"] == 0
    assert len(mirror.asked(LISTS)) == 1


@pytest.mark.ci
@pytest.mark.parametrize(("products", "emptied", "page_size"), [(30, 30, 250), (300, 200, 250), (60, 60, 10)])
def test_more_variants_than_the_share_stay_and_it_fails(
    connect_any: Connect, products: int, emptied: int, page_size: int
) -> None:
    store = shop(products)
    mirror = connect_any(store, settings={"page_size": page_size}).completed("products")
    gone = take_variants(store, *range(1, emptied + 1))
    store.edit_product(products, name="Edited")
    new = store.create_product(variants=1)
    mirror.start("products").run("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert f"{emptied} of {products + 1} stored variants are gone" in refresh["message"]
    assert "allow_mass_delete" in refresh["message"]
    assert (marked(mirror), refresh["deleted"]) == ([], 0)
    assert mirror.row("products", products)["name"] == "Edited"
    assert new in mirror.ids("products"), "the rest of the pages went in"
    mirror.again("products", allow_mass_delete=True)
    assert marked(mirror) == sorted(gone)
    assert mirror.refresh("products")["deleted"] == emptied


def test_an_empty_list_without_its_number_proves_nothing(connect: Connect) -> None:
    store = shop(30)
    mirror = connect(store).completed("products")
    store.faults.add("empty_data", LISTS, times=None)
    store.switches.included_variants = "empty"
    mirror.again("products")
    assert marked(mirror) == []
    store.switches.included_variants = "all"
    store.faults.clear()
    mirror.again("products").assert_mirrors_the_store()
    assert marked(mirror) == []


def test_a_brake_holds_wherever_workers_are_killed(connect: Connect) -> None:
    store = shop(60)
    mirror = connect(store, settings={"page_size": 10, "concurrency": 1}).completed("products")
    take_variants(store, *range(1, 61))
    mirror.with_settings(slice_s=0.0).start("products")
    while (outcome := mirror.advance("products")) is not Outcome.ENDED:
        assert outcome is Outcome.CONTINUE
    assert mirror.refresh("products")["status"] == "failed"
    assert marked(mirror) == []


def test_one_variant_of_many_goes_with_one_request_more(connect_any: Connect) -> None:
    store = shop(40, variants=4)
    mirror = connect_any(store).completed("products")
    gone = [variant_ids(store, product_id)[-1] for product_id in (3, 9, 21)]
    for each in gone:
        store.delete_variant(each)
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    mirror.server.requests.clear()
    mirror.again("products")
    assert marked(mirror) == sorted(gone)
    assert (mirror.refresh("products")["deleted"], sorted(told)) == (3, [3, 9, 21])
    assert len(mirror.asked(LISTS)) == 1
    mirror.server.requests.clear()
    mirror.again("products")
    assert (mirror.asked(LISTS), mirror.refresh("products")["updated"]) == ([], 0)


def test_a_product_of_many_variants_is_asked_for_all_pages(connect: Connect) -> None:
    store = shop(1, variants=600)
    mirror = connect(store).completed("products")
    gone = variant_ids(store, 1)[300]
    store.delete_variant(gone)
    mirror.server.requests.clear()
    mirror.again("products")
    assert (marked(mirror), len(mirror.asked(LISTS))) == ([gone], 3)


def test_variant_stays_uncertain_beyond_the_requests_of_a_page(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bigcommerce_integration.refresh.run.variant_checks.MOST_LISTS", 1)
    store = shop(3, variants=200)
    mirror = connect(store, settings={"concurrency": 1}).completed("products")
    gone = [variant_ids(store, product_id)[5] for product_id in (1, 2, 3)]
    for each in gone:
        store.delete_variant(each)
    for count in (1, 2, 3):
        mirror.again("products")
        assert marked(mirror) == sorted(gone)[:count], "the next one goes on with the rest"


def test_a_list_that_is_not_whole_proves_nothing(connect: Connect) -> None:
    store = shop(3, variants=2)
    mirror = connect(store).completed("products")
    store.delete_variant(variant_ids(store, 2)[1])
    store.switches.ignored_filters = frozenset({"product_id:in"})
    mirror.again("products")
    assert marked(mirror) == []
    store.switches.ignored_filters = frozenset()
    mirror.again("products")
    assert len(marked(mirror)) == 1


# -- SKUs that change hands ---------------------------------------------------------------------------------------


def linked(mirror: Mirror) -> dict[int, int | None]:
    """Live variants with what they are linked to."""
    return {
        row["bigcommerce_id"]: row["host_product_id"] for row in mirror.rows("variants") if row["deleted_at"] is None
    }


def conflicts(mirror: Mirror) -> list[str]:
    return [row["link_conflict"] for row in mirror.rows("variants") if row["link_conflict"]]


def test_a_sku_of_a_product_made_anew_stays_linked(connect_any: Connect) -> None:
    store = shop(3)
    mirror = connect_any(store)
    host_product = mirror.add_host_product("P1")
    mirror.completed("products")
    old = variant_ids(store, 1)[0]
    assert linked(mirror)[old] == host_product
    store.delete_product(1)
    new = add(store, 50, "P1")
    mirror.server.requests.clear()
    mirror.again("products", mode="incremental")
    assert linked(mirror)[new] == host_product
    assert conflicts(mirror) == []
    assert (marked(mirror, "products"), marked(mirror)) == ([1], [old])
    assert mirror.row("variants", old)["host_product_id"] == host_product, "old orders reach it still"
    assert mirror.refresh("products")["deleted"] == 1
    assert len(mirror.asked("id%3Ain=1")) == 1


def test_a_sku_that_moves_to_another_product_is_linked_there(connect_any: Connect) -> None:
    store = shop(3)
    mirror = connect_any(store, settings={"overlap_s": 0})
    first, second = mirror.add_host_product("P1"), mirror.add_host_product("P2")
    mirror.completed("products")
    one, two = variant_ids(store, 1)[0], variant_ids(store, 2)[0]
    # Edits of variants need not move the date of their product: of the first one no incremental tells.
    store.edit_variant(one, sku="P2")
    store.edit_variant(two, sku="P1")
    store.edit_product(2, name="Edited", date_modified="2030-01-01T00:00:00+00:00")
    mirror.again("products", mode="incremental")
    assert {each: linked(mirror)[each] for each in (one, two)} == {one: second, two: first}
    assert conflicts(mirror) == []


def test_sku_moves_when_its_product_no_longer_has_the_variant(connect: Connect) -> None:
    store = shop(3, variants=2)
    mirror = connect(store)
    gone = variant_ids(store, 1)[1]
    store.edit_variant(gone, sku=(sku := "Q1"))
    host_product = mirror.add_host_product(sku)
    mirror.completed("products")
    store.delete_variant(gone)
    new = add(store, 60, sku)
    mirror.again("products", mode="incremental")
    assert linked(mirror)[new] == host_product
    assert (marked(mirror), conflicts(mirror)) == ([gone], [])


def test_a_sku_that_two_products_have_is_a_conflict(connect: Connect) -> None:
    store = shop(3)
    mirror = connect(store)
    mirror.add_host_product("P1")
    mirror.completed("products")
    add(store, 50, "P1")
    mirror.again("products", mode="incremental")
    assert conflicts(mirror) == ["2 variants of the store have this SKU."] * 2
    mirror.server.requests.clear()
    mirror.again("products", mode="incremental")
    assert mirror.asked("id%3Ain") == [], "it is asked once"


def test_a_catalogue_made_anew_marks_none_beyond_the_share(connect: Connect) -> None:
    store = shop(60)
    mirror = connect(store).completed("products")
    for number in range(1, 61):
        store.delete_product(number)
        add(store, 1000 + number, f"P{number}")
    mirror.again("products", mode="incremental")
    assert (marked(mirror, "products"), marked(mirror)) == ([], [])


def test_usual_pages_ask_for_nothing_more(connect: Connect) -> None:
    store = shop(40, variants=3)
    mirror = connect(store, settings={"overlap_s": 86400}).completed("products")
    store.edit_variant(variant_ids(store, 5)[0], sku="NEW", inventory_level=3)
    mirror.server.requests.clear()
    mirror.again("products", mode="incremental").again("products")
    assert mirror.asked("/variants") == []
    # Each the survey and a page, and one page above it where the survey comes late.
    assert 4 <= len(mirror.asked("/catalog/products")) <= 6
