"""Collections that a test adds to the stand-in store."""

import json

import pytest

from bigcommerce_integration.sandbox import Answer, Route
from bigcommerce_integration.sandbox.server.routes.paging import envelope, read_paging

CUSTOMERS = {7: {"id": 7, "email": "ada@example.com"}, 9: {"id": 9, "email": "zoë@example.com"}}


def list_customers(store, query):
    paging = read_paging(query)
    texts = [json.dumps(customer) for customer in CUSTOMERS.values()]
    page = texts[paging.start : paging.start + paging.limit]
    return Answer(200, envelope(page, len(texts), paging, query, too_many=store.switches.too_many))


def get_customer(_store, _query, customer_id):
    return Answer(200, json.dumps({"data": CUSTOMERS[customer_id]}))


ROUTES = [
    Route("v3", "/customers", "customers", list_customers),
    Route("v3", r"/customers/(\d+)", "customers", get_customer),
]


@pytest.fixture
def api(make_api):
    api = make_api(products=1, orders=1, extra_routes=ROUTES)
    api.store.scopes.add("store_v2_customers_read_only")
    return api


def test_extra_collection_is_served_by_page(api):
    answer = api.get("v3/customers", limit=1, page=2).json()
    assert answer["data"] == [CUSTOMERS[9]]
    assert answer["meta"]["pagination"]["total"] == 2


def test_extra_route_is_given_the_ids_of_its_path(api):
    assert api.get("v3/customers/7").json()["data"] == CUSTOMERS[7]


def test_extra_route_asks_for_its_scope(api):
    api.store.scopes.remove("store_v2_customers_read_only")
    assert api.get("v3/customers").status_code == 403


def test_extra_route_answers_a_bad_query_as_the_api_does(api):
    assert api.get("v3/customers", page=0).status_code == 422


def test_extra_route_meets_faults_and_the_quota(api):
    api.store.faults.add("status", path="/v3/customers", status=503)
    assert [api.get("v3/customers").status_code for _ in range(2)] == [503, 200]
    assert "X-Rate-Limit-Requests-Left" in api.get("v3/customers").headers


def test_routes_are_added_to_a_store_that_is_served(make_api):
    api = make_api(products=1, orders=1)
    api.store.scopes.add("store_v2_customers")
    assert api.get("v3/customers").status_code == 404
    api.store.extra_routes.extend(ROUTES)
    assert api.ids("v3/customers") == [7, 9]
