"""What an answer costs in memory: its own size, and for one record at a time its text."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from bigcommerce_integration.client import records
from bigcommerce_integration.client.damage import RECORD_CAP
from bigcommerce_integration.client.records import Record, split_v2
from bigcommerce_integration.refresh.write.page import mapping
from bigcommerce_integration.resources.registry import REGISTRY

MIB = 1024 * 1024
WINDOW = 10 * records._WINDOW
"""One emoji makes the window's text four times as wide, and Python has more than one of it while it decodes."""


def peak_beside(body: bytes) -> float:
    """The most that reading and mapping this answer takes beside its own bytes and a window, in multiples of them."""
    each: Callable[[Record], Record] = mapping(REGISTRY.mappers["orders"].map_record)
    tracemalloc.start()
    try:
        split_v2(body, on_record=each)
        return (tracemalloc.get_traced_memory()[1] - WINDOW) / len(body)
    finally:
        tracemalloc.stop()


def order(number: int, size: int, sign: str) -> str:
    return f'{{"id":{number},"customer_id":1,"items_total":0,"consignments":{{}},"note":"{"x" * size}{sign}"}}'


@pytest.mark.parametrize("sign", ["", "🍃"], ids=["plain", "one emoji"])
def test_many_records_cost_their_own_texts(sign: str) -> None:
    """One emoji in one record makes its text four times as wide, but not the whole answer's."""
    texts = [order(number, MIB // 8, sign if number == 40 else "") for number in range(1, 81)]
    assert peak_beside(f"[{','.join(texts)}]".encode()) < 3


def test_the_largest_record_with_an_emoji_is_bounded() -> None:
    """Of four bytes a sign: its text, its value, and what is made of them."""
    assert peak_beside(f"[{order(1, RECORD_CAP - 1000, '🍃')}]".encode()) < 20


def test_a_record_beyond_the_bound_costs_nearly_nothing() -> None:
    assert peak_beside(f"[{order(1, 4 * RECORD_CAP, '🍃')}]".encode()) < 1.5
