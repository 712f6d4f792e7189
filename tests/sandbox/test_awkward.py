"""The records made to be difficult: each sort is there, and stays a small share."""

import json
from collections import Counter

import pytest

from bigcommerce_integration.sandbox import SandboxStore


def lines_of(order):
    groups = order["consignments"]
    every = groups["shipping"] + groups["pickups"] + groups["downloads"] + groups["email"]["gift_certificates"]
    return [item for consignment in every for item in consignment["line_items"]]


@pytest.fixture(scope="module", params=["the default size", "two thousand"])
def store(request):
    return SandboxStore() if request.param == "the default size" else SandboxStore(2000, 2000)


@pytest.fixture(scope="module")
def products(store):
    return [json.loads(text) for _, text in store.product_records()]


@pytest.fixture(scope="module")
def orders(store):
    return [json.loads(text) for _, text in store.order_records()]


@pytest.mark.ci
def test_names(products):
    names = [product["name"] for product in products]
    assert len(set(names)) == len(names)
    assert any(ord(letter) > 0x7F for name in names for letter in name)
    if len(products) > 500:
        text = "".join(names)
        assert {"\0", "\ud800", "\u2028"} <= set(text)
        assert "<script>" in text
        assert max(map(len, names)) > 200


def test_texts_are_ascii_with_escapes():
    texts = [text for _, text in SandboxStore(2000, 0).product_records()]
    assert all(text.isascii() for text in texts)
    assert any("\\u0000" in text for text in texts)
    assert any("\\ud800" in text for text in texts)


def test_variants(products):
    counts = Counter(len(product["variants"]) for product in products)
    assert counts[1] > 0
    assert any(count > 50 for count in counts)
    for product in products:
        if len(product["variants"]) == 1:
            base = product["variants"][0]
            assert (product["base_variant_id"], base["sku"]) == (base["id"], product["sku"])
            assert (base["option_values"], base["sku_id"]) == ([], None)
        else:
            assert product["base_variant_id"] is None
            labels = [tuple(value["id"] for value in one["option_values"]) for one in product["variants"]]
            assert len(set(labels)) == len(labels)
    if len(products) > 500:
        assert counts[300] == 1
        mean = sum(len(product["variants"]) for product in products) / len(products)
        assert 2 < mean < 4


def test_skus(products):
    skus = [variant["sku"] for product in products for variant in product["variants"]]
    assert "" in skus
    within = [product for product in products if len({one["sku"] for one in product["variants"]}) == 1]
    assert any(len(product["variants"]) > 1 and product["sku"] for product in within)
    if len(products) > 500:
        across = Counter(sku for product in products for sku in {one["sku"] for one in product["variants"]} if sku)
        assert across.most_common(1)[0][1] > 1
        assert {"abc-1", "ABC-1 ", "äbc-1"} <= set(skus)
        assert max(map(len, skus)) == 255


def test_prices_and_stock(products):
    variants = [variant for product in products for variant in product["variants"]]
    assert {type(variant["price"]) for variant in variants} >= {type(None), int}
    assert all(variant["calculated_price"] is not None for variant in variants)
    assert any(variant["inventory_level"] is None for variant in variants)
    assert any(all(one["price"] is None for one in product["variants"]) for product in products)
    if len(products) > 500:
        assert any(variant["price"] == 0 for variant in variants)


def test_every_kind_of_line(orders):
    lines = [line for order in orders for line in lines_of(order)]
    assert {line["type"] for line in lines} == {"physical", "digital", "giftcertificate"}
    assert any(line["product_id"] == line["variant_id"] == 0 for line in lines)
    assert any(line["quantity"] < 0 for line in lines)
    assert any(line["quantity_refunded"] > 0 for line in lines)
    ids = {line["id"] for line in lines}
    children = [line for line in lines if line["is_bundled_product"]]
    assert children
    assert all(child["parent_order_product_id"] in ids and child["price_ex_tax"] == "0.0000" for child in children)
    assert {type(line["weight"]) for line in lines} == {str, int}


def test_every_kind_of_order(orders):
    assert any(not lines_of(order) and order["items_total"] == 0 for order in orders)
    assert any(order["customer_id"] == 0 for order in orders)
    assert {0, 4, 8} <= {order["status_id"] for order in orders}
    assert any(order["is_deleted"] for order in orders)
    assert any(len(order["consignments"]["shipping"]) > 1 for order in orders)
    for group in ("pickups", "downloads"):
        assert any(order["consignments"][group] for order in orders)
    assert any(order["consignments"]["email"]["gift_certificates"] for order in orders)
    assert any(order["date_shipped"] == "" for order in orders)
    assert any(order["currency_code"] != "USD" for order in orders)


def test_currencies(store, orders):
    if len(orders) > 500:
        foreign = [order for order in orders if order["currency_code"] != "USD"]
        charged = {order["default_currency_code"] != "USD" for order in foreign}
        assert charged == {True, False}
        rates = [order["store_default_to_transactional_exchange_rate"] for order in foreign]
        assert any(not rate.startswith("1.0000") for rate in rates)


def test_orders_whose_lines_are_cut_off_or_missing(store, orders):
    wrong = []
    for order in orders:
        true_lines = store.order_lines(order["id"])
        if len(lines_of(order)) != len(true_lines):
            wrong.append((len(lines_of(order)), len(true_lines)))
    assert {(50, 51), (50, 60), (50, 260), (150, 180), (0, 3)} <= set(wrong)
    assert any(len(lines_of(order)) == 50 == len(store.order_lines(order["id"])) for order in orders)
    if len(orders) > 500:
        # At most one order in a hundred costs a client a request of its own.
        costly = [order for order in orders if len(lines_of(order)) >= 50 or _miscounted(order)]
        assert len(costly) <= len(orders) / 100


def _miscounted(order):
    return sum(line["quantity"] for line in lines_of(order)) != order["items_total"]


def test_ids_have_gaps(store):
    assert store.product_ids[-1] - store.product_ids[0] > len(store.product_ids)
    assert store.order_ids[-1] - store.order_ids[0] > len(store.order_ids)


def test_lines_refer_to_products_and_to_gone_ones(store, orders):
    used = {line["product_id"] for order in orders for line in lines_of(order)} - {0}
    gone = used - set(store.product_ids)
    assert gone
    assert min(store.product_ids) < min(gone)
    assert len(used - gone) > 10
    ancient = [product.id for product in store.products.values() if product.created < 1.9e9 - 2000 * 86400]
    oldest = min(store.products.values(), key=lambda product: product.created).id
    assert oldest in used or set(ancient) & used


def test_some_orders_are_back_dated(store):
    created = [store.orders[order_id].created for order_id in store.order_ids]
    assert created != sorted(created)
    assert all(order.modified >= order.created for order in store.orders.values())


def test_a_plain_store_has_none_of_them():
    store = SandboxStore(200, 200, awkward=False)
    orders = [json.loads(text) for _, text in store.order_records()]
    assert max(len(lines_of(order)) for order in orders) < 10
    assert not any(order["is_deleted"] for order in orders)
    assert max(len(product.variants) for product in store.products.values()) < 10
