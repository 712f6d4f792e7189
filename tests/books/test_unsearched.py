"""The garbage collector is off while documents are made, and on again afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from bigcommerce_integration.books.making.unsearched import unsearched


def test_collector_is_off_within_and_on_after_an_error() -> None:
    seen = []
    with pytest.raises(ZeroDivisionError), unsearched():
        seen.append(1 // int(gc.isenabled()))
    assert not seen
    assert gc.isenabled()


def test_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with unsearched():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_two_at_once_leave_the_collector_on() -> None:
    one, other = unsearched(), unsearched()
    with one:
        other.__enter__()
    other.__exit__(None, None, None)
    assert gc.isenabled()
