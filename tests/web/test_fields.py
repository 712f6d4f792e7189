"""Bad input: every wrong value of every field has its message at its path."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ..host_app import ACCESS_TOKEN, SHOPIFY_ID, new_instance

URL = "/api/big-commerce"

STRINGS: list[Any] = ["1", "", "true"]
NOT_STRINGS: list[Any] = [1, 1.5, True, [], {}, ["a"], {"a": 1}]
NOT_INTEGERS: list[Any] = [*STRINGS, 1.0, 1.5, True, False, [], {}, [1], 2**63, -(2**63) - 1, 10**400]
NOT_BOOLEANS: list[Any] = [*STRINGS, 0, 1, 1.0, [], {}]
NOT_PERCENTAGES: list[Any] = [*STRINGS, "2.5", True, -0.01, 100.01, -1, 101, 1e308, 10**400, [], {}]
NOT_PERIODS: list[Any] = [*STRINGS, "Daily", "daily ", "weekly", 1, True, [], {}]
NOT_OBJECTS: list[Any] = [*STRINGS, 1, True, [], ["a"], [[]]]

S = "integration_settings."
NOMINAL_CODES = [
    f"{S}{name}_nominal_code_id"
    for name in ("sales", "cogs", "shipping_revenue", "shipping_refund", "sales_returns_allowances")
]
BAD: dict[str, list[Any]] = {
    "name": [*NOT_STRINGS, None, "", " ", "\t\n", "\u200b", "a\x00b", "a\nb", "a\x7fb", "\u2028", "x" * 256, "\ud800"],
    "integration_id": [*NOT_INTEGERS, None, 0, -1, 99, 2**31, 2**63 - 1, SHOPIFY_ID],
    "connection_settings": [*NOT_OBJECTS, None],
    "connection_settings.access_token": [
        *NOT_STRINGS, None, "", " ", "a b", "abc\n", "abc\x00", "tökën", "ａｂｃ", "x" * 256, "\ud800", "a\x7f",
    ],
    "integration_settings": [*NOT_OBJECTS, None],
    f"{S}store_hash": [
        *NOT_STRINGS, None, "", " ", "abc 123", "abc123\n", "ａｂｃ", "абв", "ab-c", "ab_c", "a" * 33, "../x", "abc%2f",
        "https://api.bigcommerce.com/stores/abc123/v3", "١٢٣", "é", "\ud800",
    ],
    f"{S}start_date": [
        *NOT_STRINGS, None, "", 20240102, "20240102", "2024-1-2", "2023-02-29", "02/01/2024", "0000-01-01",
        "2024-02-30", "2024-01-02T00:00:00", "2024-01-02\n", "２０２４-01-02", "2024-W01-1", "9999-99-99",
    ],
    f"{S}store_id": [*NOT_INTEGERS, None, 0, -7, 99, 2**31, 2**63 - 1],
    f"{S}auto_link_products": [*NOT_BOOLEANS, None],
    f"{S}auto_create_products": [*NOT_BOOLEANS, None],
    **{path: [*NOT_INTEGERS, 0, -11, 99, 2**31, 2**63 - 1] for path in NOMINAL_CODES},
    f"{S}sync_sales_order_invoices_to_accounting": [*NOT_BOOLEANS, None],
    f"{S}sync_sales_credit_to_accounting": [*NOT_BOOLEANS, None],
    f"{S}proforma_marketplace_cost_percentage": NOT_PERCENTAGES,
    f"{S}proforma_payment_cost_percentage": NOT_PERCENTAGES,
    f"{S}batch_period_sales_order_fulfillments": NOT_PERIODS,
    f"{S}batch_period_customer_returns": NOT_PERIODS,
    "is_automatic_sync_enabled": [*NOT_BOOLEANS, None],
}  # fmt: skip
REQUIRED = [
    "name",
    "integration_id",
    "connection_settings",
    "connection_settings.access_token",
    "integration_settings",
    *(f"{S}{name}" for name in ("store_hash", "start_date", "store_id", "auto_link_products", "auto_create_products")),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    return new_instance(**{path.replace(".", "__"): value})


@pytest.mark.parametrize("path", BAD)
def test_a_wrong_value_is_refused_at_its_path_alone(path: str, client: FlaskClient, headers: dict[str, str]) -> None:
    for value in BAD[path]:
        answer = client.post(URL, json=changed(path, value), headers=headers)
        assert answer.status_code == 422, (value, answer.json)
        assert list(answer.json) == ["errors", "message"]
        assert list(answer.json["errors"]) == [path], (value, answer.json)
        assert all(isinstance(each, str) and each for each in answer.json["errors"][path])


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_required_field_is_named(path: str, client: FlaskClient, headers: dict[str, str]) -> None:
    body = new_instance()
    *parents, last = path.split(".")
    target = body
    for parent in parents:
        target = target[parent]
    del target[last]
    answer = client.post(URL, json=body, headers=headers)
    assert (answer.status_code, answer.json["errors"]) == (422, {path: ["This field is required."]})


def test_every_bad_field_is_in_one_answer_those_of_the_host_too(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {
        "name": 5,
        "integration_id": 99,
        "connection_settings": {"access_token": "a b", "acess_token": "x"},
        "integration_settings": {
            "store_hash": "https://api.bigcommerce.com/stores/abc123/v3",
            "start_date": "2024-02-30",
            "store_id": 98,
            "auto_link_products": "yes",
            "sales_nominal_code_id": 97,
            "cogs_nominal_code_id": 11,
            "shipping_refund_nominal_code_id": "11",
            "proforma_payment_cost_percentage": 101,
            "batch_period_customer_returns": "weekly",
            "colour": "red",
        },
        "is_automatic_sync_enabled": None,
        "sync": True,
        "_schema": 1,
    }
    answer = client.post(URL, json=body, headers=headers)
    assert answer.status_code == 422
    assert set(answer.json["errors"]) == {
        "name",
        "integration_id",
        "connection_settings.access_token",
        "connection_settings.acess_token",
        f"{S}store_hash",
        f"{S}start_date",
        f"{S}store_id",
        f"{S}auto_link_products",
        f"{S}auto_create_products",
        f"{S}sales_nominal_code_id",
        f"{S}shipping_refund_nominal_code_id",
        f"{S}proforma_payment_cost_percentage",
        f"{S}batch_period_customer_returns",
        f"{S}colour",
        "is_automatic_sync_enabled",
        "sync",
        "_schema",
    }


@pytest.mark.parametrize("parent", ["", "connection_settings", "integration_settings"])
def test_unknown_fields_are_refused_on_every_level(parent: str, client: FlaskClient, headers: dict[str, str]) -> None:
    body = new_instance()
    (body[parent] if parent else body)["colour"] = "red"
    answer = client.post(URL, json=body, headers=headers)
    path = f"{parent}.colour" if parent else "colour"
    assert (answer.status_code, answer.json["errors"]) == (422, {path: ["Unknown field."]})


def test_unknown_field_with_an_unprintable_name_has_an_answer(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, json=new_instance() | {"\ud800": 1}, headers=headers)
    assert (answer.status_code, answer.json["errors"]) == (422, {"?": ["Unknown field."]})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("https://api.bigcommerce.com/stores/abc123/v3/", "abc123"),
        ("https://api.bigcommerce.com/stores/abc123", "abc123"),
        ("stores/abc123", "abc123"),
        ("/stores/abc123/", "abc123"),
        ("https://store-abc123.mybigcommerce.com/manage/dashboard", "abc123"),
        ("store-abc123.mybigcommerce.com", "abc123"),
        ("store-abc123", "abc123"),
        ("STORES/ABC123/V2", "ABC123"),
        ("abc123/", "abc123"),
        ("/abc123/v3", "abc123"),
        (" abc123 ", "abc123"),
        ("abc123\n", "abc123"),
        ("ａｂｃ１２３", "abc123"),
    ],
)
def test_the_hash_that_was_pasted_with_more_is_named(
    value: str, found: str, client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post(URL, json=changed(f"{S}store_hash", value), headers=headers)
    (message,) = answer.json["errors"][f"{S}store_hash"]
    assert message.endswith(f"give only the hash: {found}.")


@pytest.mark.parametrize(
    "value", ["https://www.example.com/shop", "shop.example.com", "abc 123", "stores/", "v3", "", "a" * 33, "/"]
)
def test_missing_hash_gets_an_example_of_where_to_find_it(
    value: str, client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.post(URL, json=changed(f"{S}store_hash", value), headers=headers)
    if answer.status_code == 201:  # "v3" could be a hash
        assert value == "v3"
        return
    assert answer.json["errors"][f"{S}store_hash"][0].endswith("/stores/abc123/v3/ it is abc123.")


@pytest.mark.parametrize("value", ["a", "Z", "0", "a" * 32])
def test_good_hashes(value: str, client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post(URL, json=changed(f"{S}store_hash", value), headers=headers).status_code == 201


@pytest.mark.parametrize("value", ["x", "x" * 255, "🛒" * 255, "Ünï 日本", "a  b", "' OR 1=1; --", "<b>"])
def test_good_names(value: str, client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post(URL, json=new_instance(name=value), headers=headers)
    assert (answer.status_code, answer.json["data"]["name"]) == (201, value)


@pytest.mark.parametrize("value", [0, 100, 2.5])
def test_good_percentages(value: float, client: FlaskClient, headers: dict[str, str]) -> None:
    path = f"{S}proforma_payment_cost_percentage"
    answer = client.post(URL, json=changed(path, value), headers=headers)
    assert answer.json["data"]["integration_settings"]["proforma_payment_cost_percentage"] == value


def test_no_message_repeats_the_token(client: FlaskClient, headers: dict[str, str]) -> None:
    for token in (ACCESS_TOKEN + "\n", [ACCESS_TOKEN], {ACCESS_TOKEN[:4]: ACCESS_TOKEN}, ACCESS_TOKEN + "é"):
        answer = client.post(URL, json=changed("connection_settings.access_token", token), headers=headers)
        assert answer.status_code == 422
        assert ACCESS_TOKEN not in answer.text
    for misplaced in (f"{S}start_date", f"{S}batch_period_customer_returns", "integration_id", "connection_settings"):
        answer = client.post(URL, json=changed(misplaced, ACCESS_TOKEN), headers=headers)
        assert answer.status_code == 422
        assert ACCESS_TOKEN not in answer.text
