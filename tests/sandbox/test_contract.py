"""The sandbox's answers against the published OpenAPI files; the client's requests are checked in its own tests."""

import copy

import jsonschema
import pytest

from bigcommerce_integration.sandbox.server.routes import order_query, product_query

from . import openapi

PRODUCTS = "catalog/products_catalog.v3.yml"
VARIANTS = "catalog/product-variants_catalog.v3.yml"
ORDERS = "orders.v2.oas2.yml"
STORE = "store_information.v2.yml"
SUB_RESOURCES = {
    "bulk_pricing_rules", "channels", "custom_fields", "images", "modifiers", "options", "parent_relations",
    "primary_image", "reviews", "variants", "videos",
}  # fmt: skip


def check(value, schema):
    validator = jsonschema.Draft202012Validator(schema)
    problems = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
    assert not problems, "\n".join(problems[:20])


def without(schema, names, *path):
    """A copy in which some members of the object at `path` need not be there."""
    schema = copy.deepcopy(schema)
    target = openapi.member(schema, *path)
    target["required"] = [name for name in target["required"] if name not in names]
    return schema


def product_schema(path):
    schema = openapi.answer_schema(PRODUCTS, path)
    where = ("data", "[]") if path == "/catalog/products" else ("data",)
    # These come only when they are included; `create_redirect` belongs to writes.
    schema = without(schema, SUB_RESOURCES, *where)
    return without(schema, {"create_redirect"}, *where, "custom_url")


def pages(small, path, **query):
    found = [small.get(path, limit=30, page=page, **query).json() for page in (1, 2)]
    assert all(found)
    return found


def test_products(small):
    schema = product_schema("/catalog/products")
    schema = without(schema, {"previous", "next"}, "meta", "pagination", "links")
    for page in pages(small, "v3/catalog/products"):
        check(page, schema)


def test_products_with_what_may_be_included(small):
    schema = product_schema("/catalog/products")
    product = openapi.member(schema, "data", "[]")
    for name in ("images", "custom_fields", "channels"):
        product["required"].append(name)
    for page in pages(small, "v3/catalog/products", include="images,custom_fields,channels,reviews,videos"):
        for one in page["data"]:
            assert one.pop("reviews") == []
            check(one, product)


def test_options_of_products(small):
    schema = openapi.answer_schema(PRODUCTS, "/catalog/products")
    options = openapi.member(schema, "data", "[]", "options")
    # An option's config depends on its type.
    openapi.member(options, "[]", "config")["required"] = []
    found = [one["options"] for one in small.data("v3/catalog/products", include="options", id__min=90)]
    assert any(found)
    for one in found:
        check(one, options)


def test_variants(small):
    schema = openapi.answer_schema(VARIANTS, "/catalog/products/{product_id}/variants")
    schema = without(schema, {"previous", "next"}, "meta", "pagination", "links")
    product_id = max(small.store.products.values(), key=lambda one: len(one.variants)).id
    check(small.get(f"v3/catalog/products/{product_id}/variants", limit=250).json(), schema)
    variant = openapi.member(schema, "data", "[]")
    for page in pages(small, "v3/catalog/products", include="variants"):
        for product in page["data"]:
            check(product["variants"], {"type": "array", "items": variant, "minItems": 1})


def test_all_variants(small):
    schema = openapi.answer_schema(VARIANTS, "/catalog/variants")
    schema = without(schema, {"previous", "next"}, "meta", "pagination", "links")
    check(small.get("v3/catalog/variants", limit=250).json(), schema)


def test_summary(small):
    schema = openapi.answer_schema(PRODUCTS, "/catalog/summary")
    check(small.get("v3/catalog/summary").json(), schema)


@pytest.mark.parametrize("path", ["/catalog/products/{product_id}/variants", "/catalog/variants"])
def test_v3_errors(small, path):
    schema = openapi.answer_schema(VARIANTS, path, "404")
    schema = without(schema, {"instance"})
    schema["properties"]["errors"] = {"type": "object"}
    check(small.get("v3/catalog/products/99999999/variants").json(), schema)


@pytest.mark.ci
@pytest.mark.parametrize("include", ["", "consignments", "consignments.line_items,fees"])
def test_orders(small, include):
    schema = openapi.answer_schema(ORDERS, "/orders")
    query = {"include": include, "consignment_structure": "object"} if include else {}
    for page in pages(small, "v2/orders", **query):
        check(page, schema)


def test_an_order(small):
    for order_id in small.store.order_ids[:30]:
        check(small.get(f"v2/orders/{order_id}").json(), openapi.answer_schema(ORDERS, "/orders/{order_id}"))


@pytest.mark.ci
def test_consignments(small):
    schema = openapi.answer_schema(ORDERS, "/orders/{order_id}/consignments")
    for order_id in small.store.order_ids:
        answer = small.get(f"v2/orders/{order_id}/consignments", include="consignments.line_items")
        check(answer.json(), schema)


@pytest.mark.ci
def test_order_products(small):
    schema = openapi.answer_schema(ORDERS, "/orders/{order_id}/products")
    for order in list(small.store.orders.values()):
        if order.lines:
            check(small.get(f"v2/orders/{order.id}/products", limit=250).json(), schema)


def test_count_statuses_store_and_time(small):
    check(small.get("v2/orders/count").json(), openapi.answer_schema(ORDERS, "/orders/count"))
    check(small.get("v2/order_statuses").json(), openapi.answer_schema(ORDERS, "/order_statuses"))
    check(small.get("v2/store").json(), openapi.answer_schema(STORE, "/store"))
    check(small.get("v2/time").json(), openapi.answer_schema(STORE, "/time"))


def test_the_check_itself_finds_mistakes(small):
    """A schema that lets everything pass would make the tests above worthless."""
    schema = openapi.answer_schema(ORDERS, "/orders/{order_id}/products")
    order = next(order for order in small.store.orders.values() if order.lines)
    lines = small.store.order_lines(order.id)
    check(lines, schema)
    for spoilt in ({"total_tax": 5}, {"unheard_of": 1}, {"type": "services"}, {"quantity": "1"}):
        with pytest.raises(AssertionError):
            check([{**lines[0], **spoilt}], schema)
    del lines[0]["upc"]
    with pytest.raises(AssertionError):
        check(lines, schema)


def test_filters_taken_are_the_documented_ones():
    assert openapi.parameters(PRODUCTS, "/catalog/products") == product_query.KNOWN
    documented = openapi.parameters(ORDERS, "/orders")
    # Taken off the page in 2024, still answered as far as is known.
    assert documented == order_query.KNOWN - {"is_deleted"}
    count = {"page", "limit", "sort", "include", "consignment_structure"}
    assert openapi.parameters(ORDERS, "/orders/count") == documented - count == order_query.FILTERS - {"is_deleted"}
