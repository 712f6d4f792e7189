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

    @property
    def country(self) -> str:
        return self.address["country"]

    @property
    def country_iso2(self) -> str:
        return self.address["country_iso2"]


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
        "first_name": dumps(first_name),
        "last_name": dumps(last_name),
        "company": dumps(f"{last_name} & Co" if rng.random() < 0.1 else ""),
        "street_1": dumps(f"{rng.randint(1, 200)} {rng.choice(words.STREETS)}"),
        "street_2": '""',
        "city": dumps(city),
        "state": dumps(state),
        "zip": dumps(zip_code),
        "country": dumps(country),
        "country_iso2": dumps(iso2),
        "phone": '""',
        "email": dumps(f"shopper{customer_id}@example.com"),
    }
    members = ",".join(f'"{name}":{address[name]}' for name in BILLING_ADDRESS)
    return Person(customer_id, address, f'{{{members},"form_fields":[]}}')
