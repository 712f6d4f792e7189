"""A collection that is declared in the tests alone goes the whole way: connected before it existed, refreshed, shown,
erased, purged, killed half-way, its scope missing."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert, select, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.client.redaction import is_blanked
from bigcommerce_integration.models import db_now
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.operations.privacy.erasure import Erased, erase
from bigcommerce_integration.refresh.drift import load_drift
from bigcommerce_integration.refresh.lifecycle.arrivals import begin_new
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.read import slice as slice_module
from bigcommerce_integration.refresh.removal.purge import purge
from bigcommerce_integration.resources.person_data import email
from bigcommerce_integration.version import __version__
from bigcommerce_integration.worker.maintenance import Maintenance
from bigcommerce_integration.worker.messages.outbox import send_due

from ..customers import CUSTOMERS, SCOPE, WITH_CUSTOMERS, CustomerList
from ..host_app import bearer
from .conftest import Connect, Mirror

URL = "/api/big-commerce"


def begun(mirror: Mirror) -> Mirror:
    """The collection begun by the tick."""
    with mirror.app.app_context():
        begin_new(mirror.engine)
    rows = mirror.rows("refreshes", resource="customers")
    if rows:
        mirror.refreshes["customers"] = rows[-1]["id"]
    return mirror


@pytest.fixture
def customers() -> CustomerList:
    return CustomerList.of(60)


@pytest.fixture
def mirror(connect_any: Connect, customers: CustomerList) -> Mirror:
    """A store of sixty customers, twenty a page, whose first refresh has begun."""
    return begun(connect_any(customers.store(), settings={"page_size": 20}, registry=WITH_CUSTOMERS))


def get(mirror: Mirror, path: str) -> Any:
    answer = mirror.app.test_client().get(f"{URL}/{mirror.instance_id}{path}", headers=bearer(mirror.app))
    assert answer.status_code == 200, answer.json
    return answer.json


def assert_mirrors(mirror: Mirror, customers: CustomerList) -> None:
    live = [row for row in mirror.rows("customers") if row["deleted_at"] is None]
    sent = sorted(customers.records.values(), key=lambda each: each["id"])
    assert [json.loads(row["payload"]) for row in live] == sent
    addresses = [row["bigcommerce_id"] for row in mirror.rows("addresses") if row["deleted_at"] is None]
    assert addresses == sorted(address["id"] for each in sent for address in each["addresses"])


# -- begun, refreshed, shown ---------------------------------------------------------------------------------------


def test_it_is_refreshed_page_by_page(mirror: Mirror, customers: CustomerList):
    mirror.completed("customers")
    assert_mirrors(mirror, customers)
    row = mirror.row("customers", 7)
    assert (row["email"], row["customer_group_id"]) == ("c7@example.com", 1)
    assert {each["bigcommerce_customer_id"] for each in mirror.rows("addresses", city="City 7")} == {7}
    refresh = mirror.refresh("customers")
    assert (refresh["created"], refresh["total"], refresh["requests"]) == (60, 60, 5), (
        "a survey, three pages, the store"
    )
    assert "Completed." in refresh["message"]


def test_a_later_refresh_writes_what_has_changed(mirror: Mirror, customers: CustomerList):
    mirror.completed("customers")
    customers.records[7]["email"] = "new@example.com"
    del customers.records[8]["addresses"][0]
    mirror.again("customers", mode="full")
    assert_mirrors(mirror, customers)
    refresh = mirror.refresh("customers")
    assert (refresh["updated"], refresh["unchanged"]) == (2, 58)
    mirror.again("customers", mode="incremental")
    assert mirror.asked("customers.*date_modified")


def test_named_records_are_requested_and_marked_when_deleted(mirror: Mirror, customers: CustomerList):
    mirror.completed("customers")
    del customers.records[7]
    customers.records[8]["customer_group_id"] = 99
    mirror.again("customers", mode="ids", ids=(7, 8))
    assert mirror.row("customers", 7)["deleted_at"] is not None
    assert {row["deleted_at"] is None for row in mirror.rows("addresses", bigcommerce_customer_id=7)} == {False}
    assert mirror.row("customers", 8)["customer_group_id"] == 99


def test_it_is_shown_over_http(mirror: Mirror):
    mirror.completed("customers")
    listed = get(mirror, "/customers?limit=2&include=payload")
    assert [each["email"] for each in listed["data"]] == ["c1@example.com", "c2@example.com"]
    assert json.loads(listed["data"][0]["payload"])["first_name"] == "Name 1"
    assert get(mirror, f"/customers?limit=2&after={listed['meta']['next']}")["data"][0]["bigcommerce_id"] == 3
    one = get(mirror, "/customers/7")["data"]
    assert [each["city"] for each in one["addresses"]] == ["City 7", "City 7"]
    changes = get(mirror, "/customers?changed_after=0&limit=100")
    assert len(changes["data"]) == 60
    answer = mirror.app.test_client().get(f"{URL}/{mirror.instance_id}/customers/999", headers=bearer(mirror.app))
    assert answer.status_code == 404
    assert get(mirror, "/refreshes?resource=customers")["pagination"]["total"] == 1
    health = get(mirror, "")["data"]["health"]
    assert (health["customers"]["off"], health["customers"]["last_success_at"] is None) == (None, False)
    assert "off" not in health["products"]


def test_a_refresh_of_it_is_started_over_http(mirror: Mirror):
    mirror.completed("customers")
    path = f"{URL}/{mirror.instance_id}/customers/refresh"
    answer = mirror.app.test_client().post(path, headers=bearer(mirror.app))
    assert (answer.status_code, answer.json["data"]["resource"]) == (202, "customers")


def test_document_describes_the_new_collection(mirror: Mirror):
    content = mirror.app.test_client().get(f"{URL}/openapi.json").json
    below = f"{URL}/{{instance_id}}/customers"
    assert {below, f"{below}/{{bigcommerce_id}}", f"{below}/refresh"} <= content["paths"].keys()
    columns = content["components"]["schemas"]["Customer"]["properties"]
    assert columns["email"]["description"] == "The e-mail address."


# -- a list that moves ---------------------------------------------------------------------------------------------


def test_a_list_whose_total_moved_is_walked_again(mirror: Mirror, customers: CustomerList):
    customers.before_page = [lambda: None, lambda: None, lambda: customers.add(100)]
    mirror.completed("customers")
    assert_mirrors(mirror, customers)
    assert mirror.refresh("customers")["message"] == "Completed."


def test_a_list_that_moves_each_time_is_walked_three_times(mirror: Mirror, customers: CustomerList):
    customers.before_page = [lambda number=number: customers.add(number) for number in range(100, 130)]
    mirror.completed("customers")
    assert "the list of customers changed each time" in mirror.refresh("customers")["message"]
    assert len(mirror.asked(r"/customers\?.*limit=1$")) == 3
    mirror.again("customers", mode="full")


# -- older stores and older workers --------------------------------------------------------------------------------


def test_a_store_connected_before_it_existed_gets_it(connect: Connect, customers: CustomerList):
    before = connect(customers.store()).completed()
    app = before.host_app.create_app(
        before.app.config["SQLALCHEMY_DATABASE_URI"],
        broker=StubBroker(),
        settings={"BIGCOMMERCE_API_URL": before.server.api_url},
        registry=WITH_CUSTOMERS,
    )
    with app.app_context():
        before.host_app.db.create_all()
        engine = engine_of(state_of(app), threading.Event())
    after = replace(before, app=app, engine=engine)
    assert get(after, "")["data"]["health"]["customers"]["last_success_at"] is None
    path = f"{URL}/{after.instance_id}/customers/refresh"
    assert app.test_client().post(path, headers=bearer(app)).status_code == 409, "it has not begun"
    with app.app_context():
        sent: list[Any] = []
        Maintenance().do(engine, lambda hint: bool(sent.append(hint)) or True)
    begun(after).completed("customers")
    assert_mirrors(after, customers)
    assert [each for each, _ in sent] == ["customers"]
    after.host_app.dispose(app)


@pytest.mark.parametrize(("version", "expected"), [(None, 0), ("0.1.9", 0), (CUSTOMERS.since, 1), (__version__, 1)])
def test_it_waits_for_workers_that_do_not_know_it(
    connect: Connect, customers: CustomerList, version: str | None, expected: int
):
    mirror = connect(customers.store(), registry=WITH_CUSTOMERS)
    workers = mirror.engine.tables.workers
    mirror.execute(insert(workers).values(id="w", started_at=db_now(), last_tick_at=db_now(-30), version=version))
    assert len(begun(mirror).rows("leases", resource="customers")) == expected
    mirror.execute(update(workers).values(last_tick_at=db_now(-61)))
    assert len(begun(mirror).rows("leases", resource="customers")) == 1, "those that have ended do not count"
    assert len(begun(mirror).rows("refreshes", resource="customers")) == 1, "once"


def test_a_worker_leaves_an_unknown_collection_alone(mirror: Mirror):
    known = {name: each for name, each in mirror.engine.collections.items() if name != "customers"}
    tables = replace(mirror.engine.tables, registry=replace(WITH_CUSTOMERS, resources=WITH_CUSTOMERS.resources[:2]))
    older = replace(mirror, engine=replace(mirror.engine, collections=known, tables=tables))
    assert older.advance("customers") is Outcome.BUSY
    assert mirror.refresh("customers")["status"] == "pending"
    hints = mirror.engine.tables.hints
    mirror.execute(update(hints).values(next_hint_at=db_now(-1)))
    sent: list[Any] = []
    with mirror.app.app_context():
        send_due(older.engine, lambda hint: bool(sent.append(hint)) or True)
    assert {resource for resource, _ in sent} == {"products", "orders"}


def test_collection_without_reader_has_only_a_table_and_a_list(connect: Connect):
    outgoing = replace(CUSTOMERS, reader=None, since=None)
    mirror = connect(registry=replace(WITH_CUSTOMERS, resources=(*WITH_CUSTOMERS.resources[:2], outgoing)))
    begun(mirror).completed("products", "orders")
    assert {row["resource"] for row in mirror.rows("leases")} == {"products", "orders"}
    assert get(mirror, "/customers")["data"] == []
    answer = mirror.app.test_client().post(f"{URL}/{mirror.instance_id}/customers/refresh", headers=bearer(mirror.app))
    assert answer.status_code == 404
    with pytest.raises(ValueError, match="not read from the store"):
        outgoing.asked_by  # noqa: B018


# -- what goes wrong -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_half_way_it_goes_on(mirror: Mirror, customers: CustomerList, at: int):
    commit, calls = slice_module.commit_step, [0]

    def dies(*args: Any) -> None:
        calls[0] += 1
        if calls[0] == at:
            raise Killed
        commit(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slice_module, "commit_step", dies)
        with pytest.raises(Killed):
            mirror.run("customers")
    leases = mirror.engine.tables.leases
    lapsed = {"owner": "dead", "expires_at": db_now(-1)}
    mirror.execute(update(leases).where(leases.c.resource == "customers").values(**lapsed))
    mirror.completed("customers")
    assert_mirrors(mirror, customers)


def test_without_its_scope_it_is_off_and_nothing_fails(connect: Connect, customers: CustomerList):
    mirror = begun(connect(customers.store(scoped=False), registry=WITH_CUSTOMERS).completed("products", "orders"))
    assert mirror.advance("customers") is Outcome.CANCELLED
    refresh, off = mirror.refresh("customers"), get(mirror, "")["data"]["health"]["customers"]["off"]
    assert (refresh["status"], refresh["error_code"]) == ("cancelled", "scope_missing")
    assert SCOPE in off
    assert mirror.instance()["status"] == "active"
    assert mirror.rows("leases", resource="customers")[0]["owner"] is None
    mirror.store.scopes.add(SCOPE)
    change = {"connection_settings": {"access_token": mirror.server.access_token}}
    path = f"{URL}/{mirror.instance_id}"
    answer = mirror.app.test_client().patch(path, json=change, headers=bearer(mirror.app))
    assert [each["resource"] for each in answer.json["started_refreshes"]] == ["customers"]
    assert get(mirror, "")["data"]["health"]["customers"]["off"] is None
    mirror.completed("customers")
    assert_mirrors(mirror, customers)


def test_what_is_off_is_tried_again_by_the_sweep(connect: Connect, customers: CustomerList):
    store = customers.store(scoped=False)
    mirror = begun(connect(store, registry=WITH_CUSTOMERS, is_automatic_sync_enabled=True))
    mirror.completed("products", "orders").advance("customers")
    with mirror.app.app_context():
        Maintenance().do(mirror.engine, lambda hint: True)
    assert len(mirror.rows("refreshes", resource="customers")) == 1, "no refresh every five minutes"
    leases = mirror.engine.tables.leases
    mirror.execute(update(leases).where(leases.c.resource == "customers").values(next_sweep_at=db_now(-1)))
    store.scopes.add(SCOPE)
    with mirror.app.app_context():
        Maintenance().do(mirror.engine, lambda hint: True)
    begun(mirror).completed("customers")
    assert mirror.refresh("customers")["is_sweep"]
    assert mirror.rows("leases", resource="customers")[0]["off_reason"] is None


# -- erased, purged ------------------------------------------------------------------------------------------------


def erased(mirror: Mirror, *people: str) -> Erased:
    with mirror.app.app_context():
        instances = mirror.engine.tables.instances
        row = mirror.engine.transaction(lambda session: session.execute(select(instances)).one())
        return erase(mirror.engine, IntegrationInstance.from_row(row), people)


def test_a_person_is_erased_and_does_not_come_back(mirror: Mirror, customers: CustomerList):
    mirror.completed("customers")
    assert erased(mirror, email("C7@example.com")).records == {"orders": 0, "customers": 1}
    row = mirror.row("customers", 7)
    assert is_blanked(row["payload"])
    assert (row["email"], row["customer_group_id"]) == (None, 1)
    assert mirror.rows("addresses", bigcommerce_customer_id=7) == []
    assert not is_blanked(mirror.row("customers", 8)["payload"])
    customers.records[7]["customer_group_id"] = 50
    mirror.again("customers", mode="full")
    row = mirror.row("customers", 7)
    assert (row["email"], row["customer_group_id"], is_blanked(row["payload"])) == (None, 50, True)
    assert mirror.rows("addresses", bigcommerce_customer_id=7) == []
    assert mirror.refresh("customers")["updated"] == 1
    mirror.again("customers", mode="full")
    assert mirror.refresh("customers")["updated"] == 0, "a blanked one is the same each time"


def test_nothing_of_a_deleted_store_is_left(mirror: Mirror):
    mirror.completed("customers")
    path = f"{URL}/{mirror.instance_id}"
    assert mirror.app.test_client().delete(path, headers=bearer(mirror.app)).status_code in {202, 204}
    with mirror.app.app_context():
        for _ in range(20):
            if purge(mirror.engine):
                break
    for name in ("customers", "addresses", "products", "orders", "refreshes", "leases", "instances"):
        assert mirror.rows(name) == [], name


def test_customers_are_compared_and_repaired(mirror: Mirror) -> None:
    mirror.completed("customers")
    ids = mirror.ids("customers")
    table = mirror.table("customers")
    mirror.execute(update(table).where(table.c.bigcommerce_id == ids[3]).values(email="other@example.com"))
    mirror.execute(update(table).where(table.c.bigcommerce_id == ids[5]).values(bigcommerce_id=10**6))
    before = mirror.rows("customers")
    mirror.again("customers", mode="reconcile")
    assert mirror.rows("customers") == before
    found = load_drift(mirror.refresh("customers")["drift"]).records
    assert {each.id: (each.kind, each.columns) for each in found.values()} == {
        ids[3]: ("different", ("email",)),
        ids[5]: ("missing", ()),
    }, "what is gone shows only where it is asked for by its id"
    mirror.again("customers", mode="ids", ids=tuple(found), is_repair=True)
    mirror.again("customers", mode="reconcile")
    assert load_drift(mirror.refresh("customers")["drift"]).count == 0
