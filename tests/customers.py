"""A third collection, which the product does not have: customers, a list by page numbers, with their addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bigcommerce_integration.resources.base import Child, DateFilter, Field, Kind, Mode, Pages, Resource, Sent, Span
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.person_data import customer, email
from bigcommerce_integration.resources.products import PRODUCTS
from bigcommerce_integration.resources.registry import Registry
from bigcommerce_integration.sandbox import Answer, Route, SandboxStore
from bigcommerce_integration.sandbox.server.routes.paging import envelope, read_paging

SCOPE = "store_v2_customers_read_only"
KEPT = ("id", "customer_group_id", "date_created", "date_modified")


def _addresses(record: Sent) -> tuple[Sequence[Any], bool]:
    found = record.value.get("addresses") if isinstance(record.value, dict) else None
    return (found if isinstance(found, list) else ()), True


def _dates(mode: Mode, span: Span) -> DateFilter:
    return DateFilter(modified_since=span.changed_since) if mode == "incremental" else DateFilter()


def _keep(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in KEPT if name in value}


def _people(value: dict[str, Any]) -> Iterable[str]:
    if isinstance(value.get("id"), int):
        yield customer(value["id"])
    if isinstance(value.get("email"), str):
        yield email(value["email"])


CUSTOMERS = Resource(
    name="customers",
    noun="customer",
    description="Who has an account in the store.",
    scope=SCOPE,
    required=False,
    since="0.2.0",
    path="v3/customers",
    params=(("include", "addresses"),),
    reader=Pages(),
    fields=(
        Field("email", Kind.CODE, "The e-mail address.", example="ada@example.com"),
        Field("customer_group_id", Kind.INTEGER, "The group that prices are made for."),
        Field("date_created", Kind.MOMENT, "When the account was made."),
        Field("date_modified", Kind.MOMENT, "When it was last modified."),
    ),
    created="date_created",
    modified="date_modified",
    children=(
        Child(
            name="addresses",
            noun="an address",
            shown_as="addresses",
            owner="bigcommerce_customer_id",
            records=_addresses,
            fields=(
                Field("city", Kind.TEXT, "The city.", example="London"),
                Field("country_code", Kind.CODE, "The country, in two letters.", example="GB"),
            ),
        ),
    ),
    dates=_dates,
    permission="read_orders",
    payload_permission="read_person_data",
    keep=_keep,
    people=_people,
)
WITH_CUSTOMERS = Registry((PRODUCTS, ORDERS, CUSTOMERS))


@dataclass
class CustomerList:
    """The customers of a stand-in store, by id; ``before_page`` is called before each page is made."""

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    before_page: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, count: int) -> CustomerList:
        """So many, with two addresses each; not in the order of their ids."""
        ids = sorted(range(1, count + 1), key=lambda number: (number * 7) % 101)
        return cls({number: _customer(number) for number in ids})

    def add(self, number: int) -> None:
        """One more, at the begin of the list: it moves all the others."""
        self.records = {number: _customer(number), **self.records}

    def routes(self) -> list[Route]:
        """What a stand-in store serves them by."""
        return [Route("v3", "/customers", "customers", self._list)]

    def store(self, *, products: int = 3, orders: int = 3, scoped: bool = True) -> SandboxStore:
        """A stand-in store with them; ``scoped`` is whether its token may read them."""
        store = SandboxStore(products, orders, awkward=False, extra_routes=self.routes())
        if scoped:
            store.scopes.add(SCOPE)
        return store

    def _list(self, store: SandboxStore, query: dict[str, str]) -> Answer:
        if self.before_page:
            self.before_page.pop(0)()
        paging, found = read_paging(query), list(self.records.values())
        if "id:in" in query:
            asked = {int(each) for each in query["id:in"].split(",")}
            found = [each for each in found if each["id"] in asked]
        if "date_modified:min" in query:
            found = [each for each in found if each["date_modified"] >= query["date_modified:min"]]
        texts = [json.dumps(each) for each in found[paging.start : paging.start + paging.limit]]
        return Answer(200, envelope(texts, len(found), paging, query, too_many=store.switches.too_many))


def _customer(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "email": f"c{number}@example.com",
        "first_name": f"Name {number}",
        "customer_group_id": number % 3,
        "date_created": "2024-01-05T10:00:00Z",
        "date_modified": "2024-02-05T10:00:00Z",
        "addresses": [
            {
                "id": number * 10 + at,
                "city": f"City {number}",
                "country_code": "GB",
                "address1": f"{number} High Street",
            }
            for at in (1, 2)
        ],
    }
