"""Links made by hand: one, many, none; against refreshes at work."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from bigcommerce_integration import Host
from bigcommerce_integration.operations.links import decisions as link_operations
from bigcommerce_integration.refresh.linking import locked
from bigcommerce_integration.web.links.request import MAX_LINKS_BYTES, MOST_LINKS

from .mirrored import NOON, Mirrored, connected, errors


@pytest.fixture
def told(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the host is told of changed products."""
    found: list[Any] = []
    state = any_mirrored.app.extensions["bigcommerce_integration"]
    monkeypatch.setattr(state.host, "products_changed", lambda session, instance, ids: found.append(list(ids)))
    return found


def add_variants(mirrored: Mirrored) -> None:
    """Of product 1: linked by itself, in conflict, unlinked. Of product 2: two with one SKU, one that is gone."""
    of_two = {"bigcommerce_product_id": 2}
    mirrored.add(
        "variants",
        {"bigcommerce_id": 11, "sku": "A", "sku_key": "A", "host_product_id": 7, "link_source": "auto"},
        {"bigcommerce_id": 12, "sku": "a", "sku_key": "a", "link_conflict": "Two have it."},
        {"bigcommerce_id": 13, "sku": "B", "sku_key": "B"},
        of_two | {"bigcommerce_id": 21, "sku": "C", "sku_key": "C"},
        of_two | {"bigcommerce_id": 22, "sku": "C", "sku_key": "C"},
        of_two | {"bigcommerce_id": 23, "sku": "B", "sku_key": "B", "deleted_at": NOON},
    )


def links_of(mirrored: Mirrored) -> dict[int, tuple[Any, ...]]:
    rows = mirrored.rows("variants", instance_id=mirrored.instance_id)
    return {row["bigcommerce_id"]: (row["host_product_id"], row["link_source"], row["link_conflict"]) for row in rows}


def history_of(mirrored: Mirrored) -> list[Any]:
    rows = mirrored.rows("history", instance_id=mirrored.instance_id, action="link")
    return [(row["done_by"], json.loads(row["changes"])["links"]) for row in rows]


def test_a_variant_is_linked_relinked_and_unlinked(any_mirrored: Mirrored, told: list[Any]) -> None:
    add_variants(any_mirrored)
    first, second = any_mirrored.add_host_products("X", "Y")
    answer = any_mirrored.ask("variants/12/link", method="POST", json={"host_product_id": first})
    assert answer.status_code == 200
    linked = answer.json["data"]
    assert (linked["bigcommerce_id"], linked["host_product_id"], linked["link_source"]) == (12, first, "manual")
    assert (linked["link_conflict"], linked["change_number"], linked["sku"]) == (None, 7, "a")
    any_mirrored.ask("variants/12/link", method="POST", json={"host_product_id": second})
    assert links_of(any_mirrored)[12] == (second, "manual", None)
    answer = any_mirrored.ask("variants/12/link", method="DELETE")
    assert (answer.status_code, answer.json["data"]["host_product_id"]) == (200, None)
    assert links_of(any_mirrored)[12] == (None, "manual", None)
    assert told == [[1], [1], [1]]
    assert [links[0]["to"]["host_product_id"] for _, links in history_of(any_mirrored)] == [first, second, None]
    assert history_of(any_mirrored)[0] == (
        "1",
        [
            {
                "variant": 12,
                "from": {"host_product_id": None, "link_source": None},
                "to": {"host_product_id": first, "link_source": "manual"},
            }
        ],
    )
    (lease,) = any_mirrored.rows("leases", instance_id=any_mirrored.instance_id, resource="products")
    assert lease["change_number"] == 9
    assert any_mirrored.ids("variants", changed_after=6) == [12]


def test_to_unlink_what_has_no_link_is_a_decision_once(any_mirrored: Mirrored, told: list[Any]) -> None:
    add_variants(any_mirrored)
    for _ in range(2):
        assert any_mirrored.ask("variants/13/link", method="DELETE").status_code == 200
    assert links_of(any_mirrored)[13] == (None, "manual", None)
    assert (len(told), len(history_of(any_mirrored))) == (1, 1)


