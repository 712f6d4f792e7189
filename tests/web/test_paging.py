"""Lists from the last row to the first, and the counts of variants by state, on each database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.operations.context import RequestContext, authorize, caller_named
from bigcommerce_integration.operations.lists import orders, paging, variants

from .mirrored import NOON, Mirrored


def context_of(mirrored: Mirrored) -> RequestContext:
    return authorize(caller_named(state_of(mirrored.app), None), "read", mirrored.instance_id)


def newest_first(mirrored: Mirrored, query: Mapping[str, Any]) -> tuple[list[int], int]:
    """The ids of all pages of two orders each, and how many pages there are."""
    found: list[int] = []
    pages, given = 0, {"limit": 2, **query}
    with mirrored.app.test_request_context():
        context = context_of(mirrored)
        wanted = replace(orders.wanted(context, query), is_descending=True)
        columns = [wanted.table.c.bigcommerce_id, wanted.table.c.date_created]
        while True:
            rows, cursor = paging.page_after(context, wanted, columns, given)
            found += [row.bigcommerce_id for row in rows]
            pages += 1
            if cursor is None:
                return found, pages
            parts = cursor.split("_")
            given["after"] = tuple(int(part) for part in parts)


@pytest.mark.parametrize("most_scanned", [1, 3, 500])
def test_orders_are_listed_newest_first(
    any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, most_scanned: int
) -> None:
    monkeypatch.setattr(paging, "MOST_SCANNED", most_scanned)
    any_mirrored.add(
        "orders",
        *(
            {
                "bigcommerce_id": number,
                # Two of a minute each, and later ones with lower numbers.
                "date_created": NOON - timedelta(minutes=number // 2),
                "is_sale": number % 3 == 0,
                "status_id": number % 2,
            }
            for number in range(1, 10)
        ),
    )
    assert newest_first(any_mirrored, {})[0] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert newest_first(any_mirrored, {"is_sale": True})[0] == [9, 6, 3]
    assert newest_first(any_mirrored, {"status_id": 1})[0] == [9, 7, 5, 3, 1]
    since = {"created_from": NOON - timedelta(minutes=3)}
    assert newest_first(any_mirrored, since)[0] == [1, 3, 2, 5, 4, 7, 6]
    assert newest_first(any_mirrored, {**since, "is_sale": True})[0] == [3, 6]


def test_variants_are_counted_by_state_up_to_a_bound(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    conflict = {"link_conflict": "x", "link_conflict_code": "blank_sku"}
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 1, "host_product_id": 5, "link_source": "auto"},
        {"bigcommerce_id": 2},
        {"bigcommerce_id": 3, **conflict},
        {"bigcommerce_id": 4, **conflict},
        {"bigcommerce_id": 5, "link_conflict": "of 0.1.0"},
        {"bigcommerce_id": 6, "link_source": "manual"},
        {"bigcommerce_id": 7, "host_product_id": 5, "deleted_at": NOON},
        {"bigcommerce_id": 8, "deleted_at": NOON},
    )
    with any_mirrored.app.test_request_context():
        found = variants.counts(context_of(any_mirrored))
        assert found == variants.Counts(linked=1, unlinked=4, conflicts=3, left=1, by_code={"blank_sku": 2})
        monkeypatch.setattr(variants, "MOST_COUNTED", 2)
        state_of(any_mirrored.app).counted.clear()
        assert variants.counts(context_of(any_mirrored)).unlinked <= 2


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"conflict": True}, [1, 2]),
        ({"conflict": True, "linked": False}, [1, 2]),
        ({"link_conflict_code": "blank_sku"}, [2]),
        ({"left": True}, [3]),
    ],
)
def test_a_page_that_shows_all_has_no_next_one(
    any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, query: dict[str, Any], ids: list[int]
) -> None:
    """Also where more variants without a link come after them than a request scans for another filter."""
    monkeypatch.setattr(paging, "MOST_SCANNED", 3)
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 1, "link_conflict": "x", "link_conflict_code": "duplicate_sku"},
        {"bigcommerce_id": 2, "link_conflict": "x", "link_conflict_code": "blank_sku"},
        {"bigcommerce_id": 3, "link_source": "manual"},
        *({"bigcommerce_id": number} for number in range(4, 40)),
    )
    with any_mirrored.app.test_request_context():
        context = context_of(any_mirrored)
        wanted = variants.wanted(context, query)
        rows, cursor = paging.page_after(context, wanted, [wanted.table.c.bigcommerce_id], {"limit": 5})
    assert ([row.bigcommerce_id for row in rows], cursor) == (ids, None)


def test_only_chosen_variants_are_wanted(any_mirrored: Mirrored) -> None:
    any_mirrored.add("variants", *({"bigcommerce_id": number} for number in range(1, 6)))
    with any_mirrored.app.test_request_context():
        context = context_of(any_mirrored)
        wanted = variants.wanted_of(context, {"linked": False}, [2, 4, 9])
        columns = [wanted.table.c.bigcommerce_id, variants.name_of_product(context)]
        rows, cursor = paging.page_after(context, wanted, columns, {"limit": 10})
    assert [row.bigcommerce_id for row in rows] == [2, 4]
    assert cursor is None
