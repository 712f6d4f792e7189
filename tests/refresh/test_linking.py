"""Links from variants to the host's products: the whole truth table, and never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from bigcommerce_integration import ProductDraft
from bigcommerce_integration.refresh.job.parameters import Mode
from bigcommerce_integration.refresh.linking import linker
from bigcommerce_integration.refresh.linking.rules import Decision, decide, folded
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import HostApp, bearer
from .conftest import Connect, Mirror


def shop(connect: Connect, skus: Sequence[str], *, link: bool = True, create: bool = True, **more: Any) -> Mirror:
    """A connected store with one product of one variant for each SKU; its refresh is still to run."""
    store = SandboxStore(0, 0)
    for sku in skus:
        add(store, sku)
    return connect(
        store,
        integration_settings__auto_link_products=link,
        integration_settings__auto_create_products=create,
        **more,
    )


def add(store: SandboxStore, sku: str, **fields: Any) -> int:
    """A product with one variant that has this SKU; the id of the variant."""
    product_id = store.create_product(variants=1, **fields)
    (variant,) = store.products[product_id].variants
    store.edit_variant(variant.id, sku=sku)
    return variant.id


def links(mirror: Mirror) -> dict[str, tuple[str | None, str | None]]:
    """By SKU: how it is linked and to which SKU of the host."""
    host = mirror.host_products()
    return {
        row["sku"]: (row["link_source"], None if row["host_product_id"] is None else host[row["host_product_id"]])
        for row in mirror.rows("variants")
    }


def conflict(mirror: Mirror, sku: str) -> str:
    (found,) = {row["link_conflict"] for row in mirror.rows("variants", sku=sku)}
    return str(found)


UNLINKED = (None, None)


# -- the table -----------------------------------------------------------------------------------------------------

TABLE = [
    # auto_link, auto_create, host products → choice
    (False, False, 0, "leave"),
    (False, False, 1, "leave"),
    (False, False, 2, "leave"),
    (True, False, 0, "leave"),
    (True, False, 1, "link"),
    (True, False, 2, "leave"),
    (False, True, 0, "create"),
    (False, True, 1, "leave"),
    (False, True, 2, "leave"),
    (True, True, 0, "create"),
    (True, True, 1, "link"),
    (True, True, 2, "leave"),
]


@pytest.mark.parametrize(("auto_link", "auto_create", "count", "choice"), TABLE)
def test_the_truth_table(auto_link: bool, auto_create: bool, count: int, choice: str):
    host = {"A": list(range(5, 5 + count))} if count else {}
    decision = decide("A", host=host, live_variants=1, auto_link=auto_link, auto_create=auto_create)
    assert decision.choice == choice
    assert decision.host_product_id == (5 if choice == "link" else None)
    assert (decision.conflict is not None) == (count == 2)


@pytest.mark.parametrize("auto_link", [False, True])
@pytest.mark.parametrize("auto_create", [False, True])
def test_the_truth_table_in_rows(connect_any: Connect, auto_link: bool, auto_create: bool):
    """With a SKU for each number of host products that have it."""
    mirror = shop(connect_any, ["SKU-0", "SKU-1", "SKU-2"], link=auto_link, create=auto_create)
    (one,) = [mirror.add_host_product(sku) for sku in ("SKU-1", "SKU-2", "SKU-2")][:1]
    mirror.completed("products")
    choices = [choice for link, create, _, choice in TABLE if (link, create) == (auto_link, auto_create)]
    sources = [{"link": "auto", "create": "created", "leave": None}[choice] for choice in choices]
    rows, refresh, host = mirror.rows("variants"), mirror.refresh("products"), mirror.host_products()
    assert [row["link_source"] for row in rows] == sources
    assert rows[1]["host_product_id"] == (one if auto_link else None)
    assert host.get(rows[0]["host_product_id"]) == ("SKU-0" if auto_create else None)
    assert (refresh["linked"], refresh["products_created"]) == (3 - choices.count("leave"), choices.count("create"))
    assert len(host) == 3 + choices.count("create")


@pytest.mark.parametrize("host", [{"a-1": [3]}, {"Ä-1": [3]}, {" A-1": [], "a-1": [3], "Á-1": [4]}])
def test_skus_equal_only_to_the_database_are_a_conflict(host: dict[str, list[int]]):
    assert decide("A-1", host=host, live_variants=1, auto_link=True, auto_create=True).conflict is not None


def test_blanks_around_the_host_s_sku_do_not_count():
    assert decide("A-1", host={"A-1 ": [3]}, live_variants=1, auto_link=True, auto_create=True) == Decision("link", 3)


@pytest.mark.parametrize(
    ("one", "other"), [("abc-1", "ABC-1 "), ("abc-1", "äbc-1"), ("Straße", "STRASSE"), ("ﬁt", "FIT")]
)
def test_skus_that_databases_may_take_for_equal_fold_to_one(one: str, other: str):
    assert folded(one) == folded(other)


# -- never a guess -------------------------------------------------------------------------------------------------


def test_blank_skus_are_left_alone(connect: Connect):
    mirror = shop(connect, ["", "   "]).completed("products")
    assert {row["link_source"] for row in mirror.rows("variants")} == {None}
    assert {row["link_conflict"] for row in mirror.rows("variants")} == {"The SKU is blank."}
    assert mirror.host_products() == {}


@pytest.mark.parametrize("page_size", [250, 2])
def test_a_sku_that_two_variants_have_links_neither(connect: Connect, page_size: int):
    """In one page, and over two pages."""
    mirror = shop(connect, ["X", "T-1", "Y", "Z", "T-1 "], settings={"page_size": page_size, "concurrency": 1})
    mirror.add_host_product("T-1")
    mirror.completed("products")
    found = links(mirror)
    assert (found["T-1"], found["T-1 "]) == (UNLINKED, UNLINKED)
    assert "2 variants" in conflict(mirror, "T-1")
    assert "2 variants" in conflict(mirror, "T-1 ")
    assert [found[sku][0] for sku in ("X", "Y", "Z")] == ["created"] * 3


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_second_variant_removes_the_automatic_link_until_it_goes(connect: Connect, mode: Mode):
    mirror = shop(connect, ["T-1"], create=False)
    mirror.add_host_product("T-1")
    mirror.completed("products")
    assert links(mirror) == {"T-1": ("auto", "T-1")}
    second = add(mirror.store, "T-1")
    mirror.again("products", mode=mode)
    assert links(mirror) == {"T-1": UNLINKED}
    assert "2 variants" in conflict(mirror, "T-1")
    mirror.store.edit_variant(second, sku="T-2")
    mirror.again("products", mode=mode)
    assert links(mirror) == {"T-1": ("auto", "T-1"), "T-2": UNLINKED}
    assert {row["link_conflict"] for row in mirror.rows("variants")} == {None}


def test_products_are_made_where_the_twin_has_gone(connect: Connect):
    mirror = shop(connect, ["T-1", "T-1"]).completed("products")
    assert links(mirror) == {"T-1": UNLINKED}
    mirror.store.edit_variant(mirror.ids("variants")[1], sku="T-2")
    mirror.again("products", mode="incremental")
    assert links(mirror) == {"T-1": ("created", "T-1"), "T-2": ("created", "T-2")}


def test_a_second_variant_leaves_a_created_link_as_it_is(connect: Connect):
    mirror = shop(connect, ["T-1"]).completed("products")
    add(mirror.store, "T-1")
    mirror.again("products")
    first, second = mirror.rows("variants")
    assert first["link_source"] == "created"
    assert (second["link_source"], second["link_conflict"]) == (None, "2 variants of the store have this SKU.")
    assert len(mirror.host_products()) == 1


@pytest.mark.parametrize("create", [True, False])
def test_skus_that_differ_by_case_blank_or_accent_are_kept_apart(connect_any: Connect, create: bool):
    """Whatever the database calls equal: each is linked to its very own spelling, or is shown as a conflict."""
    mirror = shop(connect_any, ["ABC-1 ", "äbc-1", "new"], create=create)
    own = mirror.add_host_product("abc-1")
    mirror.completed("products")
    found, host = links(mirror), mirror.host_products()
    assert found["ABC-1 "] == UNLINKED
    assert "'abc-1'" in conflict(mirror, "ABC-1 ")
    # MariaDB's collation makes one of these; SQLite and PostgreSQL tell them apart, so there it is a new product.
    if found["äbc-1"] == UNLINKED and create:
        assert "'abc-1'" in conflict(mirror, "äbc-1")
    else:
        assert found["äbc-1"] == (("created", "äbc-1") if create else UNLINKED)
    assert host[own] == "abc-1"
    assert own not in {row["host_product_id"] for row in mirror.rows("variants")}
    assert found["new"] == (("created", "new") if create else UNLINKED)


def test_skus_differing_by_case_link_apart_or_show_a_conflict(connect_any: Connect):
    mirror = shop(connect_any, ["abc-1", "ABC-1 ", "äbc-1"]).completed("products")
    for row in mirror.rows("variants"):
        if row["host_product_id"] is None:
            assert "has nearly this SKU" in row["link_conflict"]
        else:
            assert mirror.host_products()[row["host_product_id"]] == row["sku_key"]
    assert links(mirror)["abc-1"] == ("created", "abc-1")
    assert links(mirror)["ABC-1 "] == UNLINKED


# -- what a hand has decided, what was made, what follows the store -----------------------------------------------


@pytest.mark.parametrize("to", ["another product", "nothing"])
def test_a_decision_by_hand_is_kept(connect: Connect, to: str):
    mirror = shop(connect, ["A"], create=False)
    mirror.add_host_product("A")
    other = mirror.add_host_product("another") if to == "another product" else None
    mirror.completed("products")
    variants = mirror.table("variants")
    mirror.execute(update(variants).values(host_product_id=other, link_source="manual"))
    mirror.add_host_product("B")
    mirror.store.edit_variant(mirror.ids("variants")[0], sku="B")
    mirror.again("products")
    (row,) = mirror.rows("variants")
    assert (row["sku"], row["host_product_id"], row["link_source"]) == ("B", other, "manual")


def test_an_edited_sku_relinks_what_was_linked_by_itself(connect: Connect):
    mirror = shop(connect, ["A"], create=False)
    first, second = mirror.add_host_product("A"), mirror.add_host_product("B")
    mirror.completed("products")
    assert mirror.rows("variants")[0]["host_product_id"] == first
    (variant_id,) = mirror.ids("variants")
    mirror.store.edit_variant(variant_id, sku="B")
    mirror.again("products")
    assert mirror.rows("variants")[0]["host_product_id"] == second
    mirror.store.edit_variant(variant_id, sku="C")
    mirror.again("products")
    assert links(mirror) == {"C": UNLINKED}


def test_an_edited_sku_leaves_the_product_that_was_made_for_it(connect: Connect):
    mirror = shop(connect, ["A"]).completed("products")
    (made,) = mirror.host_products()
    mirror.store.edit_variant(mirror.ids("variants")[0], sku="B")
    mirror.again("products")
    (row,) = mirror.rows("variants")
    assert (row["sku"], row["host_product_id"], row["link_source"]) == ("B", made, "created")
    assert len(mirror.host_products()) == 1


def test_host_product_made_between_refreshes_is_linked_next(connect: Connect):
    mirror = shop(connect, ["A"], create=False).completed("products")
    assert links(mirror) == {"A": UNLINKED}
    before = mirror.rows("variants")[0]
    mirror.add_host_product("A")
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    mirror.again("products")
    (after,) = mirror.rows("variants")
    assert links(mirror) == {"A": ("auto", "A")}
    assert after["change_number"] > before["change_number"]
    assert after["observed_at"] == before["observed_at"], "the link is ours, the store said nothing new"
    assert told == mirror.ids("products")


def test_the_pass_goes_on_where_its_first_transaction_ended(connect: Connect, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(linker, "PASS_SIZE", 3)
    skus = [f"S-{number}" for number in range(8)]
    mirror = shop(connect, ["", "", *skus]).completed("products")
    assert [links(mirror)[sku] for sku in skus] == [("created", sku) for sku in skus]


# -- making host products -----------------------------------------------------------------------------------------


def test_a_draft_has_the_variant_s_own_price_or_the_product_s(connect: Connect):
    mirror = shop(connect, ["own", "inherited"])
    own, inherited = mirror.store.variant_ids
    mirror.store.edit_variant(own, price=7.5)
    mirror.store.edit_variant(inherited, price=None)
    mirror.store.edit_product(mirror.store.product_ids[1], price=9.25, name="Cup\x00")
    drafts: list[ProductDraft] = []
    original = mirror.host.create_products

    def create(session: Session, instance: Any, asked: Sequence[ProductDraft]) -> Any:
        drafts.extend(asked)
        return original(session, instance, asked)

    mirror.host.create_products = create
    mirror.completed("products")
    assert [(draft.sku, float(draft.price or 0)) for draft in drafts] == [("own", 7.5), ("inherited", 9.25)]
    assert drafts[1].name == "Cup\ufffd"
    assert [draft.bigcommerce_variant_id for draft in drafts] == [own, inherited]
    assert [draft.bigcommerce_product_id for draft in drafts] == mirror.store.product_ids


def test_refused_draft_stays_unlinked_and_the_others_are_created(connect_any: Connect):
    mirror = shop(connect_any, ["good", "bad", "fine"])
    original = mirror.host.create_products

    def create(session: Session, instance: Any, drafts: Sequence[ProductDraft]) -> Any:
        made = original(session, instance, drafts)
        if any(draft.sku == "bad" for draft in drafts):
            raise ValueError("no product may be bad")
        return made

    mirror.host.create_products = create
    mirror.completed("products")
    assert links(mirror) == {"good": ("created", "good"), "bad": UNLINKED, "fine": ("created", "fine")}
    assert "no product may be bad" in conflict(mirror, "bad")
    assert sorted(mirror.host_products().values()) == ["fine", "good"]


def test_a_draft_that_the_host_passes_over_stays_unlinked(connect: Connect):
    mirror = shop(connect, ["A"])
    mirror.host.create_products = lambda session, instance, drafts: {}
    mirror.completed("products")
    assert links(mirror) == {"A": UNLINKED}
    assert "made no product" in conflict(mirror, "A")


def test_a_race_with_the_host_s_own_insert_ends_in_a_link(connect_any: Connect, host_app: HostApp):
    table = host_app.Product.__table__
    mirror = shop(connect_any, ["A", "B"])
    mirror.execute(text("CREATE UNIQUE INDEX one_product_a_sku ON product (sku)"))
    original, raced = mirror.host.products_by_sku, []

    def asked(session: Session, instance: Any, skus: Sequence[str]) -> Any:
        found = original(session, instance, skus)
        if "A" in skus and not raced and not found:
            # As seen from here the host has no such product; before we make one, it has.
            raced.append(1)
            session.execute(table.insert().values(sku="A", name="Of the host"))
        return found

    mirror.host.products_by_sku = asked
    # The pass at the end, not the page, is where products are made.
    mirror.host.products_changed = lambda session, instance, ids: None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bigcommerce_integration.refresh.run.products.link_changed", lambda tx, ids, new: linker.Links())
        mirror.completed("products")
    assert links(mirror) == {"A": ("auto", "A"), "B": ("created", "B")}
    assert sorted(mirror.host_products().values()) == ["A", "B"]


def test_what_is_deleted_or_only_referred_to_makes_nothing(connect: Connect):
    mirror = shop(connect, [], create=False)
    add(mirror.store, "gone", date_modified="2020-01-01T00:00:00+00:00")
    mirror.completed("products")
    products, variants = mirror.table("products"), mirror.table("variants")
    instances = mirror.table("instances")
    mirror.execute(update(instances).values(auto_create_products=True))
    # Refreshes that do not read the product again, but link.
    for table, values in (
        (products, {"is_only_referenced": True}),
        (products, {"deleted_at": products.c.observed_at}),
        (variants, {"deleted_at": variants.c.observed_at}),
    ):
        mirror.execute(update(table).values(values))
        mirror.let_link_interval_pass().again("products", mode="incremental")
        assert mirror.host_products() == {}
        mirror.execute(update(table).values({name: False if name.startswith("is_") else None for name in values}))
    mirror.let_link_interval_pass().again("products", mode="incremental")
    assert list(mirror.host_products().values()) == ["gone"]


def test_old_products_are_linked_and_never_created(connect: Connect):
    store = SandboxStore(0, 0)
    add(store, "old", date_created="2012-01-01T00:00:00+00:00", date_modified="2012-01-01T00:00:00+00:00")
    store.create_order(lines=1)
    mirror = connect(
        store,
        integration_settings__start_date="2020-01-01",
        integration_settings__auto_create_products=True,
    ).completed()
    (product,) = mirror.rows("products")
    assert product["is_only_referenced"]
    assert mirror.host_products() == {}
    mirror.add_host_product("old")
    mirror.again("products")
    assert links(mirror) == {"old": ("auto", "old")}


def test_one_page_asks_the_host_once(connect: Connect):
    mirror = shop(connect, [f"S-{number}" for number in range(40)], create=False)
    calls: list[int] = []
    original = mirror.host.products_by_sku

    def asked(session: Session, instance: Any, skus: Sequence[str]) -> Any:
        calls.append(len(skus))
        return original(session, instance, skus)

    mirror.host.products_by_sku = asked
    mirror.completed("products")
    assert calls == [40, 40], "once with the page, once in the pass at the end"


def test_order_line_finds_the_host_product_by_its_variant(connect: Connect):
    store = SandboxStore(0, 0)
    add(store, "A")
    store.create_order(lines=1)
    mirror = connect(store, integration_settings__auto_create_products=True).completed()
    lines, variants = mirror.table("order_lines"), mirror.table("variants")
    statement = select(variants.c.host_product_id).join(
        lines,
        (lines.c.instance_id == variants.c.instance_id) & (lines.c.bigcommerce_variant_id == variants.c.bigcommerce_id),
    )
    found = mirror.transaction(lambda session: session.execute(statement).scalars().all())
    assert list(found) == list(mirror.host_products())


# -- what could not be linked is told -----------------------------------------------------------------------------


def health(mirror: Mirror) -> dict[str, Any]:
    answer = mirror.app.test_client().get(f"/api/big-commerce/{mirror.instance_id}", headers=bearer(mirror.app))
    told: dict[str, Any] = answer.json["data"]["health"]["products"]
    return told


def test_draft_the_host_refuses_is_counted_and_reported(
    connect_any: Connect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 3)
    mirror = shop(connect_any, [*(f"S-{number}" for number in range(7)), "T", "T"])
    original = mirror.host.create_products

    def create(session: Session, instance: Any, drafts: Sequence[ProductDraft]) -> Any:
        made = original(session, instance, drafts)
        if any(draft.sku != "S-3" for draft in drafts):
            raise ValueError("company_id is required")
        return made

    mirror.host.create_products = create
    mirror.completed("products")
    refresh = mirror.refresh("products")
    assert (refresh["refused"], refresh["conflicts"], refresh["products_created"]) == (6, 2, 1)
    assert refresh["message"].startswith(
        "Completed. Your system did not make 6 products that it lacks. 2 variants could not"
    )
    assert "company_id is required" in refresh["message"]
    told = [each for each in caplog.records if each.levelname == "WARNING" and "company_id" in each.getMessage()]
    assert len(told) == 1
    assert told[0].refresh_id == mirror.refreshes["products"]  # type: ignore[attr-defined]
    assert (health(mirror)["refused"], health(mirror)["conflicts"]) == (6, 2)
    # Nothing is doubled by the next one, and nothing stays told that is mended.
    mirror.let_link_interval_pass().again("products", mode="incremental")
    assert (mirror.refresh("products")["refused"], mirror.refresh("products")["conflicts"]) == (6, 2)
    mirror.host.create_products = original
    mirror.again("products", mode="incremental")
    assert (mirror.refresh("products")["refused"], mirror.refresh("products")["conflicts"]) == (0, 0)
    assert (health(mirror)["refused"], health(mirror)["conflicts"]) == (6, 2), "as the last pass over all left them"
    mirror.let_link_interval_pass().again("products", mode="incremental")
    assert (health(mirror)["refused"], health(mirror)["conflicts"]) == (0, 2)


def test_a_pass_that_is_done_again_counts_once(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 2)
    mirror = shop(connect, [""] * 5).with_settings(slice_s=0.0)
    original, passes = linker.link_pass, []

    def fall_over(tx: Any, after: int) -> Any:
        passes.append(after)
        if len(passes) in (2, 3):
            raise ConnectionError("the worker is gone")
        return original(tx, after)

    monkeypatch.setattr("bigcommerce_integration.refresh.linking.passes.link_pass", fall_over)
    for _ in range(50):
        try:
            mirror.completed("products")
            break
        except ConnectionError:
            mirror.let_time_pass("products")
    assert len(passes) > 3
    assert mirror.refresh("products")["conflicts"] == 5


def test_one_conflict_is_reported_in_the_singular(connect: Connect) -> None:
    mirror = shop(connect, ["", "A"]).completed("products")
    assert mirror.refresh("products")["message"] == (
        "Completed. One variant could not be linked. The first reason: The SKU is blank. "
        "The list of variants with conflict=true has all."
    )
    assert mirror.refresh("products")["refused"] == 0


# -- host products that are deleted -------------------------------------------------------------------------------


def delete_host_product(mirror: Mirror, *ids: Any) -> None:
    table = mirror.host_app.Product.__table__
    mirror.execute(table.delete().where(table.c.id.in_(ids)))


@pytest.mark.parametrize("source", ["auto", "created", "manual"])
def test_a_deleted_host_product_unlinks_in_the_sweep(connect_any: Connect, source: str) -> None:
    mirror = shop(connect_any, ["A", "B"])
    gone, kept = mirror.add_host_product("A"), mirror.add_host_product("B")
    mirror.completed("products")
    variants = mirror.table("variants")
    mirror.execute(update(variants).where(variants.c.sku == "A").values(link_source=source))
    delete_host_product(mirror, gone)
    mirror.again("products", mode="incremental")
    assert mirror.rows("variants", sku="A")[0]["host_product_id"] == gone
    told: list[int] = []
    mirror.host.products_changed = lambda session, instance, ids: told.extend(ids)
    mirror.again("products")
    (row,) = mirror.rows("variants", sku="A")
    assert (row["host_product_id"], row["link_source"]) == (None, None)
    assert row["link_conflict"] == f"Your product number {gone}, to which it was linked, no longer exists."
    assert mirror.rows("variants", sku="B")[0]["host_product_id"] == kept
    assert told == [row["bigcommerce_product_id"]]
    assert mirror.refresh("products")["conflicts"] == 1
    path = f"/api/big-commerce/{mirror.instance_id}/explain?sku=A"
    reasons = mirror.app.test_client().get(path, headers=bearer(mirror.app)).json["data"]["reasons"]
    assert reasons[0]["code"] == "host_product_gone"
    # Nothing is made in place of what somebody deleted; another product with the SKU links, in any pass.
    assert "A" not in mirror.host_products().values()
    again = mirror.add_host_product("A")
    mirror.let_link_interval_pass().again("products", mode="incremental")
    (row,) = mirror.rows("variants", sku="A")
    assert (row["host_product_id"], row["link_source"], row["link_conflict"]) == (again, "auto", None)


def test_a_link_goes_to_the_product_that_took_its_place(connect: Connect) -> None:
    mirror = shop(connect, ["A"], create=False)
    gone = mirror.add_host_product("A")
    mirror.completed("products")
    delete_host_product(mirror, gone)
    new = mirror.add_host_product("A", name="In its place")
    while new == gone:  # SQLite gives the last id again
        new = mirror.add_host_product("Another")
    mirror.again("products")
    assert mirror.rows("variants")[0]["link_source"] == "auto"
    assert mirror.host_products()[mirror.rows("variants")[0]["host_product_id"]] == "A"


def test_links_are_checked_in_batches(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 3)
    mirror = shop(connect, [f"S-{number}" for number in range(8)]).with_settings(slice_s=0.0).completed("products")
    delete_host_product(mirror, *[each for each, sku in mirror.host_products().items() if sku in ("S-1", "S-7")])
    asked: list[int] = []
    original = mirror.host.products_missing

    def missing(session: Session, instance: Any, ids: Sequence[Any]) -> Any:
        asked.append(len(ids))
        return original(session, instance, ids)

    mirror.host.products_missing = missing
    mirror.again("products")
    assert sum(asked) >= 8
    assert max(asked) == 3
    assert [sku for sku, link in links(mirror).items() if link == UNLINKED] == ["S-1", "S-7"]


def test_too_many_deleted_host_products_unlink_nothing(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linker, "PASS_SIZE", 10)
    mirror = shop(connect, [f"S-{number}" for number in range(25)]).completed("products")
    delete_host_product(mirror, *mirror.host_products())
    before = mirror.rows("variants")
    mirror.start("products").run("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert refresh["message"].startswith("The host says that the products of 25 of 25 linked variants do not exist")
    assert mirror.rows("variants") == before
    mirror.again("products", allow_mass_delete=True)
    assert set(links(mirror).values()) == {UNLINKED}


@pytest.mark.parametrize("answer", [None, []])
def test_host_without_an_answer_about_products_keeps_links(connect: Connect, answer: Any) -> None:
    mirror = shop(connect, ["A"]).completed("products")
    mirror.host.products_missing = lambda session, instance, ids: answer
    delete_host_product(mirror, *mirror.host_products())
    mirror.again("products")
    assert mirror.rows("variants")[0]["link_source"] == "created"
