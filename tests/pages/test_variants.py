"""The pages of variants and products: what is linked, what is not and why, and how a person decides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from bigcommerce_integration.host.sqlalchemy import SQLAlchemyHost
from bigcommerce_integration.operations.links import candidates
from bigcommerce_integration.operations.lists import variants

from ..web.mirrored import NOON, Mirrored
from .browsing import HERE, PAGES, Browser

SIMILAR = {"link_conflict": "A host SKU differs only by case.", "link_conflict_code": "similar_sku_in_host"}


def add_variants(listed: Mirrored, *rows: dict[str, Any]) -> str:
    """Variants of one product, numbered from 11; the path of their list."""
    listed.add("products", {"bigcommerce_id": 1, "name": "<b>Mug</b>", "sku": "MUG"})
    for number, row in enumerate(rows, 11):
        listed.add("variants", {"bigcommerce_id": number, "sku_key": row.get("sku"), **row})
    return f"/{listed.instance_id}/variants"


def link_of(listed: Mirrored, number: int) -> tuple[Any, Any]:
    (row,) = listed.rows("variants", instance_id=listed.instance_id, bigcommerce_id=number)
    return row["host_product_id"], row["link_source"]


@pytest.fixture
def statements(listed: Mirrored) -> Iterator[Callable[[], list[str]]]:
    """What is asked of the database."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    with listed.app.app_context():
        engine = listed.host_app.db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield lambda: seen
    event.remove(engine, "before_cursor_execute", note)


def test_variants_are_counted_and_shown_by_state(listed: Mirrored, reader: Browser) -> None:
    path = add_variants(
        listed,
        {"sku": "A", "host_product_id": 5, "link_source": "auto"},
        {"sku": "B"},
        {"sku": "C", **SIMILAR},
        {"sku": "D", "link_source": "manual"},
        {"sku": "E", "deleted_at": NOON},
    )
    page = reader.get(path)
    for state in ("Linked 1", "Not linked 2", "Unclear 1", "Left alone 1"):
        assert state in page.text
    assert {"A", "B", "C", "D"} <= page.links.keys()
    assert "E" not in page.links
    shown = {name: reader.get(page.links[name]) for name in ("Linked", "Not linked", "Unclear", "Left alone")}
    found = {name: sorted(set("ABCDE") & each.links.keys()) for name, each in shown.items()}
    assert found == {"Linked": ["A"], "Not linked": ["B", "C"], "Unclear": ["C"], "Left alone": ["D"]}
    assert "One of your products has nearly this SKU" in shown["Unclear"].text


def test_text_of_the_store_is_text(listed: Mirrored, reader: Browser) -> None:
    path = add_variants(listed, {"sku": '"><script>x</script>'})
    for each in (path, f"{path}/11", f"/{listed.instance_id}/products", f"/{listed.instance_id}/products/1"):
        page = reader.get(each)
        assert "<b>Mug" not in page.answer.text
        assert "<script>x" not in page.answer.text
        assert "<b>Mug</b>" in page.text


def test_filters_of_variants_are_kept_from_page_to_page(listed: Mirrored, reader: Browser) -> None:
    path = add_variants(listed, *({"sku": f"MUG-{number:02}"} for number in range(7)), {"sku": "CUP"})
    first = reader.get(f"{path}?q=mug&linked=false&limit=3")
    assert [name for name in first.links if name.startswith("MUG-")] == ["MUG-00", "MUG-01", "MUG-02"]
    assert first.form("linked").fields["q"] == "mug"
    assert first.form("linked").fields["linked"] == "false"
    second = reader.get(first.links["Next page"])
    third = reader.get(second.links["Next page"])
    assert [name for name in third.links if name.startswith(("MUG-", "CUP"))] == ["MUG-06"]
    assert "Next page" not in third.links
    assert "MUG-00" in reader.get(third.links["First page"]).links


