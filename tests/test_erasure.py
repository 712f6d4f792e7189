"""``flask bigcommerce erase``: one person is forgotten, everybody else and every amount stays."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select, update

from bigcommerce_integration.client.redaction import blanked, is_blanked
from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.errors import ErasureIncomplete
from bigcommerce_integration.models import db_now
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.operations.privacy import erasure
from bigcommerce_integration.privacy import erased_people
from bigcommerce_integration.refresh.lifecycle import claim
from bigcommerce_integration.refresh.lifecycle.claim import Outcome, claim_refresh
from bigcommerce_integration.resources import person_data
from bigcommerce_integration.resources.orders import LINE_AMOUNTS, ORDER_AMOUNTS
from bigcommerce_integration.resources.person_data import keep_order
from bigcommerce_integration.sandbox import SandboxStore

from .host_app import ENCRYPTION_KEY
from .people import SECRET
from .refresh.conftest import (
    Connect,
    Mirror,
    bigcommerce_sandbox,
    bigcommerce_sandbox_factory,
    connect,
    connect_any,
    connect_server,
    payload,
    record,
    writer,
)
from .refresh.test_people import Unreadable, fill_with_people, found

__all__ = ["bigcommerce_sandbox", "bigcommerce_sandbox_factory", "connect", "connect_any", "connect_server"]

EMAIL = f"{SECRET}.Müller@example.com"


def run(mirror: Mirror, *args: object) -> Any:
    return mirror.app.test_cli_runner().invoke(args=["bigcommerce", "erase", *map(str, args)])


def erase(mirror: Mirror, *args: object) -> str:
    done = run(mirror, *args)
    assert done.exit_code == 0, done.output
    output: str = done.output
    return output


def store_with(customer_id: int = 4711, email: str = EMAIL) -> tuple[SandboxStore, list[int]]:
    """A store in which one person has ordered in several ways, and the ids of those orders."""
    store = SandboxStore(products=10, orders=60)
    theirs = [store.create_order(kind=kind) for kind in ("plain", "lines_60", "mixed")]
    for order_id in theirs:
        fill_with_people(store, order_id)
        billing = {"first_name": SECRET, "email": email}
        store.edit_order(order_id, customer_id=customer_id, billing_address=billing)
    return store, theirs


# -- what is stored ------------------------------------------------------------------------------------------------


@pytest.mark.ci
@pytest.mark.parametrize("option", [("--customer-id", 4711), ("--email", f"  {EMAIL.upper()} ")])
def test_blanked_data_is_neither_restored_nor_seen_as_change(connect_any: Connect, option: tuple[str, object]):
    store, theirs = store_with()
    mirror = connect_any(store).completed()
    before = {row["bigcommerce_id"]: row for row in mirror.rows("orders")}
    lines_before = {row["bigcommerce_id"]: row for row in mirror.rows("order_lines")}
    assert found(mirror)
    assert erase(mirror, *option) == f"Instance {mirror.instance_id}: 3 orders and 0 rejected records blanked.\n"
    assert found(mirror) == []
    after = {row["bigcommerce_id"]: row for row in mirror.rows("orders")}
    lines = {row["bigcommerce_id"]: row for row in mirror.rows("order_lines")}
    assert {each for each in after if after[each] != before[each]} == set(theirs)
    sent = dict(store.order_records())
    assert [after[each]["payload"] for each in theirs] == [
        blanked(record(json.loads(sent[each])), keep_order).text for each in theirs
    ]
    kept = ("customer_id", "status_id", "observed_at", "deleted_at", "date_modified", *ORDER_AMOUNTS)
    for each in theirs:
        assert {name: after[each][name] for name in kept} == {name: before[each][name] for name in kept}
    changed = [each for each in lines if lines[each] != lines_before[each]]
    assert {lines[each]["bigcommerce_order_id"] for each in changed} == {theirs[1]}
    assert len(changed) == 60, "only those that were fetched apart have a text"
    assert all(lines[each][name] == lines_before[each][name] for each in changed for name in LINE_AMOUNTS)
    numbers = [row["change_number"] for row in (*after.values(), *lines.values())]
    assert len(numbers) == len(set(numbers)), "each change has a number of its own"
    highest = max(row["change_number"] for row in (*before.values(), *lines_before.values()))
    assert min(after[each]["change_number"] for each in theirs) > highest
    (lease,) = mirror.rows("leases", resource="orders")
    assert lease["change_number"] == max(numbers)
    mirror.again("orders")
    assert (mirror.refresh("orders")["unchanged"], mirror.refresh("orders")["updated"]) == (63, 0)
    assert found(mirror) == []
    assert {row["bigcommerce_id"]: row for row in mirror.rows("orders")} == after


def test_later_orders_of_an_erased_person_are_blanked_on_arrival(connect: Connect):
    store, theirs = store_with()
    mirror = connect(store).completed()
    erase(mirror, "--email", EMAIL)
    store.edit_order(theirs[0], status_id=10, customer_message=SECRET)
    guest = store.create_order(kind="lines_60")
    fill_with_people(store, guest)
    store.edit_order(guest, customer_id=0, billing_address={"email": EMAIL.lower(), "first_name": SECRET})
    another = store.create_order()
    store.edit_order(another, staff_notes="For somebody else")
    mirror.again("orders")
    assert found(mirror) == []
    assert mirror.row("orders", theirs[0])["status_id"] == 10
    assert is_blanked(mirror.row("orders", guest)["payload"])
    assert "For somebody else" in mirror.row("orders", another)["payload"]
    assert {is_blanked(row["payload"]) for row in mirror.rows("order_lines", bigcommerce_order_id=guest)} == {True}


def test_the_one_who_was_given_to_is_known_by_the_e_mail_too(connect: Connect):
    mirror = connect()
    write = writer(mirror, "orders").write
    value, other = payload("orders"), payload("orders", id=119)
    value["consignments"]["email"]["gift_certificates"][0]["recipient_email"] = EMAIL
    write(value, other)
    give_back(mirror)
    erase(mirror, "--email", EMAIL)
    assert [is_blanked(row["payload"]) for row in mirror.rows("orders")] == [True, False]


def give_back(mirror: Mirror) -> None:
    mirror.execute(update(mirror.table("leases")).values(owner=None, expires_at=None))


def test_rejected_records_are_blanked_and_unreadable_emptied(connect: Connect):
    store, theirs = store_with()
    others = store.order_ids[:2]
    for order_id in (theirs[0], others[0]):
        store.edit_order(order_id, items_total="many")
    order = store.orders[others[1]]
    store.orders[others[1]] = Unreadable(order.id, order.created, order.modified, 1, False, order.base)
    mirror = connect(store).completed("orders")
    one = mirror.row("rejected_records", others[0])
    half = {**one, "payload": one["payload"][: len(one["payload"]) // 2], "is_payload_cut": True}
    mirror.execute(mirror.table("rejected_records").insert().values({**half, "id": 99}))
    before = {row["id"]: row for row in mirror.rows("rejected_records")}
    assert erase(mirror, "--customer-id", 4711).endswith(": 2 orders and 3 rejected records blanked.\n")
    assert found(mirror) == []
    after = {row["id"]: row for row in mirror.rows("rejected_records")}
    kept = [each for each in after if after[each] == before[each]]
    assert [after[each]["bigcommerce_id"] for each in kept] == [others[0]]
    assert [row["reason"] for row in after.values()] == [row["reason"] for row in before.values()]
    assert sorted(row["payload"] is None for row in after.values()) == [False, False, True, True]
    mirror.again("orders")
    assert found(mirror) == [], "nor does it come back when it is rejected again"


@pytest.mark.ci
def test_it_works_in_batches_and_finishes_after_a_kill(connect_any: Connect, monkeypatch: pytest.MonkeyPatch):
    store, _ = store_with()
    for order_id in store.order_ids:
        store.edit_order(order_id, customer_id=4711)
    mirror = connect_any(store).completed("orders")
    monkeypatch.setattr(erasure, "RECORDS_A_BATCH", 20)
    told = tell_host(mirror, monkeypatch)
    batch, failing = erasure._blank_orders, [False, True]

    def killed(*args: Any) -> Any:
        result = batch(*args)
        if failing and failing.pop(0):
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(erasure, "_blank_orders", killed)
    run(mirror, "--customer-id", 4711)
    assert [is_blanked(row["payload"]) for row in mirror.rows("orders")] == [True] * 20 + [False] * 43
    assert mirror.rows("history", action="erased") == [], "it is not done"
    del told[:]
    assert ": 43 orders " in erase(mirror, "--customer-id", 4711)
    assert {is_blanked(row["payload"]) for row in mirror.rows("orders")} == {True}
    assert [len(each) for each in told] == [20, 20, 3]
    assert [each for some in told for each in some] == store.order_ids[20:]
    assert ": 0 orders " in erase(mirror, "--customer-id", 4711)


def tell_host(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The ids that the host is told of from now on."""
    told: list[list[int]] = []
    monkeypatch.setattr(mirror.host, "orders_changed", lambda session, instance, ids: told.append(list(ids)))
    return told


