"""Why an order is not here, or a variant not linked: the decision alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from bigcommerce_integration.operations.explain.facts import Refreshed, Refreshing, Rejected
from bigcommerce_integration.operations.explain.orders import OrderFacts, explain_order
from bigcommerce_integration.operations.explain.reasons import Reason
from bigcommerce_integration.operations.explain.variants import VariantFacts, explain_variant
from bigcommerce_integration.store_check.lookup import StoreAnswer

NOON = datetime(2026, 1, 31, 12)
START = date(2026, 1, 1)
ORDERS = Refreshing("orders", watermark=NOON)
ORDER: dict[str, Any] = {"deleted_at": None, "is_deleted": False, "is_sale": True, "status_id": 10, "observed_at": NOON}
VARIANT: dict[str, Any] = {
    "deleted_at": None,
    "host_product_id": None,
    "link_source": None,
    "link_conflict": None,
    "link_conflict_code": None,
    "sku_key": "A",
}
MISSING = OrderFacts(5, START, ORDERS)
UNLINKED = VariantFacts(
    "the id 5", START, Refreshing("products", watermark=NOON), auto_link=True, auto_create=False, row=VARIANT
)
SAYS = StoreAnswer(
    is_there=True, dated=datetime(2025, 12, 31), dated_on=date(2025, 12, 30), starts_at=datetime(2026, 1, 1, 5)
)


def order_codes(**facts: Any) -> list[str]:
    return [reason.code for reason in explain_order(replace(MISSING, **facts))]


def variant_codes(**facts: Any) -> list[str]:
    row = None if facts.pop("is_missing", False) else VARIANT | facts.pop("row", {})
    return [reason.code for reason in explain_variant(replace(UNLINKED, row=row, **facts))]


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ({}, ["here"]),
        ({"deleted_at": NOON}, ["here", "gone"]),
        ({"is_deleted": True, "is_sale": False}, ["here", "archived"]),
        ({"is_sale": False, "status_id": 5}, ["here", "no_sale"]),
    ],
)
def test_an_order_that_is_here(row: dict[str, Any], codes: list[str]) -> None:
    assert order_codes(row=ORDER | row) == codes


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({}, ["never_seen", "no_refresh_planned"]),
        ({"refreshing": Refreshing("orders", next_at=NOON)}, ["never_seen", "awaiting_refresh"]),
        ({"refreshing": Refreshing("orders", open_refresh=3, next_at=NOON)}, ["never_seen", "awaiting_refresh"]),
        (
            {"refreshing": Refreshing("orders", last_failure="403", attention="401")},
            ["never_seen", "needs_attention"],
        ),
        ({"lowest_id": 6}, ["perhaps_before_start_date", "never_seen", "no_refresh_planned"]),
        ({"lowest_id": 4}, ["never_seen", "no_refresh_planned"]),
        ({"rejected": Rejected(9, "Odd.", NOON), "lowest_id": 6}, ["rejected", "never_seen", "no_refresh_planned"]),
        ({"store": StoreAnswer(is_there=False), "lowest_id": 6}, ["not_in_store"]),
        ({"store": SAYS}, ["before_start_date", "never_seen", "no_refresh_planned"]),
        ({"store": replace(SAYS, dated=NOON)}, ["in_store", "never_seen", "no_refresh_planned"]),
        ({"store": replace(SAYS, starts_at=None)}, ["in_store", "never_seen", "no_refresh_planned"]),
        (
            {"store": StoreAnswer(problem="Late."), "lowest_id": 6},
            ["perhaps_before_start_date", "store_silent", "never_seen", "no_refresh_planned"],
        ),
    ],
)
def test_an_order_that_is_not_here(facts: dict[str, Any], codes: list[str]) -> None:
    assert order_codes(**facts) == codes


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({"row": {"host_product_id": 7, "link_source": "auto"}}, ["linked"]),
        ({"row": {"host_product_id": 7, "link_source": "manual", "deleted_at": NOON}}, ["gone", "linked"]),
        ({"row": {"link_source": "manual"}}, ["unlinked_by_hand"]),
        ({"row": {"deleted_at": NOON}}, ["gone"]),
        ({"row": {"link_conflict": "Two have it."}}, ["conflict", "no_refresh_planned"]),
        (
            {"row": {"link_conflict": "No.", "link_conflict_code": "refused_by_host"}},
            ["refused_by_host", "no_refresh_planned"],
        ),
        ({"row": {"link_conflict": "The SKU is blank.", "sku_key": None}}, ["blank_sku", "no_refresh_planned"]),
        ({"row": {"sku_key": None}}, ["blank_sku"]),
        ({"auto_link": False}, ["linking_is_off"]),
        ({}, ["no_host_product", "no_refresh_planned"]),
        ({"host_products": [7]}, ["not_linked_yet", "no_refresh_planned"]),
        ({"host_products": [7], "auto_link": False, "auto_create": True}, ["auto_link_is_off", "no_refresh_planned"]),
        ({"auto_create": True}, ["not_created_yet", "no_refresh_planned"]),
        ({"auto_create": True, "is_only_referenced": True}, ["only_referenced", "no_refresh_planned"]),
        ({"rejected": Rejected(9, "Odd.", NOON), "host_products": [7]},
         ["not_linked_yet", "no_refresh_planned", "rejected"]),
        ({"row": {"link_source": "manual"}, "store": StoreAnswer(is_there=False)},
         ["unlinked_by_hand", "not_in_store"]),
        ({"row": {"link_source": "manual"}, "store": SAYS}, ["unlinked_by_hand"]),
        ({"is_missing": True}, ["not_here", "never_seen", "no_refresh_planned"]),
        ({"is_missing": True, "store": SAYS}, ["not_here", "before_start_date", "never_seen", "no_refresh_planned"]),
        ({"is_missing": True, "rejected": Rejected(9, "Odd.", NOON)},
         ["not_here", "rejected", "never_seen", "no_refresh_planned"]),
    ],
)  # fmt: skip
def test_a_variant(facts: dict[str, Any], codes: list[str]) -> None:
    assert variant_codes(**facts) == codes


def test_the_sentences_name_what_there_is() -> None:
    (rejected, *_) = explain_order(replace(MISSING, rejected=Rejected(9, "Odd.", NOON)))
    assert rejected.message == (
        "On 31 Jan 2026 12:00 UTC it could not be stored: Odd. Mend it in the store, then try again."
    )
    assert (rejected.action, rejected.rejected_id) == ("retry", 9)
    (before, unseen, _) = explain_order(replace(MISSING, store=SAYS))
    assert before.message == (
        "It is in the store, placed 30 Dec 2025, before your first day 1 Jan 2026, so it was left out on purpose. It "
        "cannot be fetched alone: an earlier first day fetches all orders placed since then."
    )
    assert before.action == "open_settings"
    assert "before 31 Jan 2026 12:00 UTC was read" in unseen.message


def test_a_stored_order_says_when_and_by_what_it_was_read() -> None:
    facts = replace(MISSING, row=ORDER, written_by=Refreshed(12, "incremental"), host_says="Booked.", host_link="/o/5")
    here, word = explain_order(facts)
    assert here.message == (
        "The order is here. It was read from the store on 31 Jan 2026 12:00 UTC by refresh 12 (Changes) and passed on "
        "to your system. Its status is Completed."
    )
    assert (here.link, here.action, word.code, word.message) == ("/o/5", "none", "host_says", "Booked.")
    (_, no_sale) = explain_order(replace(MISSING, row=ORDER | {"is_sale": False, "status_id": 6}))
    assert no_sale.message == "Its status is Declined, so it does not count as a sale."
    (_, unknown) = explain_order(replace(MISSING, row=ORDER | {"is_sale": False, "status_id": None}))
    assert unknown.message == "Its status is not known, so it does not count as a sale."


def every_reason() -> Iterator[Reason]:
    """Of facts that differ in whatever they can."""
    stores = [None, SAYS, replace(SAYS, dated=NOON), StoreAnswer(is_there=False), StoreAnswer(problem="Late.")]
    for store in stores:
        yield from explain_order(replace(MISSING, store=store, lowest_id=6))
        yield from explain_variant(replace(UNLINKED, row=None, store=store, rejected=Rejected(9, "Odd.", NOON)))
        yield from explain_variant(replace(UNLINKED, store=store))


def test_no_sentence_has_a_route_or_a_setting_of_the_api() -> None:
    for reason in every_reason():
        assert not re.search(r"POST|GET|/|_|=|T\d\d:", reason.message), reason.message
