"""The search box: order numbers, ids in other systems and SKUs, over all stores of the caller."""

from __future__ import annotations

from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert, update

from bigcommerce_integration.app_state import state_of
from bigcommerce_integration.operations.context import Caller
from bigcommerce_integration.operations.explain import find as finding
from bigcommerce_integration.operations.explain.allowance import BURST, Allowance
from bigcommerce_integration.operations.explain.find import Found, Verdict, find
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.store_check.lookup import StoreAnswer

from ..conftest import made
from ..host_app import HostApp
from .mirrored import NOON, Mirrored, connected


def found(mirrored: Mirrored, q: str, *, tenant: str = "", name: str = "ada", ask: bool = False) -> Found:
    with mirrored.app.app_context():
        state = state_of(mirrored.app)
        return find(Caller(state, state.db.session(), tenant, name), q, ask_stores=ask)


def own(mirrored: Mirrored, found: Found) -> list[Verdict]:
    """Those of one store: other tests have stores in the same database."""
    return [each for each in found.verdicts if each.instance.id == mirrored.instance_id]


def told(verdict: Verdict) -> tuple[str, int | None, bool, str]:
    return verdict.kind, verdict.bigcommerce_id, verdict.is_here, verdict.reasons[0].code


@pytest.fixture
def store(any_mirrored: Mirrored) -> Mirrored:
    return any_mirrored


@pytest.mark.ci
def test_what_is_here_is_found_by_all_its_names(store: Mirrored) -> None:
    number = 7_000_000 + store.instance_id
    store.add("orders", {"bigcommerce_id": number, "external_order_id": f"EXT-{number}", "status_id": 10})
    store.add("products", {"bigcommerce_id": 1})
    store.add("variants", {"bigcommerce_id": 2, "sku": f"V{number} ", "sku_key": f"V{number}", "host_product_id": 9})
    for q in (f"{number}", f" #{number} ", f"EXT-{number}"):
        assert [told(each) for each in found(store, q).verdicts] == [("order", number, True, "here")], q
    assert [told(each) for each in found(store, f" V{number}").verdicts] == [("variant", 2, True, "linked")]
    assert found(store, f"#{number}").text == str(number)
    assert not [each for each in found(store, f"v{number}").verdicts if each.is_here], "case counts"


def test_a_refund_does_not_hide_a_missing_order(store: Mirrored) -> None:
    number = 9_000_000 + store.instance_id
    store.add("refunds", {"bigcommerce_id": number, "bigcommerce_order_id": 5})
    assert [told(each)[:3] for each in own(store, found(store, str(number)))] == [
        ("refund", number, True),
        ("order", number, False),
    ]
    store.add("orders", {"bigcommerce_id": number})
    assert [told(each)[:3] for each in own(store, found(store, str(number)))] == [
        ("order", number, True),
        ("refund", number, True),
    ]


