"""Edits of the store, by Python: what the next answer shows, and which dates move."""

import json
from random import Random

import pytest

from bigcommerce_integration.sandbox import SandboxStore

PRODUCTS = "v3/catalog/products"
ORDERS = "v2/orders"


def shown(api, product_id):
    return api.get(f"{PRODUCTS}/{product_id}", include="variants").json()["data"]


def many_variants(store):
    return next(product for product in store.products.values() if 3 <= len(product.variants) <= 8)


def test_a_created_product_is_the_newest(api):
    product_id = api.store.create_product(variants=3, name="Brand new", price=12.5)
    assert product_id > max(api.store.product_ids[:-1])
    product = shown(api, product_id)
    assert (product["name"], product["price"], len(product["variants"])) == ("Brand new", 12.5, 3)
    assert product_id in api.ids(PRODUCTS, date_modified__min=product["date_created"])


def test_a_created_product_may_fill_a_gap(api):
    gap = next(number for number in range(77, 10**6) if number not in api.store.products)
    assert api.store.create_product(id=gap) == gap
    assert api.store.product_ids == sorted(api.store.product_ids)
    with pytest.raises(ValueError, match="exists"):
        api.store.create_product(id=gap)


def test_an_edited_product_moves_its_date(api):
    product_id = api.store.product_ids[3]
    before = shown(api, product_id)["date_modified"]
    api.store.edit_product(product_id, name="Other name")
    after = shown(api, product_id)
    assert after["name"] == "Other name"
    assert after["date_modified"] > before
    assert api.ids(PRODUCTS, date_modified__min=after["date_modified"], include_fields="name") == [product_id]


def test_a_price_is_inherited_by_variants_without_one(api):
    product_id = api.store.create_product(kind="null_prices")
    api.store.edit_product(product_id, price=77, sale_price=0)
    product = shown(api, product_id)
    assert product["calculated_price"] == 77
    assert {(one["price"], one["calculated_price"]) for one in product["variants"]} == {(None, 77)}


def test_a_deleted_product_takes_its_variants_along(api):
    product = many_variants(api.store)
    variant_ids = {variant.id for variant in product.variants}
    api.store.delete_product(product.id)
    assert api.get(f"{PRODUCTS}/{product.id}").status_code == 404
    assert product.id not in api.ids(PRODUCTS, limit=250)
    assert variant_ids.isdisjoint(api.store.variant_ids)
    assert product.id not in dict(api.store.product_records())


@pytest.mark.parametrize("moves", [False, True])
def test_variant_and_stock_edits_leave_the_date_unless_switched(api, moves):
    api.store.switches.catalog_edits_move_date = moves
    for edit in (
        lambda product: api.store.edit_variant(product.variants[0].id, sku="EDITED"),
        lambda product: api.store.set_stock(product.variants[0].id, 7),
        lambda product: api.store.create_variant(product.id, sku="ADDED"),
        lambda product: api.store.delete_variant(product.variants[-1].id),
    ):
        product = many_variants(api.store)
        api.store.edit_product(product.id, date_modified="2020-01-01T00:00:00+00:00")
        before = shown(api, product.id)
        edit(product)
        after = shown(api, product.id)
        assert after["variants"] != before["variants"]
        assert (after["date_modified"] != before["date_modified"]) is moves


def test_stock_of_a_product_is_the_sum(api):
    product = many_variants(api.store)
    for variant in product.variants:
        api.store.set_stock(variant.id, 5)
    assert shown(api, product.id)["inventory_level"] == 5 * len(product.variants)


def test_a_variant_moves_with_its_id(api):
    source = many_variants(api.store)
    target_id = api.store.create_product(variants=2)
    variant_id = source.variants[0].id
    api.store.move_variant(variant_id, target_id)
    assert variant_id not in [one["id"] for one in shown(api, source.id)["variants"]]
    moved = next(one for one in shown(api, target_id)["variants"] if one["id"] == variant_id)
    assert moved["product_id"] == target_id


def test_a_variant_may_become_an_orphan(api):
    variant_id = many_variants(api.store).variants[0].id
    api.store.move_variant(variant_id, 0)
    orphan = [one for one in api.data("v3/catalog/variants", limit=250) if one["product_id"] == 0]
    assert [one["id"] for one in orphan] == [variant_id]


