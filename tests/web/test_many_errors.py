"""Bodies and queries with more mistakes than anybody reads: few are named, the rest is counted, at little cost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bigcommerce_integration.errors import MOST_ERRORS, Invalid
from bigcommerce_integration.web.links.request import MAX_LINKS_BYTES, MOST_LINKS

from ..host_app import new_instance
from .mirrored import URL, Mirrored, errors

LONGEST_ANSWER = 16 * 1024


def sent(mirrored: Mirrored, method: str, path: str, body: str) -> dict[str, Any]:
    answer = mirrored.client.open(f"{URL}{path}", method=method, data=body, content_type="application/json")
    assert len(answer.get_data()) <= LONGEST_ANSWER
    return dict(errors(answer))


def keys(many: int, *, width: int = 1) -> str:
    """The inside of an object with so many unknown fields."""
    return ",".join(f'"{each:0{width}x}":1' for each in range(many))


def whole(**more: Any) -> str:
    """A valid body with more fields, still open."""
    return json.dumps(new_instance(**more))[:-1]


@pytest.mark.parametrize(
    ("many", "named", "rest"), [(99, 99, None), (100, 100, None), (101, 100, 1), (5000, 100, 4900)]
)
def test_a_hundred_are_named_and_the_rest_counted(many: int, named: int, rest: int | None, mirrored: Mirrored) -> None:
    found = sent(mirrored, "POST", "", f"{whole(name='x')},{keys(many, width=5)}}}")
    counted = found.pop("_schema", None)
    assert len(found) == named
    assert counted == (rest and [f"And {rest} more."])
    assert set(map(tuple, found.values())) == {("Unknown field.",)}


def test_what_is_wrong_with_known_fields_is_named_first(mirrored: Mirrored) -> None:
    body = f'{{{keys(3000)},"name":5,"integration_settings":{{{keys(3000)},"store_id":"x"}}}}'
    found = sent(mirrored, "POST", "", body)
    assert {"name", "integration_id", "connection_settings", "integration_settings.store_id"} <= set(found)
    # Those of IntegrationSettings that are required and were not given are missing too.
    (counted,) = found.pop("_schema")
    assert len(found) == MOST_ERRORS
    assert counted == f"And {6000 + 8 - MOST_ERRORS} more."


def test_nested_unknown_fields_have_their_path(mirrored: Mirrored) -> None:
    body = json.loads(whole() + "}")
    body["name"], body["connection_settings"]["a"], body["integration_settings"]["b"], body["c"] = "y", 1, 2, 3
    found = sent(mirrored, "POST", "", json.dumps(body))
    assert set(found) == {"connection_settings.a", "integration_settings.b", "c"}


@pytest.mark.parametrize(
    ("method", "path", "size"),
    [
        ("POST", "", 60_000),
        ("PATCH", "/{}", 60_000),
        ("POST", "/{}/orders/refresh", 60_000),
        ("POST", "/check", 60_000),
    ],
)
def test_a_long_name_is_cut_in_the_answer(method: str, path: str, size: int, mirrored: Mirrored) -> None:
    found = sent(mirrored, method, path.format(mirrored.instance_id), f'{{"{"k" * size}":1}}')
    assert [each for each in found if len(each) > 100] == []
    assert f"{'k' * 99}…" in found


def test_a_name_of_two_megabytes_is_cut_too(mirrored: Mirrored) -> None:
    body = f'[{{"{"k" * (MAX_LINKS_BYTES - 100)}":1}}]'
    assert f"0.{'k' * 97}…" in sent(mirrored, "PUT", f"/{mirrored.instance_id}/variants/links", body)


def test_rows_without_end_are_counted(mirrored: Mirrored) -> None:
    rows = json.dumps([{"bigcommerce_id": each + 1, "host_product_id": each + 1} for each in range(MOST_LINKS)])
    found = sent(mirrored, "PUT", f"/{mirrored.instance_id}/variants/links", rows)
    assert found.pop("_schema") == [f"And {2 * MOST_LINKS - MOST_ERRORS} more."]
    assert len(found) == MOST_ERRORS


def test_bad_ids_are_counted(mirrored: Mirrored) -> None:
    body = json.dumps({"mode": "ids", "ids": [-1] * 250})
    found = sent(mirrored, "POST", f"/{mirrored.instance_id}/orders/refresh", body)
    assert (len(found), found["_schema"]) == (MOST_ERRORS + 1, ["And 150 more."])


def test_parameters_are_counted_and_cut(mirrored: Mirrored) -> None:
    query = "&".join(f"p{each}=1&p{each}=2" for each in range(300)) + f"&{'q' * 500}=1"
    for path in ("variants", "orders", "products", "refreshes", "history", "rejected", "explain"):
        found = dict(errors(mirrored.ask(f"{path}?{query}")))
        assert len(found) == MOST_ERRORS + 1, path
        assert found["_schema"][0].startswith("And "), path
    assert list(errors(mirrored.ask(f"variants?{'q' * 500}=1"))) == [f"{'q' * 99}…"]


@pytest.mark.ci
@pytest.mark.parametrize("kind", ["one row", "many rows"])
def test_two_megabytes_of_mistakes_cost_little(kind: str, mirrored: Mirrored) -> None:
    """Against what it costs to parse them: before, it was more than fifty times that."""
    body = f"[{{{keys(200_000)}}}]" if kind == "one row" else f"[{','.join([f'{{{keys(190)}}}'] * MOST_LINKS)}]"
    assert len(body) <= MAX_LINKS_BYTES
    path = f"/{mirrored.instance_id}/variants/links"
    costs = []
    for work in (lambda: json.loads(body), lambda: sent(mirrored, "PUT", path, body)):
        began = time.process_time()
        work()
        costs.append(time.process_time() - began)
    assert costs[1] < 30 * costs[0], costs


def test_a_cursor_of_a_thousand_parts_is_not_read_part_by_part(mirrored: Mirrored) -> None:
    assert set(errors(mirrored.ask(f"orders?after={'1_' * 20_000}1"))) == {"after"}


def test_a_refusal_cuts_long_messages() -> None:
    refusal = Invalid({"name": ["m" * 5000]})
    assert [len(each) for each in refusal.errors["name"]] == [1000]
