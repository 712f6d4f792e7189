"""`GET /v3/catalog/…`: filters, paging, includes (fact sheet, sections 3 and 4)."""

import json
import time
from datetime import UTC, datetime

import pytest

PRODUCTS = "v3/catalog/products"


def test_default_page_has_fifty_by_id(big):
    answer = big.get(PRODUCTS).json()
    ids = [product["id"] for product in answer["data"]]
    assert ids == big.store.product_ids[:50]
    pagination = answer["meta"]["pagination"]
    assert {name: pagination[name] for name in ("total", "count", "per_page", "current_page", "total_pages")} == {
        "total": 320, "count": 50, "per_page": 50, "current_page": 1, "total_pages": 7,
    }  # fmt: skip
    assert "previous" not in pagination["links"]
    assert pagination["links"]["next"] == "?page=2&limit=50"


def test_links_carry_the_filters_and_end_at_the_last_page(big):
    links = big.get(PRODUCTS, page=2, limit=250, is_visible="true").json()["meta"]["pagination"]["links"]
    assert links["previous"].startswith("?")
    assert "is_visible=true" in links["previous"]
    assert "next" not in links


def test_a_page_past_the_end_is_empty(big):
    answer = big.get(PRODUCTS, page=99)
    assert answer.status_code == 200
    assert answer.json()["data"] == []
    assert answer.json()["meta"]["pagination"]["total"] == 320


def test_pages_together_are_the_truth(big):
    texts = []
    for page in (1, 2):
        texts += [json.dumps(one) for one in big.data(PRODUCTS, include="variants", limit=250, page=page)]
    assert texts == [json.dumps(json.loads(text)) for _, text in big.store.product_records()]


def test_the_sent_text_is_the_truth_to_the_byte(big):
    product_id, text = big.store.product_records()[7]
    sent = big.get(PRODUCTS, include="variants", id=product_id).text
    assert sent.startswith('{"data":[' + text + "]")


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ({"id__min": 150}, lambda one: one >= 150),
        ({"id__greater": 150}, lambda one: one > 150),
        ({"id__max": 150}, lambda one: one <= 150),
        ({"id__less": 150}, lambda one: one < 150),
        ({"id__min": 120, "id__max": 160}, lambda one: 120 <= one <= 160),
        ({"id__in": "100,101,102,999999"}, lambda one: one in (100, 101, 102)),
        ({"id__not_in": "100,101"}, lambda one: one not in (100, 101)),
    ],
)
def test_id_filters(big, query, keep):
    assert big.ids(PRODUCTS, limit=250, **query) == [one for one in big.store.product_ids if keep(one)][:250]


def test_id_alone_is_one_product_and_no_list(big):
    one = big.store.product_ids[3]
    assert big.ids(PRODUCTS, id=one) == [one]
    assert big.get(PRODUCTS, id="100,101").status_code == 422


@pytest.mark.parametrize("name", ["foo", "status", "date_created:min", "min_id"])
def test_unknown_filters_are_refused(big, name):
    answer = big.get(PRODUCTS, **{name: "1"})
    assert answer.status_code == 422
    assert answer.json()["title"] == f"The filter(s): {name} are not valid filter parameter(s)."
    assert answer.json()["errors"] == {}


def test_an_empty_parameter_is_refused(big):
    answer = big.raw(f"{PRODUCTS}?limit=5&&page=1")
    assert answer.status_code == 422
    assert "The filter(s):  are not valid" in answer.json()["title"]


