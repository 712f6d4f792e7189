"""Made-up shoppers with addresses, as ready JSON texts."""

from dataclasses import dataclass
from random import Random

from .. import words
from ..jsontext import dumps
from .shapes import BILLING_ADDRESS


@dataclass(frozen=True, slots=True)
class Person:
    """A shopper; every text but the id is JSON."""

    customer_id: int
    address: dict[str, str]
    billing_address: str


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