def test_what_the_host_raises_undoes_the_batch(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    store, _ = store_with()
    mirror = connect(store).completed("orders")
    before = mirror.rows("orders"), mirror.rows("order_lines"), mirror.rows("leases")

    def refuse(*_: object) -> None:
        raise ValueError("not today")

    monkeypatch.setattr(mirror.host, "orders_changed", refuse)
    done = run(mirror, "--customer-id", 4711)
    assert (done.exit_code, "not today" in done.output) == (1, True)
    after = mirror.rows("orders"), mirror.rows("order_lines"), mirror.rows("leases")
    assert after[:2] == before[:2]
    assert [row["change_number"] for row in after[2]] == [row["change_number"] for row in before[2]]
    monkeypatch.undo()
    assert ": 3 orders " in erase(mirror, "--customer-id", 4711)


# -- beside a refresh ----------------------------------------------------------------------------------------------


def instance_of(mirror: Mirror) -> IntegrationInstance:
    table = mirror.table("instances")
    return mirror.transaction(lambda session: IntegrationInstance.from_row(session.execute(select(table)).one()))


def in_thread(mirror: Mirror, results: list[Any]) -> threading.Thread:
    def work() -> None:
        with mirror.app.app_context():
            results.append(erasure.erase(mirror.engine, instance_of(mirror), [person_data.customer(11)]))

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("next_slice", ["ends", "goes on"])
def test_a_slice_that_began_before_is_waited_for(connect_any: Connect, next_slice: str):
    mirror = connect_any()
    busy = writer(mirror, "orders")
    results: list[Any] = []
    thread = in_thread(mirror, results)
    wait_for_hash(mirror)
    thread.join(0.5)
    assert thread.is_alive(), "the slice may have this person's order in hand"
    busy.write(payload("orders"))
    assert not is_blanked(mirror.row("orders", 118)["payload"])
    give_back(mirror)
    if next_slice == "goes on":
        # Perhaps before it looks again: it need not find the lease free.
        with mirror.app.app_context():
            claim_refresh(mirror.engine, mirror.refreshes["orders"])
    thread.join(20)
    assert results == [erasure.Erased({"orders": 1}, rejected_records=0)]
    assert is_blanked(mirror.row("orders", 118)["payload"])


def test_a_slice_about_to_take_its_lease_is_waited_for(connect_server: Connect, monkeypatch: pytest.MonkeyPatch):
    """It has read already that nobody is erased, and whoever erases sees its lease taken a moment later."""
    mirror = connect_server()
    has_read, may_go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(claim, "require_keys", lambda *_, **__: has_read.set() or may_go_on.wait(60))
    claimed: list[Any] = []

    def take() -> None:
        with mirror.app.app_context():
            claimed.append(claim_refresh(mirror.engine, mirror.refreshes["orders"]))

    taking = threading.Thread(target=take)
    taking.start()
    assert has_read.wait(60)
    results: list[Any] = []
    erasing = in_thread(mirror, results)
    wait_for_hash(mirror)
    erasing.join(0.5)
    may_go_on.set()
    taking.join(60)
    assert claimed[0].job.has_erased is False
    erasing.join(0.5)
    assert erasing.is_alive(), "the slice may have this person's order in hand"
    give_back(mirror)
    erasing.join(60)
    assert len(results) == 1


def wait_for_hash(mirror: Mirror) -> None:
    for _ in range(200):
        if mirror.rows("erased_people"):
            return
        threading.Event().wait(0.05)
    raise AssertionError("the person's hash is not stored first")


def test_a_frozen_worker_s_page_is_fenced_off(connect_any: Connect):
    mirror = connect_any()
    frozen = writer(mirror, "orders")
    mirror.execute(update(mirror.table("leases")).values(expires_at=db_now(-1)))
    with mirror.app.app_context():
        erasure.erase(mirror.engine, instance_of(mirror), [person_data.customer(11)])
    with pytest.raises(Exception, match="passed to another worker"):
        frozen.write(payload("orders"))
    assert mirror.rows("orders") == []


def test_a_refresh_that_never_ends_is_not_waited_for_for_ever(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    mirror = connect()
    writer(mirror, "orders")
    mirror.with_settings(slice_s=0.1, lease_s=0.1, timeout_s=0.1)
    with mirror.app.app_context(), pytest.raises(ErasureIncomplete, match="Run the command again"):
        erasure.erase(mirror.engine, instance_of(mirror), [person_data.customer(11)])


def test_erased_people_are_read_once_a_slice_if_there_are_any(connect: Connect):
    store, _ = store_with()
    mirror = connect(store).completed("orders")
    asked: list[str] = []
    with mirror.app.app_context():
        db_engine = mirror.host_app.db.engine
    event.listen(db_engine, "before_cursor_execute", lambda c, cur, statement, *_: asked.append(statement))
    mirror.start("orders").advance("orders")
    assert not any("bigcommerce_erased_people" in each for each in asked)
    erase(mirror, "--customer-id", 4711)
    asked.clear()
    mirror.start("orders").advance("orders")
    assert sum("bigcommerce_erased_people" in each for each in asked) == 1


# -- who, and where ------------------------------------------------------------------------------------------------


def test_nothing_shows_who_was_erased(connect: Connect):
    store, _ = store_with(customer_id=987654321)
    mirror = connect(store).completed("orders")
    erase(mirror, "--customer-id", 987654321, "--email", EMAIL)
    assert found(mirror) == []
    assert found(mirror, "987654321") == [
        each for each in found(mirror, "987654321") if each.startswith("bigcommerce_orders.payload")
    ], "the number stays in the orders alone"
    (row,) = mirror.rows("history", action="erased")
    assert json.loads(row["changes"]) == {"orders": 3, "rejected_records": 0}
    assert row["done_by"] is None
    hashes = [each["person_hash"] for each in mirror.rows("erased_people")]
    assert len(set(hashes)) == 2
    key = TokenCipher([ENCRYPTION_KEY]).decrypt(mirror.instance()["erasure_key"]).reveal()
    assert erased_people.person_hash(bytes.fromhex(key), f"email:{EMAIL.casefold()}") in hashes
    assert erased_people.person_hash(bytes.fromhex(key), "customer_id:987654321") in hashes


def test_each_instance_has_a_key_of_its_own_and_keeps_it(connect: Connect):
    mirror = connect()
    erase(mirror, "--email", EMAIL)
    first = mirror.rows("erased_people")
    erase(mirror, "--email", EMAIL)
    assert mirror.rows("erased_people") == first
    erase(mirror, "--email", "another@example.com")
    assert len(mirror.rows("erased_people")) == 2


def second_instance(mirror: Mirror, **changes: Any) -> int:
    row = {name: value for name, value in mirror.instance().items() if name != "id"}
    made = mirror.table("instances").insert().values({**row, "name": "2", "name_key": "2", **changes})
    instance_id = mirror.transaction(lambda session: session.execute(made).inserted_primary_key[0])  # type: ignore[attr-defined]
    leases = mirror.rows("leases", instance_id=mirror.instance_id)
    for lease in leases:
        mirror.execute(mirror.table("leases").insert().values({**lease, "instance_id": instance_id}))
    return int(instance_id)


def test_all_instances_or_the_one_named(connect: Connect):
    mirror = connect()
    other = second_instance(mirror, erasure_key=None)
    assert [line.split(":")[0] for line in erase(mirror, "--email", EMAIL).splitlines()] == [
        f"Instance {mirror.instance_id}",
        f"Instance {other}",
    ]
    rows = mirror.rows("erased_people")
    assert {row["instance_id"] for row in rows} == {mirror.instance_id, other}
    assert len({row["person_hash"] for row in rows}) == 2, "no hash tells that it is the same person"
    assert erase(mirror, "--email", EMAIL, "--instance", other).startswith(f"Instance {other}: ")
    assert "another person's in another store" not in run(mirror, "--customer-id", 5).output
    mirror.execute(
        update(mirror.table("instances")).where(mirror.table("instances").c.id == other).values(store_hash="x1")
    )
    refused = run(mirror, "--customer-id", 6)
    assert (refused.exit_code, "another person's in another store" in refused.output) == (2, True)
    assert run(mirror, "--customer-id", 6, "--instance", other).exit_code == 0
    assert "no such instance" in run(mirror, "--email", EMAIL, "--instance", 99).output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "Say who"),
        (("--everybody", "--email", EMAIL), "Say who"),
        (("--everybody",), "needs BIGCOMMERCE_PERSON_DATA=drop"),
        (("--customer-id", 0), "every guest"),
        (("--customer-id", -1), "every guest"),
        (("--customer-id", "x"), "not a valid integer"),
        (("--email", " "), "must be an e-mail address"),
        (("--email", "Ann"), "must be an e-mail address"),
    ],
)
def test_who_cannot_be_erased(connect: Connect, args: tuple[object, ...], message: str):
    mirror = connect()
    done = run(mirror, *args)
    assert (done.exit_code, message in done.output) == (2, True), done.output
    assert mirror.rows("erased_people") == []


