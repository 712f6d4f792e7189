"""Faults on demand: what goes over the wire when something is wrong."""

import re
import threading
import time

import pytest
import requests

PRODUCTS = "v3/catalog/products"


@pytest.fixture
def api(make_api):
    """Few records: these tests are not about them."""
    return make_api(products=3, orders=3)


def test_status_in_the_dialect_of_the_version(api):
    api.store.faults.add("status", status=503, times=None)
    assert api.get(PRODUCTS).status_code == 503
    assert api.get(PRODUCTS).json()["status"] == 503
    assert api.get("v2/orders").json()[0]["status"] == 503


def test_after_and_times(api):
    api.store.faults.add("status", PRODUCTS, after=1, times=2)
    assert [api.get(PRODUCTS).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert api.get("v2/orders").status_code == 200


def test_a_rule_may_look_at_the_query_and_the_method(api):
    api.store.faults.add("status", r"page=2\b", method="GET")
    assert api.get(PRODUCTS, page=1).status_code == 200
    assert api.get(PRODUCTS, page=2).status_code == 500


def test_probability_comes_from_the_seed(make_api):
    def run():
        api = make_api(seed=3)
        api.store.faults.add("status", times=None, probability=0.4)
        return [api.get("v2/time").status_code for _ in range(20)]

    first = run()
    assert set(first) == {200, 500}
    assert first == run()


def test_429_with_and_without_headers(api):
    api.store.faults.add("429", headers={"X-Retry-After": "7"})
    limited = api.get(PRODUCTS)
    assert limited.status_code == 429
    assert limited.headers["X-Retry-After"] == "7"
    assert "X-Rate-Limit-Time-Reset-Ms" in limited.headers
    api.store.faults.add("429_bare")
    bare = api.get(PRODUCTS)
    assert bare.status_code == 429
    assert not [name for name in bare.headers if re.match("x-(rate|retry)", name.lower())]


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("401", 401, "Unauthorized"),
        ("403", 403, "required scope"),
        ("html", 502, "<html>"),
        ("redirect", 302, ""),
        ("empty_data", 200, '{"data":[],"meta":{}}'),
        ("garbage", 200, '{"unexpected"'),
    ],
)
def test_wrong_answers(api, kind, status, text):
    api.store.faults.add(kind, status=502)
    answer = api.get(PRODUCTS)
    assert answer.status_code == status
    assert text in answer.text
    assert api.get(PRODUCTS).status_code == 200


def test_redirect_to_a_chosen_place(api):
    api.store.faults.add("redirect", headers={"Location": "http://127.0.0.1:9/"})
    assert api.get(PRODUCTS).headers["Location"] == "http://127.0.0.1:9/"


def test_empty_data_of_v2_is_an_empty_array(api):
    api.store.faults.add("empty_data")
    assert api.get("v2/orders").json() == []


def test_reset_and_cut_break_the_connection(api):
    api.store.faults.add("reset")
    with pytest.raises(requests.ConnectionError):
        api.get(PRODUCTS)
    api.store.faults.add("cut")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.get(PRODUCTS)
    assert api.get(PRODUCTS).status_code == 200
    assert [seen.status for seen in api.server.requests] == [0, 200, 200]


def test_reset_within_an_answer_comes_after_its_first_half(api):
    api.store.faults.add("cut_reset")
    # Once the head is there it is no failed connection.
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="reset"):
        api.get(PRODUCTS)
    assert api.get(PRODUCTS).status_code == 200


def test_cut_json_is_a_whole_answer_with_half_a_body(api):
    api.store.faults.add("cut_json")
    answer = api.get(PRODUCTS)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_slow_and_delayed_answers_are_right(api):
    right = api.get(PRODUCTS).json()
    for kind in ("slow", "delay"):
        api.store.faults.add(kind, delay_s=0.2)
        began = time.monotonic()
        assert api.get(PRODUCTS).json() == right
        assert time.monotonic() - began >= 0.15


def test_slow_sends_bytes_meanwhile(api):
    """A timeout between bytes does not see it: only a deadline for the whole answer does."""
    api.store.faults.add("slow", delay_s=0.6)
    url = f"{api.server.api_url}/stores/{api.server.store_hash}/{PRODUCTS}"
    answer = api.session.get(url, headers={"X-Auth-Token": api.server.access_token}, timeout=0.3)
    assert answer.status_code == 200


def test_hang_gives_no_answer_and_does_not_hold_up_the_stop(api):
    api.store.faults.add("hang", delay_s=60)
    failures = []

    def ask():
        try:
            api.get(PRODUCTS)
        except requests.ConnectionError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not api.store.faults.as_dicts()[0]["done"]:
        time.sleep(0.01)
    began = time.monotonic()
    api.server.stop()
    thread.join()
    assert failures
    assert time.monotonic() - began < 5


def test_an_unknown_fault_is_refused(api):
    with pytest.raises(ValueError, match="no fault 'explode'"):
        api.store.faults.add("explode")
