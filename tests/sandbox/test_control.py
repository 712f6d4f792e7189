"""The control API: everything that Python can do, for a store in another process."""

import json
import threading

import pytest
import requests


def test_the_token_is_required(api):
    assert api.control("GET", "", token="").status_code == 403
    assert api.control("GET", "", token=api.server.access_token).status_code == 403
    overview = api.control("GET", "").json()
    assert (overview["products"], overview["orders"]) == (40, 60)
    assert overview["store_hash"] == api.server.store_hash


def test_products_and_variants(api):
    product_id = api.control("POST", "/products", {"name": "By control", "variants": 2}).json()["id"]
    assert api.control("PATCH", f"/products/{product_id}", {"price": 3.25}).status_code == 200
    product = api.store.products[product_id]
    variant_id = api.control("POST", f"/products/{product_id}/variants", {"sku": "C-1"}).json()["id"]
    api.control("PATCH", f"/variants/{variant_id}", {"sku": "C-2"})
    api.control("PUT", f"/variants/{variant_id}/stock", {"level": 9})
    shown = api.get(f"v3/catalog/products/{product_id}", include="variants").json()["data"]
    assert (shown["name"], shown["price"]) == ("By control", 3.25)
    assert [(one["sku"], one["inventory_level"]) for one in shown["variants"]][-1] == ("C-2", 9)
    other = api.store.product_ids[0]
    api.control("POST", f"/variants/{variant_id}/move", {"product_id": other})
    assert api.store.variants[variant_id].product_id == other
    assert len(product.variants) == 2
    api.control("DELETE", f"/variants/{variant_id}")
    assert api.control("DELETE", f"/products/{product_id}").status_code == 200
    assert product_id not in api.store.products
    assert variant_id not in api.store.variants


def test_orders_and_lines(api):
    order_id = api.control("POST", "/orders", {"kind": "guest"}).json()["id"]
    path = f"/orders/{order_id}"
    line_id = api.control("POST", f"{path}/lines", {"quantity": 3}).json()["id"]
    api.control("PATCH", f"{path}/lines/{line_id}", {"quantity": 4})
    assert api.store.order_lines(order_id)[-1]["quantity"] == 4
    api.control("DELETE", f"{path}/lines/{line_id}")
    assert line_id not in [line["id"] for line in api.store.order_lines(order_id)]
    api.control("PATCH", path, {"status_id": 2})
    assert api.store.orders[order_id].status_id == 2
    api.control("POST", f"{path}/archive")
    assert api.store.orders[order_id].archived
    api.control("POST", f"{path}/restore")
    assert not api.store.orders[order_id].archived
    api.control("DELETE", path)
    assert api.get(f"v2/orders/{order_id}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/products/5", {"name": "x"}, 404),
        ("PATCH", "/products/77", {"nmae": "x"}, 400),
        ("POST", "/faults", {"kind": "explode"}, 400),
        ("POST", "/faults", {"match": {"path": "("}, "action": {"kind": "reset"}}, 400),
        ("PUT", "/switches", {"no_such": True}, 400),
        ("PUT", "/switches", {"too_many": "yes"}, 400),
        ("PUT", "/quota", [1], 400),
        ("GET", "/nothing", None, 404),
        ("POST", "/truth/orders", None, 405),
    ],
)
def test_bad_commands_get_an_error_text(api, method, path, body, status):
    answer = api.control(method, path, body)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_faults(api):
    rule = {"match": {"path": "catalog", "method": "GET"}, "action": {"kind": "status", "status": 504, "times": 1}}
    assert api.control("POST", "/faults", rule).json()["faults"][0]["status"] == 504
    assert api.get("v3/catalog/products").status_code == 504
    assert api.control("GET", "/faults").json()["faults"][0]["done"] == 1
    api.control("POST", "/faults", {"kind": "401", "times": None})
    api.control("DELETE", "/faults")
    assert api.get("v3/catalog/products").status_code == 200


def test_switches_scopes_token_and_quota(api):
    assert api.control("PUT", "/switches", {"min_id_inclusive": False}).json()["min_id_inclusive"] is False
    api.control("PUT", "/switches", {"ignored_filters": ["min_id"], "concurrency_cap": 3})
    assert api.store.switches.ignored_filters == {"min_id"}
    assert api.control("GET", "/switches").json()["concurrency_cap"] == 3
    api.control("PUT", "/scopes", {"scopes": ["store_v2_orders"]})
    assert api.get("v3/catalog/products").status_code == 403
    before = api.server.access_token
    after = api.control("PUT", "/token").json()["access_token"]
    assert api.get("v2/orders", headers={"X-Auth-Token": before}).status_code == 401
    assert api.get("v2/orders", headers={"X-Auth-Token": after}).status_code == 200
    other = api.control("POST", "/apps").json()["access_token"]
    assert api.get("v3/catalog/products", headers={"X-Auth-Token": other}).status_code == 200
    api.control("PUT", "/quota", {"quota": 5})
    api.control("POST", "/quota/use", {"requests": 5})
    assert api.get("v2/orders").status_code == 429
    api.control("PUT", "/quota", {"quota": None})
    assert api.get("v2/orders").status_code == 200
    api.control("PUT", "/information", {"timezone": "Asia/Tokyo"})
    said = api.control("PUT", "/information", {"currency": "JPY"}).json()
    assert said == {"timezone": "Asia/Tokyo", "currency": "JPY"}
    told = api.store.information()
    assert (told["timezone"]["name"], told["currency"], told["currency_symbol"]) == ("Asia/Tokyo", "JPY", "¥")
    for wrong in ({"timezone": "Mars/Olympus"}, {"currency": "yen"}, {"timezone": "Asia/Tokyo", "language": "en"}):
        assert api.control("PUT", "/information", wrong).status_code == 400
    api.control("PUT", "/clock", {"offset_s": 3600})
    assert api.store.clock_offset_s == 3600
    api.control("PUT", "/latency", {"latency_ms": 1})
    assert api.server.latency_ms == 1


def test_counters_leave_the_control_api_out(api):
    api.get("v2/orders", limit=3)
    api.get("v3/catalog/products", foo=1)
    api.control("GET", "")
    seen = api.control("GET", "/requests").json()
    assert (seen["count"], seen["statuses"]) == (2, {"200": 1, "422": 1})
    assert seen["requests"][0]["path"].endswith("/v2/orders")
    assert seen["requests"][0]["query"] == "limit=3"
    api.control("DELETE", "/requests")
    assert api.control("GET", "/requests").json()["count"] == 0


def test_pause_holds_the_api_but_not_the_control(api):
    api.control("POST", "/pause")
    done = threading.Event()

    def ask():
        with requests.Session() as session:
            url = f"{api.server.api_url}/stores/{api.server.store_hash}/v2/time"
            session.get(url, headers={"X-Auth-Token": api.server.access_token}, timeout=5)
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    assert not done.wait(0.2)
    api.control("POST", "/resume")
    assert done.wait(5)
    thread.join()


def test_random_edits(api):
    done = api.control("POST", "/mutate", {"times": 5, "seed": 4}).json()["done"]
    assert len(done) == 5


def test_truth_comes_as_json_lines(api):
    def lines(path):
        return [json.loads(line) for line in api.control("GET", path).text.split("\n") if line]

    assert lines("/truth/products") == [list(record) for record in api.store.product_records()]
    assert lines("/truth/orders") == [list(record) for record in api.store.order_records()]
    every = [
        [order_id, *record] for order_id in api.store.order_ids for record in api.store.order_line_records(order_id)
    ]
    assert lines("/truth/order_lines") == every
