"""Products of the host on demand: what is meant, what would come of it, and the job that makes them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.models import db_now
from bigcommerce_integration.operations.creation import preview, selection
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.linking import creation
from bigcommerce_integration.refresh.run.advance import advance

from .mirrored import NOON, Mirrored, errors


@pytest.fixture
def store(any_mirrored: Mirrored) -> Mirrored:
    """Neither links nor creates by itself; its first refreshes are over, and nobody answers there."""
    tables = any_mirrored.tables
    mine = tables.refreshes.c.instance_id == any_mirrored.instance_id
    any_mirrored.execute(
        update(tables.refreshes).where(mine).values(status="completed", open_key=None, finished_at=db_now()),
        tables.hints.delete(),
        update(tables.instances)
        .where(tables.instances.c.id == any_mirrored.instance_id)
        .values(auto_link_products=False, auto_create_products=False),
    )
    any_mirrored.add("products", {"bigcommerce_id": 1, "name": "Mug"})
    return any_mirrored


def add(store: Mirrored, *skus: str | None, **columns: Any) -> list[str | None]:
    """Variants 101, 102, … with SKUs that no other test has."""
    own = [sku and f"{sku}-{store.instance_id}" for sku in skus]
    for number, sku in enumerate(own, 101):
        store.add("variants", {"bigcommerce_id": number, "sku": sku, "sku_key": sku, **columns})
    return own


def post(store: Mirrored, **body: Any) -> Any:
    return store.ask("products/create", method="POST", json=body)


def previewed(store: Mirrored, **body: Any) -> Any:
    answer = post(store, **body, preview=True)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def work(store: Mirrored, refresh_id: int) -> list[Outcome]:
    """Slice after slice, as a worker does them."""
    outcomes: list[Outcome] = []
    with store.app.app_context():
        engine = engine_of(state_of(store.app), threading.Event())
        while not outcomes or outcomes[-1] is Outcome.CONTINUE:
            outcomes.append(advance(engine, refresh_id))
    return outcomes


def made(store: Mirrored, **body: Any) -> dict[str, Any]:
    """The job, done."""
    answer = post(store, **body)
    assert answer.status_code == 202, answer.json
    assert answer.headers["Location"].endswith(f"/{store.instance_id}/refreshes/{answer.json['data']['id']}")
    assert work(store, answer.json["data"]["id"])[-1] is Outcome.ENDED
    found: dict[str, Any] = store.get(f"refreshes/{answer.json['data']['id']}")["data"]
    return found


def links(store: Mirrored) -> dict[int, str | None]:
    return {row["bigcommerce_id"]: row["link_source"] for row in store.rows("variants", instance_id=store.instance_id)}


def products(store: Mirrored, skus: Sequence[str | None]) -> list[str]:
    model = store.host_app.Product
    return sorted(store.host_app.scalars(store.app, select(model.sku).where(model.sku.in_([s for s in skus if s]))))


@pytest.mark.ci
def test_products_are_made_though_the_settings_make_none(store: Mirrored) -> None:
    skus = add(store, "A", "B", "C")
    shown = previewed(store, ids=[101, 102])
    assert (shown["total"], shown["looked_at"], shown["counts"]["create"]) == (2, 2, 2)
    first = shown["rows"][0]
    assert (first["bigcommerce_id"], first["sku"], first["name"], first["verdict"]) == (101, skus[0], "Mug", "create")
    assert (links(store), products(store, skus)) == ({101: None, 102: None, 103: None}, []), "nothing is stored"
    assert not store.rows("refreshes", mode="create", instance_id=store.instance_id)
    refresh = made(store, ids=[101, 102])
    assert refresh["message"] == "Completed: 2 products were made."
    assert (refresh["mode"], refresh["status"], refresh["progress_percentage"]) == ("create", "completed", 100)
    assert (refresh["results"]["products_created"], refresh["results"]["total"]) == (2, 2)
    assert links(store) == {101: "created", 102: "created", 103: None}
    assert products(store, skus) == sorted(each for each in skus[:2] if each)
    assert not store.rows("missing_records", refresh_id=refresh["id"])
    (deed,) = [each for each in store.get("history")["data"] if each["action"] == "create_products"]
    assert deed["changes"] == {"variants": 2, "refresh": refresh["id"]}


def test_each_verdict_is_what_the_job_does(store: Mirrored) -> None:
    skus = add(store, "NEW", "HAS", "TWIN", None, "OLD", "GONE", "LINKED", "LEFT")
    variants = store.tables.variants
    which = variants.c.instance_id == store.instance_id
    store.add("products", {"bigcommerce_id": 2, "name": "Old", "is_only_referenced": True})
    store.add("variants", {"bigcommerce_id": 120, "sku": skus[2], "sku_key": skus[2]})
    (host_product,) = store.add_host_products(skus[1] or "")
    for number, columns in {
        105: {"bigcommerce_product_id": 2},
        106: {"deleted_at": NOON},
        107: {"host_product_id": 9, "link_source": "manual"},
        108: {"link_source": "manual"},
    }.items():
        store.execute(update(variants).where(which, variants.c.bigcommerce_id == number).values(**columns))
    ids = [*range(101, 109), 999]
    verdicts = {row["bigcommerce_id"]: row["verdict"] for row in previewed(store, ids=ids)["rows"]}
    assert verdicts == {
        101: "create",
        102: "exists",
        103: "conflict",
        104: "conflict",
        105: "only_referenced",
        106: "gone",
        107: "linked",
        108: "create",
        999: "not_found",
    }
    assert previewed(store, all=True)["total"] == 6, "live, unlinked, and nobody decided to leave it"
    refresh = made(store, ids=ids)
    assert (refresh["results"]["products_created"], refresh["results"]["conflicts"]) == (2, 2)
    assert refresh["message"] == "Completed: 2 products were made, 7 variants were left as before."
    assert {each: how for each, how in links(store).items() if how} == {101: "created", 107: "manual", 108: "created"}
    (twin,) = store.rows("variants", instance_id=store.instance_id, bigcommerce_id=103)
    assert twin["link_conflict_code"] == "same_sku_in_store"
    store.execute(
        update(store.tables.instances)
        .where(store.tables.instances.c.id == store.instance_id)
        .values(auto_link_products=True)
    )
    assert [row["verdict"] for row in previewed(store, ids=[102])["rows"]] == ["link"]
    assert made(store, ids=[102])["results"]["linked"] == 1
    (linked,) = store.rows("variants", instance_id=store.instance_id, bigcommerce_id=102)
    assert (linked["host_product_id"], linked["link_source"]) == (host_product, "auto")


def test_filters_mean_what_the_list_shows(store: Mirrored) -> None:
    skus = add(store, "F1", "F2", "G1", "G2")
    variants = store.tables.variants
    conflict = {"link_conflict": "It is gone.", "link_conflict_code": "host_product_gone"}
    which = (variants.c.instance_id == store.instance_id, variants.c.bigcommerce_id == 104)
    store.execute(update(variants).where(*which).values(**conflict))
    for filters, ids in (
        ({"q": "F"}, [101, 102]),
        ({"q": "mug"}, [101, 102, 103, 104]),
        ({"sku": skus[2]}, [103]),
        ({"link_conflict_code": "host_product_gone"}, [104]),
        ({"conflict": False, "product": 1}, [101, 102, 103]),
    ):
        found = previewed(store, filters=filters)
        assert [row["bigcommerce_id"] for row in found["rows"]] == ids, filters
    refresh = made(store, filters={"link_conflict_code": "host_product_gone"})
    assert refresh["results"]["products_created"] == 1, "what somebody has deleted is made anew"
    assert refresh["message"] == "Completed: 1 product was made."
    assert made(store, all=True)["results"]["products_created"] == 3
    answer = post(store, all=True)
    assert "no variant" in errors(answer)["_schema"][0]


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({}, {"ids", "filters", "all"}),
        ({"ids": [1], "all": True}, {"ids", "all"}),
        ({"ids": []}, {"ids"}),
        ({"ids": [1, 1]}, {"ids"}),
        ({"ids": list(range(1, 1002))}, {"ids"}),
        ({"all": False}, {"all"}),
        ({"filters": {}}, {"filters"}),
        ({"filters": {"linked": True}}, {"filters.linked"}),
        ({"filters": {"link_conflict_code": "x"}}, {"filters.link_conflict_code"}),
        ({"all": True, "preview": "yes", "x": 1}, {"preview", "x"}),
    ],
)
def test_a_bad_selection_is_refused(body: Mapping[str, Any], bad: set[str], mirrored: Mirrored) -> None:
    assert set(errors(post(mirrored, **body))) == bad


def test_more_than_a_job_takes_is_refused(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, "M1", "M2", "M3")
    monkeypatch.setattr(selection, "MOST_CREATED", 2)
    assert "Choose fewer" in errors(post(store, all=True))["filters"][0]
    monkeypatch.setattr(selection, "MOST_CREATED", 3)
    monkeypatch.setattr(preview, "MOST_PREVIEWED", 2)
    shown = previewed(store, all=True)
    assert (shown["total"], shown["looked_at"], sum(shown["counts"].values())) == (3, 2, 2)


def test_it_needs_a_permission_of_its_own(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    host = state_of(mirrored.app).host
    monkeypatch.setattr(host, "may", lambda action, instance: action != "create_products")
    for body in ({"all": True}, {"all": True, "preview": True}):
        assert post(mirrored, **body).status_code == 403
    monkeypatch.setattr(host, "may", lambda action, instance: True)
    monkeypatch.setattr(host, "tenant", lambda: "another")
    assert post(mirrored, all=True).status_code == 404


def test_what_the_host_refuses_stays_with_its_reason(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    skus = add(store, "R1", "R2", "R3")
    host = state_of(store.app).host
    create = host.create_products

    def picky(session: Any, instance: Any, drafts: Any) -> Any:
        if any(draft.sku == skus[1] for draft in drafts):
            raise ValueError("no such thing")
        return create(session, instance, drafts)

    monkeypatch.setattr(host, "create_products", picky)
    refresh = made(store, ids=[101, 102, 103])
    assert (refresh["results"]["products_created"], refresh["results"]["refused"]) == (2, 1)
    (row,) = store.rows("variants", instance_id=store.instance_id, bigcommerce_id=102)
    assert (row["link_conflict_code"], "no such thing" in row["link_conflict"]) == ("refused_by_host", True)


def test_a_job_whose_worker_dies_goes_on(store: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once before its transaction is committed, once after: each product is made once."""
    skus = add(store, *(f"K{number}" for number in range(6)))
    monkeypatch.setattr(creation, "A_TRANSACTION", 2)
    host, calls = state_of(store.app).host, iter(range(1, 100))
    create = host.create_products

    def deadly(session: Any, instance: Any, drafts: Any) -> Any:
        found = create(session, instance, drafts)
        if next(calls) == 2:
            raise SystemExit
        return found

    monkeypatch.setattr(host, "create_products", deadly)
    refresh_id = post(store, all=True).json["data"]["id"]
    with pytest.raises(SystemExit):
        work(store, refresh_id)
    assert len(products(store, skus)) == 2
    store.execute(update(store.tables.leases).values(expires_at=db_now(-60)))
    assert work(store, refresh_id)[-1] is Outcome.ENDED
    results = store.get(f"refreshes/{refresh_id}")["data"]["results"]
    assert (results["products_created"], results["fetched"], results["linked"]) == (6, 6, 6)
    assert products(store, skus) == sorted(each for each in skus if each)