def test_an_empty_list_says_why_and_what_to_do(listed: Mirrored, reader: Browser) -> None:
    path = f"/{listed.instance_id}/variants"
    page = reader.get(path)
    assert "No variants are stored yet. They come with the first import." in page.text
    assert "Watch the import" in page.links
    add_variants(listed, {"sku": "A"})
    page = reader.get(f"{path}?q=nothing")
    assert "No variants match these filters." in page.text
    assert "A" in reader.get(page.links["Show all"]).links
    assert "Must be true or false." in reader.get(f"{path}?linked=maybe", 422).text


def test_a_variant_is_linked_by_sku_or_number(listed: Mirrored, reader: Browser) -> None:
    product, other = listed.add_host_products("mug-1", "CUP")
    path = f"{add_variants(listed, {'sku': 'MUG-1', **SIMILAR})}/11"
    form = reader.get(path).form("sku")
    page = reader.send(form, 422, sku="MUG-1")
    assert "None of your products has this SKU. You have one with the SKU mug-1." in page.text
    assert page.form("sku").fields["sku"] == "MUG-1"
    assert "You have no product with this id." in reader.send(form, 422, host_product_id="999").text
    assert "Must be a whole number." in reader.send(form, 422, host_product_id="x").text
    assert "Give the SKU of your product, or its number." in reader.send(form, 422).text
    assert link_of(listed, 11) == (None, None)
    page = reader.follow(reader.send(form, sku="CUP"))
    assert "The variant is linked." in page.text
    assert link_of(listed, 11) == (other, "manual")
    reader.send(form, host_product_id=str(product))
    assert link_of(listed, 11) == (product, "manual")
    page = reader.get(path)
    unlink = next(each for each in page.forms if each.fields.get("do") == "leave")
    page = reader.follow(reader.send(unlink))
    assert link_of(listed, 11) == (None, "manual")
    assert "somebody decided to leave it unlinked" in page.text


def test_the_nearest_product_is_one_press_away(listed: Mirrored, reader: Browser) -> None:
    (product,) = listed.add_host_products("mug-1")
    path = add_variants(listed, {"sku": "MUG-1", **SIMILAR})
    assert "Nearest: mug-1" in reader.get(path).text
    page = reader.get(f"{path}/11")
    (form,) = [each for each in page.forms if each.fields.get("host_product_id") == str(product)]
    reader.send(form)
    assert link_of(listed, 11) == (product, "manual")


def test_products_of_the_host_are_searched(listed: Mirrored, reader: Browser) -> None:
    cup, mug = listed.add_host_products("CUP-7", "OTHER")
    path = f"{add_variants(listed, {'sku': 'MUG-1'})}/11"
    assert "No similar product of yours was found." in reader.get(path).text
    page = reader.get(f"{path}?find=cup")
    assert [form.fields["host_product_id"] for form in page.forms if "host_product_id" in form.fields] == [str(cup), ""]
    assert 'name="find" type="search" value="cup"' in page.answer.text
    page = reader.get(f"{path}?find=of+the+host")
    assert {str(cup), str(mug)} <= {form.fields.get("host_product_id") for form in page.forms}
    assert "None of your products was found." in reader.get(f"{path}?find=nothing").text


def test_many_are_linked_after_a_preview(listed: Mirrored, reader: Browser) -> None:
    near, _, accented = listed.add_host_products("mug-1", "twice", "cafe")
    listed.add_host_products("TWICE")
    path = add_variants(
        listed,
        {"sku": "MUG-1", **SIMILAR},
        {"sku": "Twice", **SIMILAR},
        {"sku": "CAFÉ", **SIMILAR},
        {"sku": "OTHER"},
    )
    page = reader.get(reader.get(path).links["See those that differ by upper and lower case only, and link them"])
    assert "1 variant is shown here. Nothing is done yet." in page.text
    assert link_of(listed, 11) == (None, None)
    (form,) = [each for each in page.forms if each.fields.get("do") == "link_alike"]
    page = reader.follow(reader.send(form))
    assert "It is done." in page.text
    assert link_of(listed, 11) == (near, "manual")
    assert accented not in {link_of(listed, number)[0] for number in (12, 13, 14)}
    (deed,) = [row for row in listed.rows("history", instance_id=listed.instance_id) if row["action"] == "link"]
    assert deed["done_by"] == "ada"