def test_orders_are_created_archived_restored_and_deleted(api):
    order_id = api.store.create_order(lines=2, date_created="Thu, 20 Apr 2017 11:32:00 +0000")
    path = f"{ORDERS}/{order_id}"
    assert api.get(path).json()["date_created"] == "Thu, 20 Apr 2017 11:32:00 +0000"
    api.store.archive_order(order_id)
    assert api.get(path).json()["is_deleted"] is True
    api.store.restore_order(order_id)
    assert api.get(path).json()["is_deleted"] is False
    api.store.delete_order(order_id)
    assert api.get(path).status_code == 404
    assert order_id not in api.ids(ORDERS, limit=250)


def test_an_edited_order_moves_its_date_and_names_its_status(api):
    order_id = api.store.order_ids[0]
    before = api.store.orders[order_id].modified
    api.store.edit_order(order_id, status_id=4)
    order = api.get(f"{ORDERS}/{order_id}").json()
    assert (order["status"], order["custom_status"]) == ("Refunded", "Refunded")
    assert api.store.orders[order_id].modified > before
    assert order_id in api.ids(ORDERS, status_id=4, limit=250)


def test_line_edits_change_the_orders_sums(api):
    order_id = api.store.create_order(lines=2)
    first, second = api.store.order_lines(order_id)
    api.store.edit_line(order_id, first["id"], quantity=7)
    api.store.remove_line(order_id, second["id"])
    added = api.store.add_line(order_id, quantity=2, price_ex_tax="10.0000", price_inc_tax="11.0000")
    order = api.get(f"{ORDERS}/{order_id}", include="consignments.line_items", consignment_structure="object").json()
    items = order["consignments"]["shipping"][0]["line_items"]
    assert [item["id"] for item in items] == [first["id"], added]
    assert items == api.store.order_lines(order_id)
    assert order["items_total"] == 9
    assert items[1]["total_inc_tax"] == "22.0000"
    assert float(order["subtotal_inc_tax"]) == pytest.approx(sum(float(item["total_inc_tax"]) for item in items))
    assert float(order["total_tax"]) == pytest.approx(float(order["total_inc_tax"]) - float(order["total_ex_tax"]))


def test_mistyped_fields_and_unknown_records_are_errors(api):
    with pytest.raises(ValueError, match="a product has no nmae"):
        api.store.edit_product(api.store.product_ids[0], nmae="x")
    with pytest.raises(ValueError, match="an order has no totl"):
        api.store.edit_order(api.store.order_ids[0], totl=1)
    with pytest.raises(LookupError, match="no product 5"):
        api.store.edit_product(5, name="x")


def test_random_edits_keep_the_store_whole():
    """Five hundred of them: ids sorted, texts readable, lists and truth in agreement."""
    store, rng = SandboxStore(30, 30), Random(7)
    done = [store.mutate(rng) for _ in range(500)]
    assert len({text.split()[0] for text in done}) == 18
    assert store.product_ids == sorted(store.products)
    assert store.order_ids == sorted(store.orders)
    assert store.variant_ids == sorted(store.variants)
    attached = set()
    for product_id, text in store.product_records():
        for variant in json.loads(text)["variants"]:
            assert variant["product_id"] == product_id
            attached.add(variant["id"])
    assert attached == set(store.variant_ids)
    for order_id, text in store.order_records():
        assert json.loads(text)["id"] == order_id
        assert store.orders[order_id].archived is json.loads(text)["is_deleted"]
    assert store.refund_ids == sorted(store.refunds)
    made = {int(edit.split()[1]) for edit in done if edit.startswith("create_refund")}
    declined = {int(edit.split()[1]) for edit in done if edit.startswith("decline_payments")}
    assert made <= set(store.refund_ids)
    for refund_id, text in store.refund_records():
        payments = json.loads(text)["payments"]
        assert json.loads(text)["id"] == refund_id
        assert refund_id not in declined or all(payment["is_declined"] for payment in payments)


def test_random_edits_come_from_the_rng():
    def run():
        store = SandboxStore(20, 20, clock=lambda: 1.9e9)
        done = [store.mutate(rng) for rng in [Random(3)] for _ in range(50)]
        return done, store.product_records(), store.order_records(), store.refund_records()

    assert run() == run()


def test_random_edits_of_an_empty_store():
    store = SandboxStore(0, 0)
    for turn in range(60):
        assert store.mutate(Random(turn))


def test_the_store_comes_from_the_seed():
    def records(seed, **options):
        store = SandboxStore(60, 60, seed, **options)
        return store.store_hash, store.product_records(), store.order_records()

    assert records(5) == records(5)
    assert records(5)[1] != records(6)[1]
    assert SandboxStore(1, 1).access_token != SandboxStore(1, 1).access_token
