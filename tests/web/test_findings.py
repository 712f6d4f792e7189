"""What needs a person, or will pass, from rows as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.client.http.failures import TOO_MANY_REQUESTS
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations import queries
from bigcommerce_integration.operations.context import Caller
from bigcommerce_integration.operations.findings import counts
from bigcommerce_integration.operations.findings.finding import Finding
from bigcommerce_integration.operations.findings.gather import findings
from bigcommerce_integration.operations.health import Health, health_of
from bigcommerce_integration.refresh.lifecycle.keys import KEYLESS
from bigcommerce_integration.refresh.read.candidates import mass_deletion
from bigcommerce_integration.refresh.read.slice import ASKED_AGAIN, QUOTA_USED_UP

from .mirrored import NOON, Mirrored, connected

HOUR_S = 3600


@pytest.fixture
def store(any_mirrored: Mirrored) -> Mirrored:
    """A store that is well: kept up to date by itself, with a worker that runs."""
    tables = any_mirrored.tables
    any_mirrored.execute(
        tables.workers.delete(),
        insert(tables.workers).values(id="w", started_at=NOON, last_tick_at=db_now()),
        update(tables.instances)
        .where(tables.instances.c.id == any_mirrored.instance_id)
        .values(is_automatic_sync_enabled=True, store_hash=f"only{any_mirrored.instance_id}"),
        _mine(any_mirrored).values(status="completed", open_key=None, finished_at=db_now(-60)),
    )
    return any_mirrored


def _mine(mirrored: Mirrored, resource: str | None = None) -> Any:
    table = mirrored.tables.refreshes
    of_resource = [] if resource is None else [table.c.resource == resource]
    return update(table).where(table.c.instance_id == mirrored.instance_id, *of_resource)


def shown(mirrored: Mirrored) -> list[dict[str, Any]]:
    answer = mirrored.client.get(f"/api/big-commerce/{mirrored.instance_id}").json
    found: list[dict[str, Any]] = answer["data"]["health"]["findings"]
    return found


def codes(mirrored: Mirrored) -> list[tuple[str, str]]:
    return [(each["code"], each["severity"]) for each in shown(mirrored)]


def refresh(mirrored: Mirrored, **columns: Any) -> None:
    """One more refresh of products."""
    common = {"instance_id": mirrored.instance_id, "resource": "products", "mode": "incremental", "created_at": NOON}
    mirrored.execute(insert(mirrored.tables.refreshes).values(**common | columns))


def instance(mirrored: Mirrored, **columns: Any) -> None:
    table = mirrored.tables.instances
    mirrored.execute(update(table).where(table.c.id == mirrored.instance_id).values(**columns))


def rejected(mirrored: Mirrored, *ids: int | None, **columns: Any) -> None:
    common = {
        "instance_id": mirrored.instance_id,
        "refresh_id": 1,
        "resource": "orders",
        "reason": "Odd.",
        "is_payload_cut": False,
        "created_at": NOON,
    }
    table = mirrored.tables.rejected_records
    mirrored.execute(*(insert(table).values(**common | {"bigcommerce_id": each} | columns) for each in ids))


def test_a_store_that_is_well_has_none(store: Mirrored) -> None:
    assert codes(store) == []


def test_no_worker_comes_first(store: Mirrored) -> None:
    instance(store, is_automatic_sync_enabled=False)
    store.execute(update(store.tables.workers).values(last_tick_at=db_now(-HOUR_S)))
    first, second = shown(store)
    assert (first["code"], first["instance_id"], second["code"]) == ("no_worker", None, "sync_off")
    assert first["since"] is not None
    assert (second["action"], second["link"], second["instance_id"]) == (
        "open_settings",
        "settings",
        store.instance_id,
    )


@pytest.mark.parametrize(
    ("error_code", "found", "action"),
    [
        ("token_rejected", "token_refused", "new_token"),
        ("store_not_found", "store_not_found", "open_settings"),
        ("other_store", "other_store", "open_settings"),
        (None, "refresh_failed", "open_settings"),
    ],
)
def test_a_broken_connection_is_one_finding(error_code: str | None, found: str, action: str, store: Mirrored) -> None:
    instance(store, status="needs_attention", status_message="Act.")
    refresh(store, status="failed", message="Act.", error_code=error_code, finished_at=db_now(-5))
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["action"], only["link"]) == (found, "person", action, "settings")


def test_a_missing_scope_names_the_collection(store: Mirrored) -> None:
    refresh(store, status="failed", message="No scope.", error_code="scope_missing", finished_at=db_now(-5))
    (only,) = shown(store)
    assert (only["code"], only["action"], only["resource"]) == ("scope_missing", "new_token", "products")


def test_a_collection_that_is_off_lacks_a_scope(store: Mirrored) -> None:
    leases = store.tables.leases
    which = (leases.c.instance_id == store.instance_id, leases.c.resource == "orders")
    store.execute(update(leases).where(*which).values(off_reason="No scope."))
    (only,) = shown(store)
    assert (only["code"], only["resource"]) == ("scope_missing", "orders")
    assert "The other records are not affected." in only["sentence"]


def test_a_failure_began_with_the_first(store: Mirrored) -> None:
    for ago_s in (50, 30, 10):
        refresh(store, status="failed", message="Odd.", error_code="host_refused", finished_at=db_now(-ago_s))
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["action"]) == ("refresh_failed", "person", "retry")
    rows = store.rows("refreshes", status="failed", instance_id=store.instance_id)
    assert only["link"] == f"refreshes/{rows[-1]['id']}"
    assert only["since"] == f"{rows[0]['finished_at'].isoformat(timespec='microseconds')}Z"
    refresh(store, status="completed", finished_at=db_now())
    assert codes(store) == []


def test_one_more_attempt_after_many_failures_mends_nothing(store: Mirrored) -> None:
    refresh(store, status="failed", message="Odd.", error_code="unexpected_error", finished_at=db_now(-30))
    refresh(store, status="pending", open_key=f"{store.instance_id}:products")
    assert codes(store) == [("refresh_failed", "wait")], "the first may have been bad luck"
    refresh(store, status="failed", message="Odd.", error_code="unexpected_error", finished_at=db_now(-10))
    (only,) = shown(store)
    assert (only["severity"], only["can_wait"], only["action"]) == ("person", False, "retry")
    assert "Those before it failed too." in only["sentence"]


@pytest.mark.parametrize(
    ("error_code", "found", "cure"),
    [
        ("scope_missing", "scope_missing", "enter a token of an API account that may"),
        ("host_refused", "refresh_failed", "This error comes from your own code"),
        ("unexpected_answer", "refresh_failed", "Mend what the answer of the store says"),
        ("workers_died", "refresh_failed", "what ends them"),
    ],
)
def test_a_lasting_error_needs_a_person_at_once(error_code: str, found: str, cure: str, store: Mirrored) -> None:
    refresh(store, status="failed", message="Odd.", error_code=error_code, finished_at=db_now(-5))
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["can_wait"]) == (found, "person", False)
    assert cure in only["sentence"]
    refresh(store, status="pending", open_key=f"{store.instance_id}:products")
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["can_wait"]) == (found, "person", False)
    assert cure in only["sentence"]
    assert "Another attempt is under way" in only["sentence"]


def test_a_token_that_no_key_opens_needs_a_person(store: Mirrored) -> None:
    token = store.rows("instances", id=store.instance_id)[0]["access_token"]
    instance(store, access_token=b"of another key")
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["can_wait"]) == ("key_missing", "person", False)
    assert (only["action"], only["link"]) == ("new_token", "settings")
    assert only["sentence"].startswith("No key of this process opens the store's access token")
    refresh(store, status="pending", open_key=f"{store.instance_id}:products", message=KEYLESS)
    assert shown(store)[0]["sentence"].startswith("Neither this process nor a worker has a key")
    instance(store, access_token=token)
    (only,) = shown(store)
    assert only["sentence"].startswith("A worker that has no key which opens the store's access token left a refresh")
    assert only["since"] is not None
    store.execute(_mine(store, "products").values(message=None))
    assert codes(store) == [], "a worker with the key has taken it"


def test_what_begins_again_by_itself_waits(store: Mirrored) -> None:
    refresh(store, status="failed", message="Late.", error_code="store_unavailable", finished_at=db_now(-5))
    assert codes(store) == [("refresh_failed", "wait")]
    instance(store, is_automatic_sync_enabled=False)
    assert codes(store) == [("refresh_failed", "person"), ("sync_off", "person")]
    refresh(store, status="pending", open_key=f"{store.instance_id}:products")
    assert codes(store) == [("sync_off", "person"), ("refresh_failed", "wait")]


def test_a_deletion_stays_held_back_until_a_full_refresh(store: Mirrored) -> None:
    failed = {"mode": "full", "status": "failed", "error_code": "mass_deletion", "finished_at": db_now(-50)}
    refresh(
        store, message=str(mass_deletion("The store has no products at all, and 8 are stored", "products")), **failed
    )
    refresh(store, mode="incremental", status="completed", finished_at=db_now(-5))
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["action"]) == ("deletion_held_back", "person", "allow_deletion")
    assert only["can_wait"], "nothing is deleted, and other records come in"
    assert "The store has no products at all, and 8 are stored." in only["sentence"]
    refresh(store, mode="full", status="processing", open_key=f"{store.instance_id}:products")
    assert codes(store) == [("deletion_held_back", "wait")]
    store.execute(_mine(store).where(store.tables.refreshes.c.status == "processing").values(status="completed"))
    store.execute(_mine(store).values(open_key=None, finished_at=db_now(-1)))
    assert codes(store) == []


def test_an_old_success_is_overdue(store: Mirrored) -> None:
    store.execute(_mine(store, "orders").values(finished_at=db_now(-5 * HOUR_S)))
    (only,) = shown(store)
    assert (only["code"], only["severity"], only["action"]) == ("refresh_overdue", "person", "refresh")
    assert "5 hours ago" in only["sentence"]
    refresh(store, resource="orders", status="processing", open_key=f"{store.instance_id}:orders")
    assert codes(store) == [("refresh_overdue", "wait")]
    instance(store, is_automatic_sync_enabled=False)
    assert codes(store) == [("sync_off", "person")], "nobody expects it then"


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"message": f"{QUOTA_USED_UP} {ASKED_AGAIN} 30 seconds."}, ["waiting_for_quota"]),
        ({"message": f"Answered 429: {TOO_MANY_REQUESTS} {ASKED_AGAIN} 30 seconds."}, ["waiting_for_quota"]),
        ({"message": f"No answer. {ASKED_AGAIN} 30 seconds."}, ["store_unreachable"]),
        ({"message": "Waiting for the refresh of products."}, []),
        ({"message": "Odd.", "trouble": "Odd.", "errors": 2}, ["retrying"]),
        ({"message": "Odd.", "trouble": "Odd.", "errors": 1}, []),
    ],
)
def test_what_an_open_refresh_waits_for(columns: dict[str, Any], found: list[str], store: Mirrored) -> None:
    open_key = f"{store.instance_id}:products"
    refresh(store, status="processing", open_key=open_key, started_at=NOON, resume_at=db_now(HOUR_S), **columns)
    assert codes(store) == [(code, "wait") for code in found]
    store.execute(_mine(store, "products").values(resume_at=db_now(-1), trouble=None))
    assert codes(store) == [], "it goes on"


def test_a_store_that_never_answered_is_asked_again(store: Mirrored) -> None:
    instance(store, status_message="No answer.")
    assert codes(store) == [("store_unreachable", "wait")]


def test_rejected_records_count_until_they_are_stored(store: Mirrored) -> None:
    rejected(store, 10, 10, 11, None, reason_code="unreadable_field")
    rejected(store, 12, reason_code="workers_died", created_at=NOON + timedelta(1))
    rejected(store, 13, resource="products")
    found = {(each["code"], each["resource"]): each for each in shown(store)}
    assert set(found) == {
        ("records_rejected", "orders"),
        ("records_rejected", "products"),
        ("records_tried_again", "orders"),
    }
    orders = found["records_rejected", "orders"]
    assert orders["sentence"].startswith("3 orders could not be stored.")
    assert (orders["since"], orders["link"]) == ("2026-01-31T12:00:00.000000Z", "rejected?resource=orders")
    assert found["records_tried_again", "orders"]["severity"] == "wait"
    store.add("orders", {"bigcommerce_id": 10, "observed_at": NOON - timedelta(1)})
    assert any("3 orders" in each["sentence"] for each in shown(store)), "an older version of it is stored"
    assert any("An older version of 1 of them is kept." in each["sentence"] for each in shown(store))
    store.add("orders", {"bigcommerce_id": 11, "observed_at": NOON + timedelta(1)})
    assert any("2 orders" in each["sentence"] for each in shown(store))


def test_an_older_version_that_is_stored_is_told(store: Mirrored) -> None:
    rejected(store, 10, 10, reason_code="unreadable_field")
    store.add("orders", {"bigcommerce_id": 10, "observed_at": NOON - timedelta(1)})
    (only,) = shown(store)
    assert only["sentence"].startswith("The newest version of 1 order could not be stored; the older one is kept.")
    rejected(store, 11, reason_code="unreadable_field")
    store.add("orders", {"bigcommerce_id": 11, "observed_at": NOON - timedelta(1)})
    (only,) = shown(store)
    assert only["sentence"].startswith("The newest version of 2 orders could not be stored; the older ones are kept.")


def test_unlinked_variants_are_counted_as_they_are_now(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = {"link_conflict": "Odd.", "link_conflict_code": "same_sku_in_store"}
    store.add("variants", *({"bigcommerce_id": each, **reason} for each in range(1, 4)))
    store.add("variants", {"bigcommerce_id": 5, "link_conflict": "No.", "link_conflict_code": "refused_by_host"})
    store.add("variants", {"bigcommerce_id": 6, **reason, "deleted_at": NOON})
    refused, conflicts = shown(store)
    assert (refused["code"], conflicts["code"]) == ("products_refused", "link_conflicts")
    assert (refused["link"], conflicts["link"]) == (
        "variants?link_conflict_code=refused_by_host",
        "variants?conflict=true",
    )
    assert conflicts["sentence"].startswith("3 variants could not be linked")
    variants = store.tables.variants
    mended = update(variants).where(variants.c.instance_id == store.instance_id)
    monkeypatch.setattr(counts, "MOST_COUNTED", 3)
    monkeypatch.setattr("bigcommerce_integration.operations.findings.store.MOST_COUNTED", 2)
    assert any(each["sentence"].startswith("More than 2 variants") for each in shown(store))
    store.execute(mended.values(link_conflict=None, link_conflict_code=None))
    assert codes(store) == []


def test_a_store_that_is_connected_twice_is_found(store: Mirrored) -> None:
    other = connected(store.app, store.host_app)
    instance(other, store_hash=f"only{store.instance_id}")
    assert codes(store) == [("store_connected_twice", "person")]
    assert "Disconnect one of them in its settings, unless both are wanted." in shown(store)[0]["sentence"]


def test_a_store_that_is_being_deleted_waits(store: Mirrored) -> None:
    store.client.delete(f"/api/big-commerce/{store.instance_id}")
    assert codes(store) == [("being_deleted", "wait")]


# -- many stores ---------------------------------------------------------------------------------------------------


@contextmanager
def statements(mirrored: Mirrored) -> Iterator[list[str]]:
    seen: list[str] = []
    with mirrored.app.app_context():
        engine = mirrored.host_app.db.engine

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def found_of(mirrored: Mirrored, ids: list[int]) -> list[Finding]:
    state = state_of(mirrored.app)
    with mirrored.app.app_context():
        session = state.db.session()
        stores = [queries.instance(session, state.tables, each, tenant="") for each in ids]
        with statements(mirrored) as seen:
            found = findings(Caller(state, session, "", None), stores)
    assert len(seen) <= 7, seen
    return found


def test_many_stores_take_as_few_queries_as_one(store: Mirrored) -> None:
    ids = [store.instance_id]
    for _ in range(5):
        other = connected(store.app, store.host_app)
        ids.append(other.instance_id)
        rejected(other, 1)
        other.add("variants", {"bigcommerce_id": 1, "link_conflict": "Odd.", "link_conflict_code": "blank_sku"})
        other.execute(_mine(other).values(status="completed", open_key=None, conflicts=1, finished_at=db_now(-60)))
        refresh(other, status="failed", message="Odd.", error_code="host_refused", finished_at=db_now(-5))
    found = found_of(store, ids)
    assert {each.instance_id for each in found} == set(ids[1:])
    assert [each.code for each in found_of(store, [])] == []
    store.execute(update(store.tables.workers).values(last_tick_at=db_now(-HOUR_S)))
    assert [each.instance_id for each in found_of(store, ids)].count(None) == 1, "the deployment is told once"


def test_counts_go_along_an_index(store: Mirrored) -> None:
    """Of 20,000 variants without a link a few have a reason: the others are not read for it."""
    table = store.tables.variants
    common = {"instance_id": store.instance_id, "content_hash": "x", "observed_at": NOON, "bigcommerce_product_id": 1}
    for begin in range(0, 20_000, 2000):
        numbers = range(begin + 1, begin + 2001)
        rows = [common | {"bigcommerce_id": each, "change_number": each, "sku_key": str(each)} for each in numbers]
        with store.app.app_context():
            store.host_app.db.session.execute(insert(table), rows)
            store.host_app.db.session.commit()
    few = update(table).where(table.c.instance_id == store.instance_id, table.c.bigcommerce_id.in_([7, 9000]))
    store.execute(few.values(link_conflict="Odd.", link_conflict_code="blank_sku"))
    with store.app.app_context():
        session = store.host_app.db.session
        dialect = session.get_bind().dialect.name
        session.execute(text("ANALYZE" if dialect != "mysql" else f"ANALYZE TABLE {table.name}"))
        session.commit()
        health = {store.instance_id: _health(store, session)}
        (part,) = counts._unlinked(store.tables, health)
        sql = str(part.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN"
        plan = " ".join(str(tuple(row)) for row in session.execute(text(f"{explain} {sql}")))
    assert "ix_bigcommerce_variants_link_conflict_code" in plan, plan
    assert [each["code"] for each in shown(store)] == ["link_conflicts"]


def _health(mirrored: Mirrored, session: Any) -> Health:
    state = state_of(mirrored.app)
    own = queries.instance(session, state.tables, mirrored.instance_id, tenant="")
    return health_of(session, state.tables, state.config, own)