def test_without_the_key_no_refresh_brings_anybody_back(connect: Connect):
    store, theirs = store_with()
    mirror = connect(store).completed()
    erase(mirror, "--email", EMAIL)
    lost = TokenCipher([generate_key()]).encrypt("00")
    mirror.execute(update(mirror.table("instances")).values(erasure_key=lost))
    store.edit_order(theirs[0], status_id=10)
    mirror.start("orders")
    # This worker steps back: another one may have the key.
    assert mirror.advance("orders") is Outcome.KEYLESS
    assert mirror.refresh("orders")["status"] == "pending"
    assert found(mirror) == []
    assert "The erasure key of instance" in run(mirror, "--email", EMAIL).output


def test_the_keys_are_rotated_with_the_tokens(connect: Connect):
    mirror = connect()
    erase(mirror, "--email", EMAIL)
    before = TokenCipher([ENCRYPTION_KEY]).decrypt(mirror.instance()["erasure_key"]).reveal()
    new_key = generate_key()
    cipher = TokenCipher([new_key, ENCRYPTION_KEY])
    with mirror.app.app_context():
        state = mirror.app.extensions["bigcommerce_integration"]
    object.__setattr__(state, "cipher", cipher)
    done = mirror.app.test_cli_runner().invoke(args=["bigcommerce", "rotate-keys"])
    assert done.exit_code == 0, done.output
    assert TokenCipher([new_key]).decrypt(mirror.instance()["erasure_key"]).reveal() == before


def test_rows_stored_before_drop_are_blanked(connect: Connect):
    store, theirs = store_with()
    store.edit_order(theirs[0], items_total="many")
    kept = connect(store).completed("orders")
    store.delete_order(theirs[1])
    assert found(kept)
    dropping = drops(kept)
    assert ": 62 orders and 1 rejected records " in erase(dropping, "--everybody")
    assert found(kept) == []
    assert {is_blanked(row["payload"]) for row in kept.rows("orders")} == {True}
    assert kept.rows("erased_people") == []
    kept.with_settings(person_data="drop").again("orders")
    assert (kept.refresh("orders")["updated"], kept.refresh("orders")["unchanged"]) == (0, 61)


def drops(mirror: Mirror) -> Mirror:
    """The app with the other setting."""
    state = mirror.app.extensions["bigcommerce_integration"]
    object.__setattr__(state, "config", replace(state.config, person_data="drop"))
    return mirror