def test_a_cancelled_job_goes_on_when_it_is_retried(store: Mirrored) -> None:
    add(store, "L1", "L2")
    refresh_id = post(store, ids=[101, 102]).json["data"]["id"]
    assert store.ask(f"refreshes/{refresh_id}/cancel", method="POST").status_code == 200
    assert work(store, refresh_id) == [Outcome.NOTHING]
    assert store.ask(f"refreshes/{refresh_id}/retry", method="POST").status_code == 202
    assert work(store, refresh_id)[-1] is Outcome.ENDED
    assert links(store) == {101: "created", 102: "created"}


def test_it_leaves_the_state_of_the_store_alone(store: Mirrored) -> None:
    """It has not asked the store, so it says nothing about it."""
    add(store, "S1")
    tables = store.tables
    which = tables.instances.c.id == store.instance_id
    store.execute(update(tables.instances).where(which).values(status="needs_attention", status_message="Act."))
    before = store.rows("leases", instance_id=store.instance_id, resource="products")[0]["watermark"]
    made(store, ids=[101])
    (instance,) = store.rows("instances", id=store.instance_id)
    assert (instance["status"], instance["status_message"]) == ("needs_attention", "Act.")
    assert store.rows("leases", instance_id=store.instance_id, resource="products")[0]["watermark"] == before
    open_walks = select(func.count()).where(
        tables.refreshes.c.instance_id == store.instance_id, tables.refreshes.c.open_key.is_not(None)
    )
    assert store.host_app.scalars(store.app, open_walks) == [0]