def test_to_confirm_an_automatic_link_is_a_decision(any_mirrored: Mirrored, told: list[Any]) -> None:
    add_variants(any_mirrored)
    (product,) = any_mirrored.add_host_products("X")
    table = any_mirrored.tables.variants
    any_mirrored.execute(
        update(table)
        .where(table.c.instance_id == any_mirrored.instance_id, table.c.bigcommerce_id == 11)
        .values(host_product_id=product)
    )
    any_mirrored.ask("variants/11/link", method="POST", json={"host_product_id": product})
    assert links_of(any_mirrored)[11] == (product, "manual", None)
    assert told == [[1]]


def test_many_are_decided_on_at_once(any_mirrored: Mirrored, told: list[Any]) -> None:
    add_variants(any_mirrored)
    (product,) = any_mirrored.add_host_products("X")
    rows = [
        {"sku": " B ", "host_product_id": product},
        {"bigcommerce_id": 23, "host_product_id": product},
        {"bigcommerce_id": 11, "host_product_id": None},
    ]
    answer = any_mirrored.ask("variants/links", method="PUT", json=rows)
    assert answer.status_code == 200, answer.json
    assert [row["bigcommerce_id"] for row in answer.json["data"]] == [13, 23, 11]
    found = links_of(any_mirrored)
    assert [found[each] for each in (11, 13, 23)] == [
        (None, "manual", None),
        (product, "manual", None),
        (product, "manual", None),
    ]
    assert found[12] == (None, None, "Two have it.")
    assert told == [[1, 2]]
    ((_, changes),) = history_of(any_mirrored)
    assert sorted(change["variant"] for change in changes) == [11, 13, 23]


def test_all_or_nothing_and_each_bad_row_is_named(any_mirrored: Mirrored, told: list[Any]) -> None:
    add_variants(any_mirrored)
    (product,) = any_mirrored.add_host_products("X")
    before = links_of(any_mirrored)
    rows = [
        {"bigcommerce_id": 13, "host_product_id": product},
        {"sku": "nope", "host_product_id": product},
        {"sku": "C", "host_product_id": product},
        {"sku": "b", "host_product_id": product},
        {"bigcommerce_id": 99, "host_product_id": 2**62},
        {"sku": "B", "host_product_id": product},
        {"sku": "A", "host_product_id": 10**9},
    ]
    found = errors(any_mirrored.ask("variants/links", method="PUT", json=rows))
    assert found == {
        "1.sku": ["There is no such variant."],
        "2.sku": ["2 variants have this SKU; give the bigcommerce_id of one: 21, 22."],
        "3.sku": ["There is no such variant."],
        "4.bigcommerce_id": ["There is no such variant."],
        "4.host_product_id": ["You have no product with this id."],
        "5.sku": ["Row 0 names the same variant."],
        "6.host_product_id": ["You have no product with this id."],
    }
    assert links_of(any_mirrored) == before
    assert (told, history_of(any_mirrored)) == ([], [])


@pytest.mark.parametrize(
    ("rows", "bad"),
    [
        ([], {"_schema"}),
        ([{"bigcommerce_id": 1, "host_product_id": 1}] * (MOST_LINKS + 1), {"_schema"}),
        (
            [
                {"bigcommerce_id": "1", "sku": "", "colour": 1},
                {"host_product_id": 1},
                {"bigcommerce_id": 1, "sku": "A", "host_product_id": True},
                "x",
                None,
                {"bigcommerce_id": 1, "sku": "A", "host_product_id": None},
                {"sku": "\0", "host_product_id": 1.0},
                {"sku": "\ud800", "host_product_id": 2**63},
            ],
            {
                "0.bigcommerce_id",
                "0.sku",
                "0.colour",
                "0.host_product_id",
                "1",
                "2.host_product_id",
                "3",
                "4",
                "6.sku",
                "6.host_product_id",
                "7.sku",
                "7.host_product_id",
            },
        ),
    ],
)
def test_rows_are_read_strictly(rows: list[Any], bad: set[str], mirrored: Mirrored) -> None:
    assert set(errors(mirrored.ask("variants/links", method="PUT", json=rows))) == bad


