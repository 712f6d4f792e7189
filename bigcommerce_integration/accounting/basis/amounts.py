"""Amounts as whole numbers of a currency's minor unit, so that sums are exact and nothing is rounded twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from iso4217 import Currency

# Codes that ISO 4217 has withdrawn (its list three); the library knows those of today alone. Stores still have orders
# in them, as in HRK, and all of them are taken to have two decimals.
_WITHDRAWN = (
    "ADP AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC BRE BRN BRR BUK "
    "BYB BYR CHC CSD CSJ CSK CUC CYP DDM DEM ECS ECV EEK ESA ESB ESP FIM FRF GEK GHC GHP GNE GNS GQE GRD GWE GWP HRD "
    "HRK IEP ILP ILR ISJ ITL LAJ LSM LTL LTT LUC LUF LUL LVL LVR MGF MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI "
    "PES PLZ PTE RHD ROK ROL RUR SDD SDP SIT SKK SLL SRG STD SUR TJR TMM TPE TRL UAK UGS UGW UYN UYP VEB VEF VNC XEU "
    "YDD YUD YUM YUN ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR"
)
_DIGITS: dict[str | None, int] = {
    **dict.fromkeys(_WITHDRAWN.split(), 2),
    **{each.code: each.exponent for each in Currency if each.exponent is not None},
}
_POWERS = tuple(Decimal(10) ** digits for digits in range(5))
_STEPS = tuple(Decimal(1).scaleb(-digits) for digits in range(5))
_USUAL_DIGITS = 2


def minor_digits(code: str | None) -> int | None:
    """How many decimals amounts in this currency have by ISO 4217; None if it is no currency that has a minor unit."""
    return _DIGITS.get(code)


def digits_of(code: str | None) -> int:
    """The decimals of a currency; those of most where it has none by ISO 4217, as its documents are held anyway."""
    return _DIGITS.get(code, _USUAL_DIGITS)


def in_units(amount: Decimal, digits: int) -> int:
    """The amount in minor units, rounded half to even."""
    # Many amounts are 0, and a Decimal is slow to round.
    return round(amount * _POWERS[digits]) if amount else 0


def fits(amount: Decimal, digits: int) -> bool:
    """Whether it is a whole number of minor units."""
    scaled = amount * _POWERS[digits]
    return scaled == scaled.to_integral_value()


def unfit(amount: Decimal, code: str | None) -> dict[str, str]:
    """Why an amount cannot be booked as it is: the code of the reason and a sentence."""
    digits = minor_digits(code)
    if digits is None:
        return {"unknown_currency": f"{code or 'No code'} is no currency of ISO 4217 with a minor unit."}
    if not fits(amount, digits):
        return {"minor_unit": f"{amount:f} has more decimals than {code} has."}
    return {}


def of_units(units: int, digits: int) -> Decimal:
    """So many minor units as an amount, with all its decimals."""
    return Decimal(units) * _STEPS[digits]


def shared(units: int, weights: Sequence[int]) -> list[int]:
    """``units`` divided by weights of 0 or more, to whole units by the largest remainder; the earlier wins a tie.

    All 0 where no weight is above 0.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [units * weight // whole for weight in weights]
    remainders = [units * weight % whole for weight in weights]
    largest = sorted(range(len(weights)), key=lambda at: -remainders[at])
    for at in largest[: units - sum(parts)]:
        parts[at] += 1
    return parts


def part(units: int, numerator: int, denominator: int) -> int:
    """``units`` × ``numerator`` ÷ ``denominator``, rounded half to even; ``denominator`` is above 0."""
    whole, rest = divmod(units * numerator, denominator)
    if rest * 2 > denominator or (rest * 2 == denominator and whole % 2):
        whole += 1
    return whole
