"""Variants mapped by a file: taken away, filled in, sent back, looked at, applied, undone."""

from __future__ import annotations

import csv
import io
from threading import Event
from typing import Any

import pytest

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.operations.imports import upload
from bigcommerce_integration.pages.views import mapping
from bigcommerce_integration.spreadsheets.job import advance_imports

from ..web.mirrored import Mirrored
from .browsing import HERE, Browser, Page
from .test_records import may_not

FORM = "multipart/form-data; boundary=edge"


def add_variants(listed: Mirrored) -> None:
    listed.add("products", {"bigcommerce_id": 1, "name": "<b>Mug</b>"})
    rows = [{"bigcommerce_id": number, "sku": f"V-{number}", "sku_key": f"V-{number}"} for number in (11, 12, 13, 14)]
    listed.add("variants", *rows)


def send(reader: Browser, path: str, data: bytes | str, status: int = 303, name: str = "filled in.csv") -> Page:
    """Send a file by the form of the page."""
    answer = post(reader, reader.get(path).form("file").action, data, name)
    assert answer.status_code == status, answer.text
    return Page(answer)


def post(reader: Browser, action: str, data: bytes | str, name: str = "filled in.csv") -> Any:
    """What a browser sends of a form with a file."""
    content = data.encode() if isinstance(data, str) else data
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    body = b"".join((head.encode(), content, b"\r\n--edge--\r\n"))
    return reader.client.post(action, data=body, headers=HERE, content_type=FORM)


def work(listed: Mirrored) -> None:
    with listed.app.app_context():
        while advance_imports(engine_of(state_of(listed.app), Event())):
            pass


def links(listed: Mirrored) -> dict[int, Any]:
    rows = listed.rows("variants", instance_id=listed.instance_id)
    return {row["bigcommerce_id"]: (row["host_product_id"], row["link_source"]) for row in rows}


def test_a_file_is_filled_in_applied_and_undone(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed)
    cup, mug = listed.add_host_products("CUP", "0017")
    path = f"/{listed.instance_id}/links"
    page = reader.get(path)
    assert "No file was sent yet." in page.text
    exported = reader.client.get(page.links["Download what is not linked"])
    rows = list(csv.DictReader(io.StringIO(exported.data.decode()[1:], newline="")))
    assert [row["variant_id"] for row in rows] == ["11", "12", "13", "14"]
    filled = {"11": ("CUP", ""), "12": ("17", ""), "13": ("", "leave"), "14": ("", "")}
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["variant_id", "host_sku", "decision"])
    writer.writerows([number, *decision] for number, decision in filled.items())
    page = reader.follow(send(reader, path, text.getvalue()))
    assert "Nothing is linked yet." in page.text
    assert "Apply 2 good rows" in page.text
    assert "What would be done" in page.text
    assert "2 V-11 <b>Mug</b> CUP (Of the host)" in page.text
    assert "4 V-13 <b>Mug</b> None: it is left unlinked" in page.text
    assert links(listed)[11] == (None, None)
    bad = reader.client.get(page.links["Download 1 bad row to mend"])
    assert "12;17" in bad.data.decode().replace(",", ";")
    page = reader.follow(reader.send(next(form for form in page.forms if form.action.endswith("/apply"))))
    assert "Being applied" in page.text
    work(listed)
    assert links(listed) == {11: (cup, "manual"), 12: (None, None), 13: (None, "manual"), 14: (None, None)}
    page = reader.get(page.answer.request.path)
    assert "The good rows are applied." in page.text
    reader.send(next(form for form in page.forms if form.action.endswith("/undo")))
    work(listed)
    assert set(links(listed).values()) == {(None, None)}
    page = reader.get(path)
    assert "Undone" in page.text
    assert "ada" in page.text
    deeds = [row["action"] for row in listed.rows("history", instance_id=listed.instance_id)]
    assert [each for each in deeds if each.startswith("import_")] == ["import_upload", "import_apply", "import_undo"]
    assert "Undid a file of links" in reader.get(f"/{listed.instance_id}/history").text
    assert mug not in {link for link, _ in links(listed).values()}


