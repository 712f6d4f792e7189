"""Made-up shoppers with addresses, as ready JSON texts."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from .. import words
from ..base import Dice
from ..jsontext import dumps
from .shapes import BILLING_ADDRESS


@dataclass(frozen=True, slots=True)
class Person:
    """A shopper; every text but the id is JSON."""

    customer_id: int
    address: dict[str, str]
    billing_address: str


def people_of(dice: Dice, seed: int) -> tuple[list[Person], list[Person]]:
    """Ordinary shoppers and odd ones by new ``dice`` of this seed; kept, as many stores are made of one."""
    ordinary, odd, thrown = _people_of(seed)
    dice.setstate(thrown)
    return ordinary, odd


@lru_cache(maxsize=8)
def _people_of(seed: int) -> tuple[list[Person], list[Person], Any]:
    dice = Dice(seed)
    return make_people(dice, 120), make_odd_people(dice), dice.getstate()


def make_people(rng: Random, count: int) -> list[Person]:
    """Ordinary shoppers."""
    return [
        _person(rng, 10 + number, rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES))
        for number in range(count)
    ]


def make_odd_people(rng: Random) -> list[Person]:
    """Shoppers whose names are hard to store and to show."""
    return [_person(rng, 5000 + number, first, last) for number, (first, last) in enumerate(words.AWKWARD_PEOPLE)]


def _person(rng: Random, customer_id: int, first_name: str, last_name: str) -> Person:
    city, state, zip_code, country, iso2 = rng.choice(words.PLACES)
    address = {
        "first_name": first_name,
        "last_name": last_name,
        "company": f"{last_name} & Co" if rng.random() < 0.1 else "",
        "street_1": f"{rng.randint(1, 200)} {rng.choice(words.STREETS)}",
        "street_2": "",
        "city": city,
        "state": state,
        "zip": zip_code,
        "country": country,
        "country_iso2": iso2,
        "phone": "",
        "email": f"shopper{customer_id}@example.com",
    }
    texts = {name: dumps(value) for name, value in address.items()}
    return Person(customer_id, texts, BILLING_ADDRESS.fill(texts))