def test_date_modified_bounds_are_inclusive(big):
    product = big.store.products[big.store.product_ids[40]]
    moment = datetime.fromtimestamp(product.modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert product.id in big.ids(PRODUCTS, date_modified__min=moment, limit=250)
    assert product.id in big.ids(PRODUCTS, date_modified__max=moment, limit=250)
    assert product.id in big.ids(PRODUCTS, date_modified__min=str(product.modified), limit=250)
    later = big.ids(PRODUCTS, date_modified__min=str(product.modified + 1), limit=250)
    assert product.id not in later
    assert later


def test_a_bare_date_is_completed_with_the_time_of_the_request(make_api):
    """I:bigcommerce/docs#766: the same filter means another moment an hour later."""
    midnight = datetime(2025, 5, 5, tzinfo=UTC).timestamp()
    clock = [midnight + 86400 * 3 + 10 * 3600]
    api = make_api(products=0, orders=0, clock=lambda: clock[0])
    api.store.create_product(date_created="2025-01-01T00:00:00+00:00", date_modified="2025-05-05T12:00:00+00:00")
    assert len(api.data(PRODUCTS, date_modified__min="2025-05-05")) == 1
    clock[0] += 4 * 3600
    assert api.data(PRODUCTS, date_modified__min="2025-05-05") == []


def test_a_plus_in_the_query_is_a_blank(big):
    assert big.raw(f"{PRODUCTS}?date_modified:min=2025-01-01T00:00:00+00:00").status_code == 422
    assert big.raw(f"{PRODUCTS}?date_modified:min=2025-01-01T00:00:00%2B00:00").status_code == 200


def test_sorting(big):
    by_date = big.data(PRODUCTS, sort="date_modified", direction="desc", limit=250)
    dates = [product["date_modified"] for product in by_date]
    assert dates == sorted(dates, reverse=True)
    assert big.ids(PRODUCTS, sort="id", direction="desc", limit=3) == big.store.product_ids[:-4:-1]
    assert big.get(PRODUCTS, sort="date_created").status_code == 422


def test_sku_filter_looks_at_products_only(big):
    product = next(one for one in big.store.products.values() if len(one.variants) > 1)
    fields = json.loads(product.base)
    assert product.id in big.ids(PRODUCTS, sku=fields["sku"])
    variant_sku = json.loads(product.variants[-1].text)["sku"]
    assert big.ids(PRODUCTS, sku=variant_sku) == []
    assert big.ids("v3/catalog/variants", sku=variant_sku) == [product.variants[-1].id]


def test_visible_filter(big):
    hidden = big.data(PRODUCTS, is_visible="false", limit=250)
    assert hidden
    assert all(product["is_visible"] is False for product in hidden)
    assert big.get(PRODUCTS, is_visible="maybe").status_code == 422


@pytest.mark.parametrize("include", ["options", "modifiers", "variants,options"])
def test_options_cut_the_page_to_ten(big, include):
    answer = big.get(PRODUCTS, include=include, limit=250).json()
    assert len(answer["data"]) == answer["meta"]["pagination"]["per_page"] == 10


def test_options_hold_every_value_of_the_variants(big):
    product = next(one for one in big.store.products.values() if len(one.variants) > 30)
    options = big.get(f"{PRODUCTS}/{product.id}", include="options").json()["data"]["options"]
    used = {value["id"] for one in product.variants for value in json.loads(one.text)["option_values"]}
    assert {value["id"] for option in options for value in option["option_values"]} == used


def test_includes_come_only_when_asked_for(big):
    assert {"variants", "images", "custom_fields"}.isdisjoint(big.data(PRODUCTS, limit=1)[0])
    products = big.data(PRODUCTS, include="images,custom_fields,primary_image,channels", limit=250)
    assert any(product["images"] for product in products)
    assert any(product["custom_fields"] for product in products)
    assert all(product["channels"] == [1] for product in products)
    pictured = next(product for product in products if product["images"])
    assert pictured["primary_image"] == pictured["images"][0]
    assert big.get(PRODUCTS, include="everything").status_code == 422


def test_include_fields_keep_the_id_and_the_sub_resources(big):
    product = big.data(PRODUCTS, include_fields="name", include="variants", limit=1)[0]
    assert set(product) == {"id", "name", "gift_wrapping_options_type", "gift_wrapping_options_list", "variants"}
    assert "description" not in big.data(PRODUCTS, exclude_fields="description,id", limit=1)[0]
    assert "id" in big.data(PRODUCTS, exclude_fields="description,id", limit=1)[0]


def test_limit_above_the_maximum_is_refused(big):
    assert len(big.data(PRODUCTS, limit=250)) == 250
    assert big.get(PRODUCTS, limit=251).status_code == 413
    assert big.get(PRODUCTS, limit=0).status_code == 422


def test_one_product(big):
    product_id, text = big.store.product_records()[0]
    assert big.get(f"{PRODUCTS}/{product_id}", include="variants").json()["data"] == json.loads(text)
    missing = big.get(f"{PRODUCTS}/99999999")
    assert missing.status_code == 404
    assert missing.json()["status"] == 404


def test_variants_of_one_product_in_pages(big):
    product = max(big.store.products.values(), key=lambda one: len(one.variants))
    assert len(product.variants) == 300
    path = f"{PRODUCTS}/{product.id}/variants"
    ids = big.ids(path, limit=250) + big.ids(path, limit=250, page=2)
    assert ids == [variant.id for variant in product.variants]


def test_all_variants_of_the_store(big):
    answer = big.get("v3/catalog/variants", limit=250).json()
    assert answer["meta"]["pagination"]["total"] == sum(len(one.variants) for one in big.store.products.values())
    some = [product.id for product in list(big.store.products.values())[:3]]
    chosen = big.data("v3/catalog/variants", product_id__in=",".join(map(str, some)))
    assert {variant["product_id"] for variant in chosen} == set(some)
    assert big.get("v3/catalog/variants", sort="id").status_code == 422


def test_summary_counts_variants(big):
    summary = big.get("v3/catalog/summary").json()["data"]
    assert summary["variant_count"] == len(big.store.variants)
    assert isinstance(summary["lowest_variant_price"], str)


def test_pagination_may_say_too_many(api):
    assert "too_many" not in api.get(PRODUCTS).json()["meta"]["pagination"]
    api.store.switches.too_many = True
    assert api.get(PRODUCTS).json()["meta"]["pagination"]["too_many"] is False


def test_an_ignored_filter_is_accepted_and_not_applied(api):
    api.store.switches.ignored_filters = frozenset({"id:greater"})
    assert api.ids(PRODUCTS, id__greater=10**6) == api.store.product_ids


def test_dates_are_within_four_hundred_days_but_the_ancient(big):
    now = time.time()
    ages = [(now - product.created) / 86400 for product in big.store.products.values()]
    assert all(age > 0 for age in ages)
    assert sum(age > 402 for age in ages) == sum(age > 2000 for age in ages) > 0