@pytest.mark.parametrize(
    ("data", "status", "expected"),
    [
        ("sku,host_sku\r\nA,B\r\n", 422, "The first row must name the columns variant_id"),
        (b"variant_id,host_sku\r\n1,\xff\xfe\xfa\r\n", 400, "Line 2 is not"),
        ("", 422, "The first row must name the columns variant_id"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_reason(
    listed: Mirrored, reader: Browser, data: Any, status: int, expected: str
) -> None:
    path = f"/{listed.instance_id}/links"
    page = send(reader, path, data, status)
    assert "The file was not taken. Nothing was changed." in page.text
    assert expected in page.text
    assert listed.rows("link_imports") == []


def test_a_form_without_a_file_says_so(listed: Mirrored, reader: Browser) -> None:
    path = f"/{listed.instance_id}/links"
    page = send(reader, path, "", 422, name="")
    assert "Choose the file that you have filled in." in page.text


def test_a_file_that_is_too_large_is_not_read(
    listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/{listed.instance_id}/links"
    monkeypatch.setattr(mapping, "_AROUND_BYTES", 500)
    for size in (mapping.MAX_BYTES + 1, mapping.MAX_BYTES + 1000):
        page = send(reader, path, b"x" * size, 413)
        assert "The file must not exceed 5 MiB." in page.text
    assert upload.MAX_BYTES == mapping.MAX_BYTES


def test_a_file_needs_the_login_and_the_hidden_field(listed: Mirrored, reader: Browser) -> None:
    path = f"/{listed.instance_id}/links"
    action = reader.get(path).form("file").action
    bare, _, _ = action.partition("?")
    text = "variant_id,decision\r\n1,leave\r\n"
    assert post(reader, bare, text).status_code == 403
    reader.log_out()
    answer = post(reader, action, text)
    assert answer.status_code == 401
    assert "Nothing was saved. Log in in another tab, go back, and choose the file again." in answer.text
    assert listed.rows("link_imports") == []


class Unreadable(io.RawIOBase):
    """A body of 5,000 bytes that fails whoever reads it."""

    place = 0

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.place = 5000 if whence == io.SEEK_END else offset
        return self.place

    def read(self, size: int = -1) -> bytes:
        raise AssertionError(f"{size} bytes were read")

    def readinto(self, buffer: Any) -> int:
        raise AssertionError(f"{len(buffer)} bytes were read")


def test_nothing_is_read_of_a_file_before_the_login(listed: Mirrored, reader: Browser) -> None:
    action = reader.get(f"/{listed.instance_id}/links").form("file").action
    bare, _, _ = action.partition("?")
    given: dict[str, Any] = {
        "input_stream": Unreadable(),
        "content_length": 5000,
        "headers": HERE,
        "content_type": FORM,
    }
    assert reader.client.post(bare, **given).status_code == 403
    reader.log_out()
    assert reader.client.post(action, **given).status_code == 401
    reader.log_in()
    with pytest.raises(AssertionError, match="were read"):
        reader.client.post(action, **given)


def test_the_live_part_is_sent_when_it_changed(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed)
    page = reader.follow(send(reader, f"/{listed.instance_id}/links", "variant_id,decision\r\n11,leave\r\n"))
    live = f"{page.answer.request.path}/live"
    first = reader.client.get(live)
    assert "Apply 1 good row" in first.text
    same = reader.client.get(live, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304
    reader.send(next(form for form in page.forms if form.action.endswith("/apply")))
    assert reader.client.get(live, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_who_may_not_link_sees_no_files(listed: Mirrored, reader: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    may_not(monkeypatch, "link")
    assert "Mapping by spreadsheet" not in reader.get(f"/{listed.instance_id}").links
    reader.get(f"/{listed.instance_id}/links", 403)


def test_a_bad_row_shows_its_sku_and_shared_skus_are_counted(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed)
    listed.add_host_products("CUP")
    table = listed.tables.variants
    listed.execute(table.update().where(table.c.bigcommerce_id == 12).values(link_conflict_code="same_sku_in_store"))
    text = "variant_id,host_sku\r\n11,nothing\r\n12,CUP\r\n13,CUP\r\n"
    page = reader.follow(send(reader, f"/{listed.instance_id}/links", text))
    assert "V-11" in page.links
    assert "<b>Mug</b>" not in page.answer.text
    assert "1 good row is of a variant that shares its SKU with other variants" in page.text
    assert "Your system has no product with the SKU nothing." in page.text


def test_the_history_names_the_file_and_counts_its_rows(listed: Mirrored, reader: Browser) -> None:
    add_variants(listed)
    listed.add_host_products("CUP")
    text = "variant_id,host_sku\r\n11,CUP\r\n12,CUP\r\n13,CUP\r\n14,CUP\r\n"
    page = reader.follow(send(reader, f"/{listed.instance_id}/links", text))
    reader.send(next(form for form in page.forms if form.action.endswith("/apply")))
    work(listed)
    shown = reader.get(f"/{listed.instance_id}/history").text
    assert "Decided on links by file" in shown
    assert "4 changes" in shown
    assert "Variant 14: – → CUP" in shown
