"""Minor units by ISO 4217."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bigcommerce_integration.accounting.basis.amounts import fits, in_units, minor_digits, of_units, part, shared


@pytest.mark.parametrize(
    ("code", "digits"),
    [("USD", 2), ("HUF", 2), ("IDR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("HRK", 2), ("BGN", 2)],
)
def test_decimals_are_those_of_iso_4217(code, digits):
    assert minor_digits(code) == digits


@pytest.mark.parametrize("code", ["XXX", "XAU", "ABC", "usd", "", None])
def test_what_has_no_minor_unit_is_not_known(code):
    assert minor_digits(code) is None


@pytest.mark.parametrize(("amount", "units"), [("0.125", 12), ("0.135", 14), ("-0.125", -12), ("7", 700)])
def test_amounts_are_rounded_half_to_even(amount, units):
    assert in_units(Decimal(amount), 2) == units


def test_amounts_keep_their_decimals():
    assert [str(of_units(1, digits)) for digits in (0, 2, 3)] == ["1", "0.01", "0.001"]
    assert fits(Decimal("1.1200"), 2)
    assert not fits(Decimal("1.125"), 2)


def test_largest_remainder_gets_the_last_unit():
    assert shared(10, [1, 1, 1]) == [4, 3, 3]
    assert shared(100, [333, 666, 1]) == [33, 67, 0]
    assert shared(5, [0, 0]) == [0, 0]


@pytest.mark.parametrize(
    ("units", "of", "whole", "result"), [(5, 1, 2, 2), (15, 1, 2, 8), (-5, 1, 2, -2), (10, 2, 3, 7)]
)
def test_a_part_is_rounded_half_to_even(units, of, whole, result):
    assert part(units, of, whole) == result
