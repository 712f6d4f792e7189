"""The query string: strict, and every mistake at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from bigcommerce_integration.errors import Invalid
from bigcommerce_integration.schemas import fields
from bigcommerce_integration.schemas import query as query_args


class Query(query_args.PageQuery):
    sku = query_args.QueryText("")
    linked = query_args.QueryBoolean()
    since = query_args.QueryMoment()
    status = fields.Choice("", ("active", "deleting"))


def read(query: str) -> dict[str, Any]:
    return query_args.read_query(Request(EnvironBuilder(query_string=query).get_environ()), Query)


def test_what_is_given_is_read_and_the_rest_has_its_default() -> None:
    assert read("") == {"page": 1, "per_page": 25}
    assert read("page=3&per_page=100&sku=%20A&linked=false&status=active&since=2026-01-31T12:00:00%2B02:00") == {
        "page": 3,
        "per_page": 100,
        "sku": " A",
        "linked": False,
        "status": "active",
        "since": datetime(2026, 1, 31, 10),
    }


def test_a_plus_that_was_not_encoded_is_understood() -> None:
    assert read("since=2026-01-31T12:00:00+02:00")["since"] == datetime(2026, 1, 31, 10)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=", "page"),
        ("page=1&page=2", "page"),
        ("per_page=101", "per_page"),
        ("per_page=9999999999999999999", "per_page"),
        ("linked=True", "linked"),
        ("sku=", "sku"),
        ("sku=%00", "sku"),
        ("since=2026-01-31", "since"),
        ("since=2026-02-31T00:00:00Z", "since"),
        ("since=0001-01-01T00:00:00%2B10:00", "since"),
        ("status=gone", "status"),
        ("pages=1", "pages"),
    ],
)
def test_a_mistake_is_named(query: str, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(query)
    assert set(refused.value.errors) == {name}


def test_every_mistake_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        read("page=x&linked=1&typo=1&sku=a&sku=b")
    assert set(refused.value.errors) == {"page", "linked", "typo", "sku"}
