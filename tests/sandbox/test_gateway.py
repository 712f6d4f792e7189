"""What stands before the routes: address, token, scope, quota (fact sheet, sections 1 and 2)."""

import threading
import time
from email.utils import parsedate_to_datetime

import pytest
import requests

LIMIT_HEADERS = {
    "X-Rate-Limit-Time-Window-Ms",
    "X-Rate-Limit-Time-Reset-Ms",
    "X-Rate-Limit-Requests-Quota",
    "X-Rate-Limit-Requests-Left",
}


@pytest.fixture
def api(make_api):
    """Few records: these tests are not about them."""
    return make_api(products=3, orders=3)


def test_time_and_store(api):
    assert abs(api.get("v2/time").json()["time"] - time.time()) < 3
    store = api.get("v2/store").json()
    assert store["id"] == api.server.store_hash
    zone = store["timezone"]
    assert (zone["name"], zone["raw_offset"], zone["dst_offset"]) == ("America/Chicago", -21600, -18000)


def test_time_zone_is_a_choice(make_api):
    zone = make_api(timezone="Asia/Kolkata").get("v2/store").json()["timezone"]
    assert (zone["name"], zone["raw_offset"], zone["dst_offset"]) == ("Asia/Kolkata", 19800, 19800)


@pytest.mark.parametrize("path", ["v2/store", "v3/catalog/products"])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_token_is_a_401_object_in_both_versions(api, path, token):
    answer = api.get(path, headers={"X-Auth-Token": token})
    assert answer.status_code == 401
    assert answer.json()["status"] == 401
    assert "title" in answer.json()


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("v2/store", "store_v2_information"),
        ("v2/time", "store_v2_information"),
        ("v2/orders", "store_v2_orders"),
        ("v2/orders/count", "store_v2_orders"),
        ("v3/catalog/products", "store_v2_products"),
        ("v3/catalog/variants", "store_v2_products"),
    ],
)
def test_a_missing_scope_is_a_403_object_in_both_versions(api, path, scope):
    api.store.scopes = {"store_v2_customers"}
    answer = api.get(path)
    assert answer.status_code == 403
    assert answer.json()["title"] == "You don't have a required scope to access the endpoint"
    for enough in (scope, f"{scope}_read_only"):
        api.store.scopes = {enough}
        assert api.get(path).status_code == 200


def test_a_wrong_hash_is_an_html_404(api):
    answer = api.session.get(f"{api.server.api_url}/stores/other/v2/store", headers={"X-Auth-Token": "x"}, timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_trailing_slash_misleads(api):
    assert api.get("v3/catalog/products/").status_code == 403
    assert api.get("v2/orders/").status_code == 401


def test_unknown_paths_speak_the_dialect_of_the_version(api):
    assert api.get("v2/nothing").json()[0]["status"] == 404
    assert api.get("v3/nothing").json()["status"] == 404
    assert api.get("v2/nothing").status_code == api.get("v3/nothing").status_code == 404


def test_other_methods_and_types_are_refused(api):
    url = f"{api.server.api_url}/stores/{api.server.store_hash}/v2/orders"
    assert api.session.post(url, headers={"X-Auth-Token": api.server.access_token}, timeout=5).status_code == 405
    assert api.get("v2/orders", headers={"Accept": "text/xml"}).status_code == 406


def test_every_answer_has_the_date_and_the_quota(api):
    for path in ("v2/time", "v2/orders/999999999", "v3/catalog/products?foo=1", "v2/orders?min_id=99999999"):
        answer = api.raw(path)
        assert set(answer.headers) >= LIMIT_HEADERS | {"Date"}
        assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()) < 3
    refused = api.get("v2/time", headers={"X-Auth-Token": "wrong"})
    assert set(refused.headers) >= LIMIT_HEADERS


def test_headers_may_be_lower_case_or_absent(api):
    def raw_names():
        answer = api.get("v2/time")
        # urllib3 keeps the letters that were sent.
        return set(answer.raw.headers)

    assert "X-Rate-Limit-Requests-Left" in raw_names()
    api.store.switches.lower_case_headers = True
    assert "x-rate-limit-requests-left" in raw_names()
    api.store.switches.rate_limit_headers = False
    assert not [name for name in raw_names() if "rate" in name]


def test_the_quota_is_a_fixed_window_for_all_apps(make_api):
    api = make_api(quota=4, window_s=0.6)
    other = api.store.add_app()
    assert [int(api.get("v2/time").headers["X-Rate-Limit-Requests-Left"]) for _ in range(2)] == [3, 2]
    assert api.get("v2/time", headers={"X-Auth-Token": other}).headers["X-Rate-Limit-Requests-Left"] == "1"
    api.store.use_quota(1)
    limited = api.get("v2/time")
    assert limited.status_code == 429
    assert limited.json()["status"] == 429
    assert limited.headers["X-Rate-Limit-Requests-Quota"] == "4"
    assert limited.headers["X-Retry-After"] == "1"
    reset_ms = int(limited.headers["X-Rate-Limit-Time-Reset-Ms"])
    assert 0 < reset_ms <= 600 == int(limited.headers["X-Rate-Limit-Time-Window-Ms"])
    time.sleep(reset_ms / 1000)
    assert api.get("v2/time").status_code == 200


def test_retry_after_is_a_switch(make_api):
    api = make_api(quota=0)
    assert "X-Retry-After" in api.get("v2/time").headers
    api.store.switches.retry_after = False
    limited = api.get("v2/time")
    assert limited.status_code == 429
    assert "X-Retry-After" not in limited.headers


def test_a_cap_on_concurrency_answers_a_bare_429(make_api):
    api = make_api(latency_ms=150)
    api.store.switches.concurrency_cap = 3
    found = []

    def ask():
        with requests.Session() as session:
            url = f"{api.server.api_url}/stores/{api.server.store_hash}/v2/orders/{100 + len(found)}"
            found.append(session.get(url, headers={"X-Auth-Token": api.server.access_token}, timeout=5))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limited = [answer for answer in found if answer.status_code == 429]
    assert len(limited) == 2
    assert LIMIT_HEADERS.isdisjoint(limited[0].headers)
    assert api.server.most_in_flight == 5
    assert api.get("v2/time").status_code == 200


def test_the_stores_clock_may_be_off(api):
    api.store.clock_offset_s = -7200
    assert 7190 < time.time() - api.get("v2/time").json()["time"] < 7210
    answered = parsedate_to_datetime(api.get("v2/time").headers["Date"]).timestamp()
    assert 7190 < time.time() - answered < 7210
