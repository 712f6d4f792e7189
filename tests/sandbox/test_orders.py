"""`GET /v2/orders…`: filters, paging, consignments (fact sheet, section 5)."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest

ORDERS = "v2/orders"
EMBED = {"include": "consignments.line_items,fees", "consignment_structure": "object"}


def consignments_of(order):
    groups = order["consignments"]
    return groups["shipping"] + groups["pickups"] + groups["downloads"] + groups["email"]["gift_certificates"]


def test_a_list_is_a_bare_array_of_fifty_by_id(big):
    assert big.ids(ORDERS) == big.store.order_ids[:50]


def test_pages_together_are_the_truth_to_the_byte(big):
    texts = [text for _, text in big.store.order_records()]
    first = big.get(ORDERS, limit=250, **EMBED).text
    second = big.get(ORDERS, limit=250, page=2, **EMBED).text
    assert first == f"[{','.join(texts[:250])}]"
    assert second == f"[{','.join(texts[250:])}]"


def test_an_empty_list_is_a_204_without_a_body(big):
    answer = big.get(ORDERS, min_id=10**7)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    # An exact multiple ends the same way.
    assert big.get(ORDERS, limit=170, page=3).status_code == 204
    assert big.get(ORDERS, limit=170, page=2).status_code == 200


@pytest.mark.parametrize("inclusive", [True, False])
def test_id_bounds_include_or_not_by_a_switch(api, inclusive):
    ids = api.store.order_ids
    api.store.switches.update({"min_id_inclusive": inclusive, "max_id_inclusive": inclusive})
    found = api.ids(ORDERS, min_id=ids[10], max_id=ids[20])
    assert found == (ids[10:21] if inclusive else ids[11:20])


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("dialect", ["rfc", "iso"])
@pytest.mark.parametrize("date", ["created", "modified"])
def test_date_bounds_include_or_not_by_a_switch(api, inclusive, dialect, date):
    order = api.store.orders[api.store.order_ids[30]]
    moment = datetime.fromtimestamp(getattr(order, date), UTC)
    text = format_datetime(moment) if dialect == "rfc" else moment.isoformat()
    api.store.switches.dates_inclusive = inclusive
    later = api.ids(ORDERS, limit=250, **{f"min_date_{date}": text})
    earlier = api.ids(ORDERS, limit=250, **{f"max_date_{date}": text})
    assert (order.id in later) is (order.id in earlier) is inclusive
    assert set(later) | set(earlier) | {order.id} == set(api.store.order_ids)
    assert set(later) & set(earlier) <= {order.id}


def test_bad_values_are_a_400_array(big):
    for query in ({"min_date_created": "yesterday"}, {"min_id": "x"}, {"sort": "name"}, {"page": "0"}):
        answer = big.get(ORDERS, **query)
        assert answer.status_code == 400, query
        assert answer.json()[0]["status"] == 400
    assert big.raw(f"{ORDERS}?min_date_created=2025-01-01T00:00:00+00:00").status_code == 400
    assert big.get(ORDERS, limit=251).status_code == 413


def test_sorting(big):
    assert big.ids(ORDERS, sort="id:desc", limit=2) == big.store.order_ids[:-3:-1]
    orders = big.get(ORDERS, sort="date_modified:asc", limit=250).json()
    moments = [parsedate_to_datetime(order["date_modified"]) for order in orders]
    assert moments == sorted(moments)
    assert [order["id"] for order in orders] != sorted(order["id"] for order in orders)


@pytest.mark.parametrize("name", ["customer_id", "status_id", "cart_id", "payment_method", "channel_id"])
def test_filters_by_value(big, name):
    wanted = big.get(f"{ORDERS}/{big.store.order_ids[17]}").json()[name]
    found = big.get(ORDERS, limit=250, **{name: wanted}).json()
    assert {order[name] for order in found} == {wanted}
    everything = [json.loads(order.base) for order in big.store.orders.values()]
    assert len(found) == min(250, sum(order[name] == wanted for order in everything))


def test_filters_by_total_and_email(big):
    order = big.get(f"{ORDERS}/{big.store.order_ids[5]}").json()
    email = order["billing_address"]["email"]
    assert {one["billing_address"]["email"] for one in big.get(ORDERS, email=email).json()} == {email}
    dear = big.get(ORDERS, min_total=500, limit=250).json()
    assert dear
    assert all(float(one["total_inc_tax"]) >= 500 for one in dear)


def test_unknown_filters_are_ignored_unless_switched(api):
    assert len(api.ids(ORDERS, foo=1, limit=250)) == 60
    api.store.switches.reject_unknown_v2_filters = True
    assert api.get(ORDERS, foo=1).status_code == 400


def test_an_ignored_filter_is_not_applied(api):
    api.store.switches.ignored_filters = frozenset({"min_id"})
    assert api.ids(ORDERS, min_id=10**7, limit=250) == api.store.order_ids


def test_archived_orders_are_listed_or_hidden(api):
    archived = {one.id for one in api.store.orders.values() if one.archived}
    assert archived
    assert archived <= set(api.ids(ORDERS, limit=250))
    assert set(api.ids(ORDERS, limit=250, is_deleted="true")) == archived
    api.store.switches.list_archived = False
    assert archived.isdisjoint(api.ids(ORDERS, limit=250))
    assert api.get(f"{ORDERS}/{min(archived)}").json()["is_deleted"] is True


def test_by_default_sub_resources_are_links(big):
    order = big.get(f"{ORDERS}/{big.store.order_ids[0]}").json()
    for name in ("products", "coupons", "consignments", "fees", "shipping_addresses"):
        assert set(order[name]) == {"url", "resource"}
    assert order["shipping_addresses"]["resource"].endswith("/shippingaddresses")
    fees = [order["fees"] for order in big.get(ORDERS, include="fees", limit=20).json()]
    assert {len(each) for each in fees} == {0, 1}


def test_fees_of_a_new_order_are_as_given(api):
    fees = [{"id": 1, "cost_inc_tax": "4.0000"}]
    order_id = api.store.create_order(fees=fees)
    assert api.get(f"{ORDERS}/{order_id}", include="fees").json()["fees"] == fees


def test_plain_consignments_hold_a_link_an_item(big):
    order = big.get(f"{ORDERS}/{big.store.order_ids[0]}", include="consignments", consignment_structure="object").json()
    items = [item for consignment in consignments_of(order) for item in consignment["line_items"]]
    assert len(items) == len(big.store.orders[order["id"]].lines) > 0
    assert all(set(item) == {"url", "resource"} for item in items)


def test_the_shape_of_consignments_is_a_switch(api):
    def shape(**query):
        return type(api.get(ORDERS, limit=1, include="consignments.line_items", **query).json()[0]["consignments"])

    assert shape() is list
    assert shape(consignment_structure="object") is dict
    api.store.switches.consignments = "object"
    assert shape() is dict
    api.store.switches.consignments = "array"
    assert shape(consignment_structure="object") is list


@pytest.mark.parametrize(
    ("kind", "embedded", "warnings", "all_lines"),
    [
        ("lines_50", [50], 0, 50),
        ("lines_51", [50], 1, 51),
        ("lines_60", [50], 1, 60),
        ("lines_260", [50], 1, 260),
        ("three_by_60", [50, 50, 50], 3, 180),
        ("embedded_missing", [0], 0, 3),
        ("plain", [2], 0, 2),
    ],
)
def test_embedded_lines_stop_at_fifty_a_consignment(api, kind, embedded, warnings, all_lines):
    order_id = api.store.create_order(kind=kind, lines=2)
    consignments = consignments_of(api.get(f"{ORDERS}/{order_id}", **EMBED).json())
    assert [len(consignment["line_items"]) for consignment in consignments] == embedded
    assert sum("__warning__" in consignment for consignment in consignments) == warnings
    assert len(api.store.order_lines(order_id)) == all_lines


def test_lines_of_an_order_in_pages(api):
    order_id = api.store.create_order(kind="lines_260")
    path = f"{ORDERS}/{order_id}/products"
    assert len(api.ids(path)) == 50
    ids = api.ids(path, limit=250) + api.ids(path, limit=250, page=2)
    assert ids == sorted(ids)
    assert len(set(ids)) == 260
    assert api.get(path, limit=250, page=3).status_code == 204
    texts = [text for _, text in api.store.order_line_records(order_id)]
    assert api.get(path, limit=250).text == f"[{','.join(texts[:250])}]"


def test_embedded_lines_equal_those_of_products(big):
    for order in big.get(ORDERS, limit=100, **EMBED).json():
        lines = {line["id"]: line for line in big.store.order_lines(order["id"])}
        for consignment in consignments_of(order):
            for item in consignment["line_items"]:
                assert item == lines[item["id"]]


def test_an_order_without_lines(api):
    order_id = api.store.create_order(kind="no_lines")
    assert consignments_of(api.get(f"{ORDERS}/{order_id}", **EMBED).json()) == []
    assert api.get(f"{ORDERS}/{order_id}/products").status_code == 204


def test_consignments_alone_are_an_object(api):
    order_id = api.store.create_order(kind="mixed")
    groups = api.get(f"{ORDERS}/{order_id}/consignments", include="consignments.line_items").json()
    assert [len(groups[name]) for name in ("shipping", "pickups", "downloads")] == [1, 1, 1]
    assert groups["email"]["gift_certificates"][0]["line_items"][0]["type"] == "giftcertificate"
    assert api.get(f"{ORDERS}/99999999/consignments").status_code == 404


def test_a_missing_order_is_a_404_array(big):
    for path in (f"{ORDERS}/99999999", f"{ORDERS}/99999999/products"):
        answer = big.get(path)
        assert answer.status_code == 404
        assert answer.json()[0]["status"] == 404


def test_count_takes_the_same_filters(big):
    answer = big.get(f"{ORDERS}/count").json()
    assert answer["count"] == 340 == sum(status["count"] for status in answer["statuses"])
    assert next(status for status in answer["statuses"] if status["id"] == 0)["count"] > 0
    middle = big.store.order_ids[100]
    assert big.get(f"{ORDERS}/count", min_id=middle).json()["count"] == 240


def test_statuses(big):
    statuses = big.get("v2/order_statuses").json()
    assert [status["id"] for status in statuses] == list(range(15))
    assert statuses[0]["name"] == "Incomplete"


def test_sums_of_ordinary_orders_agree(make_api):
    api = make_api(products=20, orders=100, awkward=False)
    for order in api.get(ORDERS, limit=250, **EMBED).json():
        items = [item for consignment in consignments_of(order) for item in consignment["line_items"]]
        assert sum(item["quantity"] for item in items) == order["items_total"]
        assert sum(float(item["total_inc_tax"]) for item in items) == pytest.approx(float(order["subtotal_inc_tax"]))
        total = float(order["subtotal_inc_tax"]) + float(order["shipping_cost_inc_tax"])
        assert total - float(order["coupon_discount"]) == pytest.approx(float(order["total_inc_tax"]))


def test_money_and_dates_are_written_as_v2_does(big):
    for order in big.get(ORDERS, limit=100, **EMBED).json():
        assert order["date_created"].endswith(" +0000")
        assert order["refunded_amount"] == "0.0000"
        assert len(order["total_inc_tax"].partition(".")[2]) == 4
        assert len(order["currency_exchange_rate"].partition(".")[2]) == 10
        for shipping in order["consignments"]["shipping"]:
            assert isinstance(shipping["cost_inc_tax"], int | float)