def test_a_thousand_rows_with_the_longest_skus_go_in(any_mirrored: Mirrored) -> None:
    (product,) = any_mirrored.add_host_products("X")
    skus = [f"{number:04}" + "é" * 251 for number in range(MOST_LINKS)]
    variants = any_mirrored.tables.variants
    common = {"instance_id": any_mirrored.instance_id, "content_hash": "x", "observed_at": NOON, "change_number": 1}
    with any_mirrored.app.app_context():
        any_mirrored.host_app.db.session.execute(
            insert(variants),
            [
                common | {"bigcommerce_id": place + 1, "bigcommerce_product_id": 1, "sku": sku, "sku_key": sku}
                for place, sku in enumerate(skus)
            ],
        )
        any_mirrored.host_app.db.session.commit()
    rows = [{"sku": sku, "host_product_id": product} for sku in skus]
    answer = any_mirrored.ask("variants/links", method="PUT", json=rows)
    assert answer.status_code == 200, answer.json
    assert len(answer.json["data"]) == MOST_LINKS
    assert any_mirrored.ids("variants", linked="false") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "variants/links", "{}", 400),
        ("PUT", "variants/links", '[{"sku": "A", "sku": "B"}]', 400),
        ("PUT", "variants/links", "[" + " " * MAX_LINKS_BYTES + "]", 413),
        ("POST", "variants/11/link", "[]", 400),
        ("POST", "variants/11/link", "{}", 422),
        ("POST", "variants/11/link", '{"host_product_id": null}', 422),
        ("POST", "variants/11/link", '{"host_product_id": "7"}', 422),
        ("POST", "variants/11/link", '{"host_product_id": 4611686018427387904}', 422),
        ("POST", "variants/99/link", '{"host_product_id": 7}', 404),
        ("POST", "variants/abc/link", '{"host_product_id": 7}', 404),
        ("DELETE", "variants/99/link", "", 404),
    ],
)
def test_what_cannot_be_done_is_refused(method: str, path: str, body: str, status: int, mirrored: Mirrored) -> None:
    add_variants(mirrored)
    before = links_of(mirrored)
    answer = mirrored.ask(path, method=method, data=body, content_type="application/json")
    assert answer.status_code == status, answer.json
    assert links_of(mirrored) == before


def test_another_instances_variants_are_unknown(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    add_variants(other)
    (product,) = any_mirrored.add_host_products("X")
    body = {"host_product_id": product}
    assert any_mirrored.ask("variants/11/link", method="POST", json=body).status_code == 404
    assert any_mirrored.ask("variants/11/link", method="DELETE").status_code == 404
    rows = [body | {"bigcommerce_id": 11}, body | {"sku": "B"}]
    assert set(errors(any_mirrored.ask("variants/links", method="PUT", json=rows))) == {"0.bigcommerce_id", "1.sku"}
    assert links_of(other)[11] == (7, "auto", None)


def test_decisions_go_from_one_instance_into_another(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    for each in (any_mirrored, other):
        add_variants(each)
        each.add("variants", {"bigcommerce_id": 31, "bigcommerce_product_id": 3})
    first, second = any_mirrored.add_host_products("X", "Y")
    rows = [
        {"bigcommerce_id": variant, "host_product_id": product}
        for variant, product in ((11, first), (12, None), (21, second), (23, second), (31, first))
    ]
    assert any_mirrored.ask("variants/links", method="PUT", json=rows).status_code == 200
    exported: list[Any] = []
    query: dict[str, Any] = {"limit": 2}
    while query.get("after", "") is not None:
        page = any_mirrored.get("variants/links", **query)
        exported += page["data"]
        query["after"] = page["meta"]["next"]
    assert exported == any_mirrored.get("variants/links")["data"]
    assert exported[0] == {"bigcommerce_id": 11, "bigcommerce_product_id": 1, "sku": "A", "host_product_id": first}
    # What is gone from the store, a new instance never had; what has no SKU is known by its id.
    assert [(row["bigcommerce_id"], row["sku"], row["host_product_id"]) for row in exported] == [
        (11, "A", first),
        (12, "a", None),
        (21, "C", second),
        (31, None, first),
    ]
    assert other.get("variants/links")["data"] == []
    answer = other.ask("variants/links", method="PUT", json=exported)
    assert answer.status_code == 200, answer.json
    assert other.get("variants/links")["data"] == exported
    assert links_of(other)[12] == (None, "manual", None)
    # Only a row without an id goes by its SKU.
    renamed = [exported[0] | {"sku": "edited since"}]
    assert other.ask("variants/links", method="PUT", json=renamed).status_code == 200
    nameless = [{"sku": None, "host_product_id": first}]
    assert set(errors(other.ask("variants/links", method="PUT", json=nameless))) == {"0"}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"after": "x"}, {"changed_after": 1}])