def test_all_suggestions_are_used_after_a_preview(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, cafe = listed.add_host_products("mug-1", "cafe")
    near = {"MUG-1": [candidates.Product(mug, "mug-1")], "CAFÉ": [candidates.Product(cafe, "cafe")]}
    # As a database says that takes both for one.
    monkeypatch.setattr(candidates, "candidates", lambda context, skus: near)
    path = add_variants(listed, {"sku": "MUG-1", **SIMILAR}, {"sku": "CAFÉ", **SIMILAR}, {"sku": "FREE", **SIMILAR})
    assert "do=use_suggested" in reader.get(path).links["see all suggestions, and use these"]
    assert "1 variant is shown here." in reader.get(f"{path}/many?do=link_alike").text
    assert "1 variant is shown here." in reader.get(f"{path}/many?do=use_suggested&q=caf").text
    page = reader.get(f"{path}/many?do=use_suggested")
    assert "2 variants are shown here. Nothing is done yet." in page.text
    (form,) = [each for each in page.forms if "pair" in each.fields]
    pairs = [f"11={mug}", f"12={cafe}"]
    answer = reader.client.post(f"{PAGES}{path}/many", data={**form.fields, "pair": pairs}, headers=HERE)
    assert answer.status_code == 303
    assert [link_of(listed, number)[0] for number in (11, 12, 13)] == [mug, cafe, None]


def test_what_is_counted_is_kept_until_a_variant_changes(
    listed: Mirrored, reader: Browser, statements: Callable[[], list[str]]
) -> None:
    path = add_variants(listed, {"sku": "A"}, {"sku": "B"})
    for address in (path, f"/{listed.instance_id}"):
        reader.get(address)
        before = len(statements())
        text = reader.get(address).text
        counting = [each for each in statements()[before:] if re.match(r"SELECT (.*, )?count\(\w+\.", each)]
        assert [each for each in counting if "bigcommerce_variants" in each] == [], address
        assert "2" in text
    listed.add("variants", {"bigcommerce_id": 13, "sku": "C", "sku_key": "C"})
    assert "Not linked 3" in reader.get(path).text


def test_a_product_that_two_variants_might_be_is_for_none(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST_ALIKE", 2)
    listed.add_host_products("mug-1", "cup")
    path = add_variants(listed, {"sku": "MUG-1", **SIMILAR}, {"sku": "Mug-1", **SIMILAR}, {"sku": "CUP", **SIMILAR})
    page = reader.get(f"{path}/many?do=link_alike")
    assert "1 variant is shown here." in page.text
    assert "CUP" in page.links


def test_what_changed_since_the_preview_is_left_alone(listed: Mirrored, reader: Browser) -> None:
    listed.add_host_products("mug-1", "mug-2")
    path = add_variants(listed, {"sku": "MUG-1", **SIMILAR}, {"sku": "B"})
    form = next(
        each for each in reader.get(f"{path}/many?do=link_alike").forms if each.fields.get("do") == "link_alike"
    )
    table = listed.tables.variants
    listed.execute(table.update().where(table.c.bigcommerce_id == 11).values(sku="MUG-2", sku_key="MUG-2"))
    page = reader.follow(reader.send(form))
    assert "those are left as they are" in page.text
    assert link_of(listed, 11) == (None, None)


def test_chosen_ones_are_left_unlinked(listed: Mirrored, reader: Browser) -> None:
    path = add_variants(
        listed, {"sku": "A"}, {"sku": "B"}, {"sku": "C"}, {"sku": "D", "host_product_id": 5, "link_source": "auto"}
    )
    page = reader.get(f"{path}/many?do=leave&ids=11&ids=13&ids=14&ids=x")
    assert "Leave 2 variants unlinked" in page.text
    (form,) = [each for each in page.forms if "pair" in each.fields]
    answer = reader.client.post(
        form.action,
        data={**form.fields, "pair": ["11=", "13=", "14="]},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert "done=decided_in_part" in answer.headers["Location"]
    assert [link_of(listed, number)[1] for number in (11, 12, 13, 14)] == ["manual", None, "manual", "auto"]


def test_a_decision_is_about_so_many_at_once(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pages.views.variants.many", "operations.links.candidates"):
        monkeypatch.setattr(f"bigcommerce_integration.{module}.MOST_ALIKE", 2)
    assert candidates.MOST_ALIKE == 2
    path = add_variants(listed, *({"sku": each} for each in "ABC"))
    page = reader.get(f"{path}/many?do=leave")
    assert "2 variants are shown here. Nothing is done yet. There may be more" in page.text
    reader.get(f"{path}/many?do=explode", 422)


def test_counts_stop_at_a_bound(listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "MOST_COUNTED", 2)
    path = add_variants(listed, *({"sku": each} for each in "ABC"))
    assert "Not linked 2+" in reader.get(path).text


def test_one_product_shows_its_variants(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed, {"sku": "A", "price": "12.5"}, {"sku": "B", "deleted_at": NOON})
    page = reader.get(reader.get(f"/{listed.instance_id}/products?q=mug").links["<b>Mug</b>"])
    assert {"A", "B"} <= page.links.keys()
    assert "Gone from the store" in page.text
    assert "12.50" in page.text
    reader.get(f"/{listed.instance_id}/products/99", 404)
    reader.get(f"/{listed.instance_id}/variants/99", 404)


def test_your_products_are_shown_by_sku_and_name(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    cup, _ = listed.add_host_products("CUP-7", "cup-8")
    path = add_variants(listed, {"sku": "A"}, {"sku": "-", "sku_key": "-"})
    form = reader.get(f"{path}/11").form("sku")
    assert "by hand or by file" in reader.follow(reader.send(form, sku="CUP-7")).text
    pages = (path, f"{path}/11", f"/{listed.instance_id}/products/1", f"/{listed.instance_id}/history")
    for each in pages:
        assert "CUP-7" in reader.get(each).text, each
    assert "Variant 11: – → CUP-7" in reader.get(pages[-1]).text
    assert "It is linked to your product CUP-7 (Of the host), by hand or by file." in reader.get("/find?q=A").text
    assert "No similar product of yours was found." in reader.get(f"{path}/12").text
    monkeypatch.setattr(SQLAlchemyHost, "products_by_id", lambda *arguments: None)
    assert f"Variant 11: – → {cup}" in reader.get(pages[-1]).text
    assert "CUP-7" not in reader.get(path).text


@pytest.mark.parametrize("payload", ["{}", "[1]", "no JSON", '{"variants": [{"id": "x", "option_values": [3]}, null]}'])
def test_variants_without_a_sku_are_told_apart(payload: str, listed: Mirrored, reader: Browser) -> None:
    path = add_variants(listed, {"sku": None}, {"sku": None}, {"sku": "A"})
    table = listed.tables.products
    values = [{"option_display_name": "Colour", "label": "<i>Red"}, {"option_display_name": "Size", "label": "L"}]
    stored = json.dumps({"variants": [{"id": number, "option_values": values} for number in (11, 13)]})
    listed.execute(table.update().values(payload=stored))
    for each in (path, f"/{listed.instance_id}/products/1"):
        page = reader.get(each)
        assert "no SKU number 11 Colour: <i>Red, Size: L" in page.text
        assert page.text.count("Colour:") == 1, "the others have no need, or no options"
        assert "no SKU number 12" in page.text
    listed.execute(table.update().values(payload=payload))
    assert "Colour" not in reader.get(path).text


def test_variants_without_a_link_are_no_red_alert(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed, {"sku": "A", **SIMILAR})
    for path in ("/", f"/{listed.instance_id}"):
        page = reader.get(path)
        assert "1 variant could not be linked" in page.text
        badges = [part for part in page.answer.text.split("<span ") if "Needs you</span>" in part]
        assert badges
        assert all('class="bc-badge bc-wait"' in each for each in badges if "SKU is blank" in each)
        assert any("SKU is blank" in each for each in badges)
