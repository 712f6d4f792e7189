"""Children that change hands while answers are in flight: no row is older than it was, and the next answers heal."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from .conftest import NOON, Connect, Mirror, payload, writer

SECOND = timedelta(seconds=1)


def product(product_id: int, *variants: int, name: str = "P") -> dict[str, Any]:
    """A product with these variants; each has its own SKU and stock that tells the product."""
    template = payload("products", 0)
    return {
        **template,
        "id": product_id,
        "name": name,
        "variants": [
            {**template["variants"][0], "id": each, "product_id": product_id, "sku": f"S{each}", "inventory_level": 10}
            for each in variants
        ],
    }


def order(order_id: int, *lines: int, quantity: int = 1) -> dict[str, Any]:
    """An order with these lines, all shipped."""
    template = payload("orders", 0)
    line = template["consignments"]["shipping"][0]["line_items"][0]
    items = [{**line, "id": each, "order_id": order_id, "quantity": quantity} for each in lines]
    return {
        **template,
        "id": order_id,
        "items_total": quantity * len(items),
        "consignments": {"shipping": [{"line_items": items}]},
    }


def make(resource: str, owner: int, *children: int) -> dict[str, Any]:
    return (product if resource == "products" else order)(owner, *children)


CHILDREN = {"products": ("variants", "bigcommerce_product_id"), "orders": ("order_lines", "bigcommerce_order_id")}


def owners(mirror: Mirror, resource: str) -> dict[int, int]:
    """Which owner each live child has."""
    table, owner = CHILDREN[resource]
    return {row["bigcommerce_id"]: row[owner] for row in mirror.rows(table) if row["deleted_at"] is None}


def observed(mirror: Mirror, resource: str, child: int) -> datetime:
    found = mirror.row(CHILDREN[resource][0], child)["observed_at"]
    assert isinstance(found, datetime)
    return found


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_older_answer_of_the_old_owner_does_not_take_child_back(connect_any: Connect, resource: str):
    mirror = connect_any()
    pages = writer(mirror, resource)
    pages.write(make(resource, 1, 11, 12), make(resource, 2, 21))
    pages.write(make(resource, 2, 12, 21), at=NOON + 5 * SECOND)
    row = mirror.row(CHILDREN[resource][0], 12)
    # Asked for before the move, stored after it; child 13 makes it differ from what is stored.
    pages.write(make(resource, 1, 11, 12, 13), at=NOON + 3 * SECOND)
    assert mirror.row(CHILDREN[resource][0], 12) == row
    assert owners(mirror, resource) == {11: 1, 12: 2, 13: 1, 21: 2}
    pages.write(make(resource, 1, 11, 13), make(resource, 2, 12, 21), at=NOON + 9 * SECOND)
    assert owners(mirror, resource) == {11: 1, 12: 2, 13: 1, 21: 2}


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_owner_denied_a_child_is_written_by_its_next_answer(connect_any: Connect, resource: str):
    """It went to 2 and came back: the text of 1 is as it was, and would be taken for unchanged, a child missing."""
    mirror = connect_any()
    pages = writer(mirror, resource)
    pages.write(make(resource, 1, 11), make(resource, 2, 21))
    pages.write(make(resource, 2, 12, 21), at=NOON + 5 * SECOND)
    pages.write(make(resource, 1, 11, 12), at=NOON + 3 * SECOND)
    assert owners(mirror, resource)[12] == 2
    for answer in (make(resource, 2, 21), make(resource, 1, 11, 12)):
        pages.write(answer, at=NOON + 9 * SECOND)
    assert owners(mirror, resource) == {11: 1, 12: 1, 21: 2}


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_wrong_winner_within_a_second_is_mended_by_next_answer(connect_any: Connect, resource: str):
    mirror = connect_any()
    pages = writer(mirror, resource)
    pages.write(make(resource, 1, 11, 12), make(resource, 2, 21))
    truth = [make(resource, 1, 11), make(resource, 2, 12, 21)]
    pages.write(truth[1], at=NOON + SECOND)
    pages.write(make(resource, 1, 11, 12, 13), at=NOON + SECOND)
    for answer in truth:
        pages.write(answer, at=NOON + 9 * SECOND)
    assert owners(mirror, resource) == {11: 1, 12: 2, 21: 2}
    # It is healed for good: the same answers write nothing any more.
    assert pages.write(*truth, at=NOON + 20 * SECOND) == {"fetched": 2, "unchanged": 2}


@pytest.mark.parametrize("resource", ["products", "orders"])
def test_what_moved_within_one_answer_is_written_once(connect: Connect, resource: str):
    mirror = connect()
    pages = writer(mirror, resource)
    pages.write(make(resource, 1, 11, 12), make(resource, 2, 21))
    truth = [make(resource, 1, 11), make(resource, 2, 12, 21)]
    assert pages.write(*truth, at=NOON + SECOND) == {"fetched": 2, "updated": 2}
    assert owners(mirror, resource) == {11: 1, 12: 2, 21: 2}
    assert pages.write(*truth, at=NOON + 2 * SECOND) == {"fetched": 2, "unchanged": 2}


def test_moved_variant_is_found_under_a_product_read_before(connect_any: Connect):
    """That it is gone from the one, seen later, says nothing against the other that has it."""
    mirror = connect_any()
    pages = writer(mirror, "products")
    pages.write(product(1, 11, 12), product(2, 21))
    pages.write(product(1, 11), at=NOON + 5 * SECOND)
    assert owners(mirror, "products") == {11: 1, 21: 2}
    pages.write(product(2, 12, 21), at=NOON + 3 * SECOND)
    assert owners(mirror, "products") == {11: 1, 12: 2, 21: 2}


def test_line_of_another_order_does_not_reject_a_new_order(connect_any: Connect):
    mirror = connect_any()
    pages = writer(mirror, "orders")
    pages.write(order(1, 11, 12))
    assert pages.write(order(2, 12, 21), at=NOON + SECOND) == {"fetched": 1, "created": 1}
    assert owners(mirror, "orders") == {11: 1, 12: 2, 21: 2}


STATES = {
    # Where the child 12 is: with 1, with 2, and with 1 again or gone.
    "there": [(1, NOON), (2, NOON + 10 * SECOND)],
    "there and back": [(1, NOON), (2, NOON + 10 * SECOND), (1, NOON + 20 * SECOND)],
    "there and gone": [(1, NOON), (2, NOON + 10 * SECOND), (None, NOON + 20 * SECOND)],
}


def answer_at(resource: str, story: list[tuple[int | None, datetime]], owner: int, moment: datetime) -> dict[str, Any]:
    """What the store says of this owner at that moment."""
    holder = next(who for who, since in reversed(story) if since <= moment)
    own = owner * 10 + 1
    return make(resource, owner, own, *([12] if holder == owner else []))


@pytest.mark.ci
@pytest.mark.parametrize("resource", ["products", "orders"])
@pytest.mark.parametrize("story", STATES)
def test_full_refresh_is_right_after_any_moves_in_any_order(connect: Connect, resource: str, story: str):
    """Both owners are asked at three moments in all, in every order of arrival that a walk may have."""
    mirror = connect()
    pages = writer(mirror, resource)
    moments = [NOON, NOON + 10 * SECOND, NOON + 20 * SECOND]
    asked = [(owner, moment) for owner in (1, 2) for moment in moments[1:]]
    # The instance's clock goes on from story to story, so that each begins with what the last one left.
    for number, order_of_arrival in enumerate(itertools.permutations(asked)):
        shift = timedelta(hours=number)
        for owner, moment in [(1, NOON), (2, NOON), *order_of_arrival]:
            before = mirror.rows(CHILDREN[resource][0], bigcommerce_id=12)
            pages.write(answer_at(resource, STATES[story], owner, moment), at=moment + shift)
            after = mirror.rows(CHILDREN[resource][0], bigcommerce_id=12)
            if before and after and before[0]["deleted_at"] is None:
                assert after[0]["observed_at"] >= before[0]["observed_at"]
        for owner in (1, 2):
            pages.write(answer_at(resource, STATES[story], owner, moments[-1]), at=NOON + shift + 30 * SECOND)
        holder = STATES[story][-1][0]
        assert owners(mirror, resource) == {11: 1, 21: 2, **({12: holder} if holder else {})}, order_of_arrival