def test_a_list_of_decisions_takes_a_cursor_alone(query: dict[str, Any], mirrored: Mirrored) -> None:
    assert set(errors(mirrored.ask("variants/links", query_string=query))) == set(query)


def test_links_are_a_permission_of_their_own(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add_variants(any_mirrored)
    host = any_mirrored.app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "_may", lambda action, instance: action != "link")
    for method, path in (("POST", "variants/11/link"), ("DELETE", "variants/11/link"), ("PUT", "variants/links")):
        assert any_mirrored.ask(path, method=method).status_code == 403
    assert any_mirrored.ids("variants") == [11, 12, 13, 21, 22]


def test_what_the_host_raises_undoes_the_link(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add_variants(any_mirrored)
    before = links_of(any_mirrored)

    def refuse(session: Session, instance: Any, ids: Any) -> None:
        raise ZeroDivisionError("of the host")

    monkeypatch.setattr(any_mirrored.app.extensions["bigcommerce_integration"].host, "products_changed", refuse)
    with pytest.raises(ZeroDivisionError, match="of the host"):
        any_mirrored.ask("variants/11/link", method="DELETE")
    assert links_of(any_mirrored) == before
    assert history_of(any_mirrored) == []


def test_a_host_that_cannot_say_what_is_missing_is_believed(mirrored: Mirrored) -> None:
    class Elder(Host):  # type: ignore[misc]
        """A host of an earlier version that inherits the port."""

        def tenant(self) -> str:
            return ""

        def may(self, action: str, instance: Any) -> bool:
            return True

    add_variants(mirrored)
    state = mirrored.app.extensions["bigcommerce_integration"]
    object.__setattr__(state, "host", Elder())
    answer = mirrored.ask("variants/11/link", method="POST", json={"host_product_id": 12345})
    assert (answer.status_code, links_of(mirrored)[11]) == (200, (12345, "manual", None))


@pytest.mark.parametrize("shared_app", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_a_frozen_worker_does_not_hang_the_request(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked, "LOCK_WAIT_S", 1)
    monkeypatch.setattr(link_operations, "QUICK_TRY_S", 0.5)
    add_variants(any_mirrored)
    leases = any_mirrored.tables.leases
    with any_mirrored.app.app_context():
        engine = any_mirrored.host_app.db.engine
    with Session(engine) as frozen:
        frozen.execute(update(leases).where(leases.c.instance_id == any_mirrored.instance_id).values(epoch=10))
        answer = any_mirrored.ask("variants/11/link", method="DELETE")
        assert (answer.status_code, answer.json.keys()) == (503, {"message"})
        frozen.rollback()
    assert any_mirrored.ask("variants/11/link", method="DELETE").status_code == 200
    assert links_of(any_mirrored)[11] == (None, "manual", None)


@pytest.mark.parametrize("shared_app", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_who_follows_the_changes_misses_none_while_others_write(any_mirrored: Mirrored) -> None:
    any_mirrored.add("variants", *({"bigcommerce_id": each} for each in range(1, 31)))
    products = any_mirrored.add_host_products(*(f"P{number}" for number in range(10)))
    seen: dict[int, Any] = {}
    ended = threading.Event()

    def follow() -> None:
        reached = 0
        while True:
            is_last_look = ended.is_set()
            page = any_mirrored.get("variants", changed_after=reached, limit=7)
            reached = page["meta"]["next_changed_after"]
            seen.update((row["bigcommerce_id"], row["host_product_id"]) for row in page["data"])
            if is_last_look and page["meta"]["is_last"]:
                return

    def write(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            variants = chance.sample(range(1, 31), 3)
            rows = [{"bigcommerce_id": each, "host_product_id": chance.choice(products)} for each in variants]
            assert any_mirrored.ask("variants/links", method="PUT", json=rows).status_code == 200

    with ThreadPoolExecutor(4) as threads:
        following = threads.submit(follow)
        writing = [threads.submit(write, seed) for seed in range(3)]
        for each in writing:
            each.result()
        ended.set()
        following.result()
    assert seen == {variant_id: link[0] for variant_id, link in links_of(any_mirrored).items()}