def test_a_refund_is_alone_where_the_store_has_no_such_order(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored.add("refunds", {"bigcommerce_id": 55, "bigcommerce_order_id": 5})
    for answer, kinds in ((StoreAnswer(True), ["refund", "order"]), (StoreAnswer(False), ["refund"])):
        monkeypatch.setattr(finding, "look_up", lambda *_, answer=answer: answer)
        assert [each.kind for each in found(mirrored, "55", ask=True).verdicts] == kinds


def test_a_refund_that_is_only_in_the_store_is_told(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"orders": StoreAnswer(False), "refunds": StoreAnswer(False)}
    monkeypatch.setattr(finding, "look_up", lambda *given: there[given[3].name])

    def codes() -> list[tuple[str, str]]:
        return [(each.kind, each.reasons[0].code) for each in found(mirrored, "55", ask=True).verdicts]

    assert codes() == [("order", "not_in_store")], "the store has neither"
    there["refunds"] = StoreAnswer(True)
    assert codes() == [("refund", "in_store")]
    there["orders"] = StoreAnswer(True)
    assert sorted(codes()) == [("order", "in_store"), ("refund", "in_store")]
    there["refunds"] = StoreAnswer(problem="it does not answer.")
    assert codes() == [("order", "in_store")], "nothing is known of a refund"


def test_a_rejected_refund_is_told(store: Mirrored) -> None:
    number = 6_500_000 + store.instance_id
    rejected = {"instance_id": store.instance_id, "refresh_id": 1, "resource": "refunds", "bigcommerce_id": number}
    store.execute(
        insert(store.tables.rejected_records).values(**rejected, reason="Odd.", is_payload_cut=False, created_at=NOON)
    )
    assert [told(each) for each in own(store, found(store, str(number)))] == [
        ("refund", number, False, "rejected"),
        ("order", number, False, "never_seen"),
    ]


def test_what_is_not_here_has_the_verdict_of_each_store(store: Mirrored) -> None:
    assert [told(each) for each in own(store, found(store, "999888777"))] == [("order", 999888777, False, "never_seen")]
    assert [told(each) for each in own(store, found(store, "NO-SKU-1"))] == [("variant", None, False, "not_here")]
    rejected = {"instance_id": store.instance_id, "refresh_id": 1, "resource": "orders", "bigcommerce_id": 999888777}
    store.execute(
        insert(store.tables.rejected_records).values(**rejected, reason="Odd.", is_payload_cut=False, created_at=NOON)
    )
    first = found(store, "999888777").verdicts[0]
    assert (first.instance.id, first.reasons[0].code, first.reasons[0].action) == (
        store.instance_id,
        "rejected",
        "retry",
    )


@pytest.mark.parametrize("q", ["", "  ", "#", "a\0b", "\ud800", "x" * 300])
def test_what_nothing_can_have_finds_nothing(q: str, store: Mirrored) -> None:
    assert found(store, q).verdicts == []


@pytest.mark.parametrize("q", ["0", "00", "9" * 19, "9" * 300, "%", "_", "'", "²"])
def test_odd_text_is_only_text(q: str, store: Mirrored) -> None:
    store.add("variants", {"bigcommerce_id": 3, "sku": "A", "sku_key": "A"})
    assert not [each for each in found(store, q).verdicts if each.is_here]


def test_another_tenants_stores_are_not_searched(store: Mirrored) -> None:
    store.add("orders", {"bigcommerce_id": 4_000_001})
    assert found(store, "4000001", tenant="other").verdicts == []
    assert [each.instance.id for each in found(store, "4000001").verdicts if each.is_here] == [store.instance_id]


def test_only_what_may_be_read_is_searched(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 5_000_000 + store.instance_id
    store.add("orders", {"bigcommerce_id": number})
    store.add("variants", {"bigcommerce_id": 2, "sku": f"W{number}", "sku_key": f"W{number}"})
    host = state_of(store.app).host
    monkeypatch.setattr(host, "_may", lambda action, instance: action == "read")
    store.add("refunds", {"bigcommerce_id": number})
    assert {each.kind for each in found(store, str(number)).verdicts} <= {"variant"}
    assert [each.kind for each in found(store, f"W{number}").verdicts] == ["variant"]
    monkeypatch.setattr(host, "_may", lambda action, instance: action == "read_orders")
    assert found(store, str(number)).verdicts == []


def test_the_hosts_word_and_page_are_shown(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 6_000_000 + store.instance_id
    store.add("orders", {"bigcommerce_id": number})
    store.add("variants", {"bigcommerce_id": 2, "sku": f"X{number}", "sku_key": f"X{number}", "host_product_id": 9})
    host = state_of(store.app).host
    monkeypatch.setattr(host, "explain_order", lambda session, instance, id: f"Booked as {id}.")
    monkeypatch.setattr(host, "link_to", lambda session, instance, kind, key: f"/{kind}/{key}")
    here, word, *_ = found(store, str(number)).verdicts[0].reasons
    assert (here.link, word.code, word.message) == (f"/order/{number}", "host_says", f"Booked as {number}.")
    assert found(store, f"X{number}").verdicts[0].reasons[0].link == "/product/9"
    shown = store.get("explain", order=number)["data"]["reasons"]
    assert [(each["code"], each["link"]) for each in shown] == [
        ("here", f"/order/{number}"),
        ("host_says", None),
    ]
    monkeypatch.setattr(host, "link_to", lambda session, instance, kind, key: "javascript:alert(1)")
    assert found(store, str(number)).verdicts[0].reasons[0].link is None
    monkeypatch.undo()
    assert found(store, str(number)).verdicts[0].reasons[0].link is None


@pytest.mark.ci
def test_stores_are_asked_as_often_as_is_allowed(
    host_app: HostApp, broker: StubBroker, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "ALLOWANCE", Allowance(lambda: 0.0))
    store = SandboxStore(5, 5)
    with SandboxServer(store) as server:
        for app in made(host_app, broker, sqlite_url, BIGCOMMERCE_API_URL=server.api_url):
            reached: dict[str, Any] = {
                "connection_settings__access_token": server.access_token,
                "integration_settings__store_hash": server.store_hash,
            }
            old = connected(app, host_app, **reached, integration_settings__start_date="2010-01-01")
            new = connected(app, host_app, **reached, integration_settings__start_date="2999-01-01")
            (order_id, *_) = store.order_ids
            verdicts = found(old, str(order_id), ask=True).verdicts
            assert {each.instance.id: (each.reasons[0].code, each.reasons[0].action) for each in verdicts} == {
                old.instance_id: ("in_store", "fetch"),
                new.instance_id: ("before_start_date", "open_settings"),
            }
            assert ", placed " in verdicts[0].reasons[0].message
            refund_id = next(each for each in store.refund_ids if each not in store.order_ids)
            verdicts = found(old, str(refund_id), ask=True).verdicts
            assert {each.instance.id: (each.kind, each.reasons[0].code) for each in verdicts} == {
                old.instance_id: ("refund", "in_store"),
                new.instance_id: ("refund", "before_start_date"),
            }
            store.edit_variant(store.products[store.product_ids[0]].variants[0].id, sku="FIND-ME")
            codes = [[one.code for one in each.reasons] for each in found(old, "FIND-ME", ask=True).verdicts]
            assert sorted(each[1] for each in codes) == ["before_start_date", "in_store"]
            for _ in range(BURST):
                last = found(old, "123456789", ask=True).verdicts
            assert {each.reasons[0].code for each in last} == {"store_silent"}
            assert "very often" in last[0].reasons[0].message
            other = found(old, "123456789", name="eve", ask=True).verdicts
            assert {each.reasons[0].code for each in other} == {"not_in_store"}, "each caller has their own"


def test_an_order_that_is_here_asks_no_store(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> Any:
        raise AssertionError("a store was asked")

    monkeypatch.setattr(finding, "look_up", refuse)
    store.add("orders", {"bigcommerce_id": 8_000_001})
    assert found(store, "8000001", ask=True).verdicts[0].is_here


def test_an_allowance_comes_back_with_time() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert [allowance.take("ada", 15) for _ in range(3)] == [15, 5, 0]
    now[0] = 12.0
    assert [allowance.take("ada", 5), allowance.take("eve", 5)] == [2, 5]
    now[0] = 10_000.0
    assert allowance.take("ada", 100) == BURST
    for number in range(10_001):
        allowance.take(number, 1)
    assert len(allowance._left) == 10_000, "no more is remembered"


def test_what_the_search_finds_has_a_bound(store: Mirrored) -> None:
    sku = f"TWIN{store.instance_id}"
    store.add("variants", *({"bigcommerce_id": each, "sku": sku, "sku_key": sku} for each in range(1, 26)))
    twins = found(store, sku)
    assert (len(twins.verdicts), twins.has_more) == (20, True)
    variants = store.tables.variants
    mine = update(variants).where(variants.c.instance_id == store.instance_id)
    store.execute(mine.where(variants.c.bigcommerce_id > 1).values(deleted_at=NOON))
    assert found(store, sku).verdicts[0].bigcommerce_id == 1, "what the store still has comes first"


def test_the_hosts_own_sku_finds_what_is_linked(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    own_sku, key = f"0{store.instance_id}", 7_700_000 + store.instance_id
    host = state_of(store.app).host
    monkeypatch.setattr(finding, "MOST_FOUND", 10_000)
    monkeypatch.setattr(host, "products_by_sku", lambda session, instance, skus: {sku: [key] for sku in skus})
    assert [each.kind for each in own(store, found(store, own_sku))] == ["variant"], "a number never begins with 0"
    store.add(
        "variants",
        {"bigcommerce_id": 2, "sku": "S", "sku_key": "S", "host_product_id": key},
        {"bigcommerce_id": 3, "sku": "S", "sku_key": "S", "host_product_id": key},
        {"bigcommerce_id": 4, "sku": "T", "sku_key": "T", "host_product_id": 8},
    )
    titles = [each.title for each in own(store, found(store, own_sku)) if each.is_here]
    assert titles == ["SKU S, variant 2", "SKU S, variant 3"]
