"""When a page is the last one: only what is proved."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client.pages import IdRange, Page, v2_page, v3_page
from bigcommerce_integration.client.records import Pagination, Record


def records(*ids: int | None) -> list[Record]:
    return [Record("{}", {"id": each}, each) for each in ids]


def ids_of(page: Page) -> Sequence[int | None]:
    return [record.id for record in page.records]


@pytest.mark.parametrize(("lo", "hi"), [(-1, None), (5, 4), (0, -1)])
def test_a_range_that_is_none_is_refused(lo: int, hi: int | None) -> None:
    with pytest.raises(ValueError, match="no range"):
        IdRange(lo, hi)


@pytest.mark.parametrize(
    ("came", "ids", "limit", "kept", "is_last"),
    [
        ((9, 10, 11, 12), IdRange(10, 20), 4, [10, 11, 12], False),
        ((10, 11, 12, 13), IdRange(10, 12), 4, [10, 11, 12], True),
        ((10, 12), IdRange(10, 12), 4, [10, 12], True),
        ((10, 11), IdRange(10, 12), 4, [10, 11], False),
        ((10, 11, 15), IdRange(10, 12), 3, [10, 11], True),
        ((9,), IdRange(10, 12), 4, [], True),
        ((), IdRange(10, 12), 4, [], True),
        ((9, 15), IdRange(10, 12), 4, [], True),
        ((10, 11, 12), IdRange(10, None), 3, [10, 11, 12], False),
        ((10, 11), IdRange(10, None), 3, [10, 11], True),
        ((9,), IdRange(10, None), 3, [], True),
        ((10, 10, 11, 11, 12), IdRange(10, 20), 5, [10, 10, 11, 11, 12], False),
        ((10, None, 11), IdRange(10, 20), 3, [10, None, 11], False),
        ((None, 9, None, 10), IdRange(10, 20), 4, [None, 10], False),
        ((10, None, 13, None), IdRange(10, 12), 4, [10, None], True),
        ((None, None), IdRange(10, 20), 4, [None, None], True),
        ((None, None), IdRange(10, 20), 2, [None, None], False),
    ],
)
def test_v2(came: tuple[int | None, ...], ids: IdRange, limit: int, kept: list[int | None], is_last: bool) -> None:
    page = v2_page(records(*came), ids, limit)
    assert ids_of(page) == kept
    assert page.is_last is is_last
    assert page.total is None


@pytest.mark.parametrize(
    ("came", "total", "ids", "is_last"),
    [
        ((10, 11), 2, IdRange(10, 20), True),
        ((10, 11), 3, IdRange(10, 20), False),
        ((), 0, IdRange(10, 20), True),
        ((), 5, IdRange(10, 20), False),
        ((10, 20), 3, IdRange(10, 20), True),
        ((10, 11), 2, IdRange(10, None), True),
        ((10, 11), 3, IdRange(10, None), False),
        ((None, 11), 2, IdRange(10, 20), True),
    ],
)
def test_v3_by_its_pagination(came: tuple[int | None, ...], total: int, ids: IdRange, is_last: bool) -> None:
    page = v3_page(records(*came), Pagination(total, len(came)), ids, 250)
    assert ids_of(page) == list(came)
    assert (page.is_last, page.total) == (is_last, total)


@pytest.mark.parametrize("pagination", [None, Pagination(0, 2), Pagination(1, 2)])
def test_v3_without_a_pagination_to_believe_is_like_v2(pagination: Pagination | None) -> None:
    assert not v3_page(records(10, 11), pagination, IdRange(10, 20), 250).is_last
    assert v3_page(records(10, 20), pagination, IdRange(10, 20), 250).is_last
    assert v3_page(records(10, 11), pagination, IdRange(10, None), 250).is_last
    assert not v3_page(records(10, 11), pagination, IdRange(10, None), 2).is_last


@given(
    st.sets(st.integers(1, 60), max_size=40),
    st.integers(1, 60),
    st.integers(0, 60),
    st.integers(2, 12),
    st.booleans(),
    st.integers(2, 12),
)
def test_a_walk_over_v2_finds_every_record_once_and_ends(
    stored: set[int], lo: int, width: int, page_size: int, is_inclusive: bool, cap: int
) -> None:
    """Whether bounds include themselves or not, also if the store sends less than it was asked for."""
    hi, asked = lo + width, 0
    found: list[int | None] = []
    at: int | None = lo
    while at is not None:
        limit = min(page_size, hi - at + 3)
        come = sorted(each for each in stored if each > at - 1 or (is_inclusive and each == at - 1))[: min(limit, cap)]
        page = v2_page(records(*come), IdRange(at, hi), limit)
        found += ids_of(page)
        asked += 1
        at = None if page.is_last else (page.last_id or 0) + 1
        assert asked <= 100
    assert found == sorted(each for each in stored if lo <= each <= hi)
