"""Variants linked by a CSV file: exported, changed as a spreadsheet does it, sent, applied, undone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event
from traceback import clear_frames
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import delete, event, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.client.clock import local_now
from bigcommerce_integration.operations.imports import upload as uploading
from bigcommerce_integration.refresh.job.context import Engine
from bigcommerce_integration.refresh.removal.purge import purge
from bigcommerce_integration.spreadsheets import imports
from bigcommerce_integration.spreadsheets.job import advance_imports, prune_imports

from ..test_end_to_end import working
from ..waiting import wait_until
from .mirrored import Mirrored, connected, errors

Rows = list[dict[str, str]]


@pytest.fixture(autouse=True)
def _no_products_of_other_tests(request: pytest.FixtureRequest) -> None:
    """The host's products are those of the test alone."""
    if "shared_app" in request.fixturenames:
        shared: Mirrored = request.getfixturevalue("shared_app")
        shared.execute(delete(shared.host_app.Product))


def send(mirrored: Mirrored, text: str | bytes, **options: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return mirrored.ask("links/imports", method="POST", data=data, content_type="text/csv", **options)


def sent(mirrored: Mirrored, text: str | bytes) -> dict[str, Any]:
    """The import that was stored."""
    answer = send(mirrored, text)
    assert answer.status_code == 202, answer.json
    found: dict[str, Any] = mirrored.client.get(answer.headers["Location"]).json["data"]
    assert found == answer.json["data"]
    return found


def step(mirrored: Mirrored, import_id: int, what: str) -> dict[str, Any]:
    """Ask for it, let a worker do it; the import afterwards."""
    answer = mirrored.ask(f"links/imports/{import_id}/{what}", method="POST")
    assert answer.status_code == 202, answer.json
    assert answer.json["data"]["status"] == {"apply": "applying", "undo": "undoing"}[what]
    work(mirrored)
    found: dict[str, Any] = mirrored.get(f"links/imports/{import_id}")["data"]
    return found


def with_engine(mirrored: Mirrored, do: Callable[[Engine], Any]) -> Any:
    with mirrored.app.app_context():
        return do(engine_of(state_of(mirrored.app), Event()))


def work(mirrored: Mirrored) -> None:
    """As a worker's ticks do it, until nothing is left."""
    while with_engine(mirrored, advance_imports):
        pass


def links_of(mirrored: Mirrored) -> dict[int, tuple[Any, ...]]:
    names = ("host_product_id", "link_source", "link_conflict", "link_conflict_code")
    rows = mirrored.rows("variants", instance_id=mirrored.instance_id)
    return {row["bigcommerce_id"]: tuple(row[name] for name in names) for row in rows}


def history_of(mirrored: Mirrored) -> list[tuple[str, str | None]]:
    rows = mirrored.rows("history", instance_id=mirrored.instance_id)
    return [(row["action"], row["done_by"]) for row in sorted(rows, key=lambda row: row["id"])][1:]


def add_variants(mirrored: Mirrored) -> dict[str, int]:
    """Of the store; the host's products by SKU."""
    skus = ("0017", "SPOON", "=2+2", "twice", "twice", "Ünder", "-5")
    products = dict(zip(skus, mirrored.add_host_products(*skus), strict=True))
    mirrored.add("products", {"bigcommerce_id": 1, "name": 'Mug; "big", \nred'})
    common = {"link_conflict": "It differs.", "link_conflict_code": "similar_sku_in_host"}
    mirrored.add(
        "variants",
        {"bigcommerce_id": 11, "sku": "0017", "sku_key": "0017"},
        {"bigcommerce_id": 12, "sku": "spoon", "sku_key": "spoon"} | common,
        {"bigcommerce_id": 13, "sku": "-5", "sku_key": "-5", "host_product_id": products["-5"], "link_source": "auto"},
        {"bigcommerce_id": 14, "sku": "Ü", "sku_key": "Ü"},
        {
            "bigcommerce_id": 15,
            "sku": "",
            "sku_key": None,
            "link_conflict": "Blank.",
            "link_conflict_code": "blank_sku",
        },
        {"bigcommerce_id": 16, "sku": "twice", "sku_key": "twice"},
        {"bigcommerce_id": 17, "sku": "gone", "sku_key": "gone", "deleted_at": local_now()},
    )
    return products


def exported(mirrored: Mirrored) -> Rows:
    text = mirrored.ask("variants/export.csv").data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def written(rows: Rows, columns: Sequence[str], separator: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter=separator, quoting=quoting, extrasaction="ignore")  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.ci
@pytest.mark.parametrize(
    ("encoding", "separator", "columns"),
    [
        ("utf-8-sig", ",", ()),
        ("utf-8", ";", ("note", "decision", "host_sku", "name", "sku", "variant_id")),
        ("utf-16", "\t", ("variant_id", "decision", "host_sku")),
    ],
)
def test_a_round_trip_through_a_spreadsheet(
    encoding: str, separator: str, columns: tuple[str, ...], any_mirrored: Mirrored
) -> None:
    products = add_variants(any_mirrored)
    before = links_of(any_mirrored)
    rows = exported(any_mirrored)
    filled = {"11": {"host_sku": "Ünder"}, "12": {"decision": "Link"}, "13": {"decision": "leave"}}
    filled["14"] = {"host_sku": "'=2+2"}
    for row in rows:
        # The spreadsheet has made a number of a SKU.
        row["sku"] = row["sku"].lstrip("0")
        row.update(filled.get(row["variant_id"], {}), note="mine")
    assert next(row for row in rows if row["variant_id"] == "12")["suggested_sku"] == "SPOON"
    text = written(rows, columns or list(rows[0]), separator, csv.QUOTE_ALL if separator == ";" else csv.QUOTE_MINIMAL)
    found = sent(any_mirrored, text.encode(encoding))
    assert (found["status"], found["rows"], found["untouched"]) == ("ready", 6, 2)
    assert (found["good"], found["bad"], found["problems"]) == (4, 0, [])
    assert links_of(any_mirrored) == before
    found = step(any_mirrored, found["id"], "apply")
    assert (found["status"], found["applied"], found["skipped"]) == ("applied", 4, 0)
    links = links_of(any_mirrored)
    assert [links[each] for each in (11, 12, 13, 14)] == [
        (products["Ünder"], "manual", None, None),
        (products["SPOON"], "manual", None, None),
        (None, "manual", None, None),
        (products["=2+2"], "manual", None, None),
    ]
    assert {each: links[each] for each in (15, 16)} == {each: before[each] for each in (15, 16)}
    found = step(any_mirrored, found["id"], "undo")
    assert (found["status"], found["undone"], found["not_undone"]) == ("undone", 4, 0)
    assert links_of(any_mirrored) == before
    assert [action for action, _ in history_of(any_mirrored)] == [
        "export",
        "import_upload",
        "import_apply",
        "link",
        "import_undo",
        "link",
    ]
    assert {name for _, name in history_of(any_mirrored)} == {"1"}
    assert (found["uploaded_by"], found["applied_by"], found["undone_by"]) == ("1", "1", "1")


BAD = """variant_id,host_sku,decision
11,nothing,
12,spoon,
13,twice,
14,SPOON,leave
15,,link
16,,maybe
17,SPOON,
99,SPOON,
x,SPOON,
16,SPOON,
"""


def test_each_bad_row_is_named_with_its_reason(any_mirrored: Mirrored) -> None:
    add_variants(any_mirrored)
    found = sent(any_mirrored, BAD)
    assert (found["good"], found["bad"]) == (0, 10)
    assert [(each["line"], each["bigcommerce_id"], each["code"]) for each in found["problems"]] == [
        (2, 11, "host_sku_not_found"),
        (3, 12, "similar_sku_in_host"),
        (4, 13, "same_sku_in_host"),
        (5, 14, "two_decisions"),
        (6, 15, "no_sku"),
        (7, 16, "same_variant_twice"),
        (8, 17, "unknown_variant"),
        (9, 99, "unknown_variant"),
        (10, None, "no_variant_id"),
        (11, 16, "same_variant_twice"),
    ]
    assert "'SPOON'" in found["problems"][1]["message"]
    answer = any_mirrored.ask(f"links/imports/{found['id']}/apply", method="POST")
    assert (answer.status_code, answer.json["refresh_id"]) == (409, None)


def test_zeros_that_a_spreadsheet_took_are_suggested(any_mirrored: Mirrored) -> None:
    products = add_variants(any_mirrored)
    any_mirrored.add_host_products("001", "0001", "99")
    text = "variant_id,host_sku,decision,suggested_sku\n11,17,,\n12,1,,\n14,0099\n16,#n/a,,\n"
    found = sent(any_mirrored, text)
    assert [(each["line"], each["code"]) for each in found["problems"]] == [
        (2, "zeros_differ"),
        (3, "host_sku_not_found"),
        (4, "zeros_differ"),
        (5, "spreadsheet_error"),
    ]
    assert "no product with the SKU 17. Did you mean 0017?" in found["problems"][0]["message"]
    text = any_mirrored.ask(f"links/imports/{found['id']}/rows.csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["suggested_sku"] for row in rows] == ["0017", "", "99", ""]
    again = sent(any_mirrored, text.replace("11,17,,", "11,17,suggested,"))
    assert (again["good"], again["bad"]) == (1, 3)
    step(any_mirrored, again["id"], "apply")
    assert links_of(any_mirrored)[11][:2] == (products["0017"], "manual")


def test_bad_rows_come_back_to_be_mended(any_mirrored: Mirrored) -> None:
    products = add_variants(any_mirrored)
    found = sent(any_mirrored, "\ufeffNote;variant_id;host_sku\r\n'=x;11;nothing\r\nfine;14;SPOON\r\nb;12\r\n")
    assert (found["good"], found["bad"], found["untouched"]) == (1, 1, 1)
    text = any_mirrored.ask(f"links/imports/{found['id']}/rows.csv").data.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row == {
        "note": "'=x",
        "variant_id": "11",
        "host_sku": "nothing",
        "problem": "Your system has no product with the SKU nothing.",
        "problem_code": "host_sku_not_found",
    }
    again = sent(any_mirrored, text.replace("nothing,", "0017,"))
    assert (again["good"], again["bad"]) == (1, 0)
    twice = sent(any_mirrored, text)
    text = any_mirrored.ask(f"links/imports/{twice['id']}/rows.csv?verdict=bad").data.decode("utf-8-sig")
    assert text.splitlines()[0] == "note,variant_id,host_sku,problem,problem_code"
    step(any_mirrored, again["id"], "apply")
    assert links_of(any_mirrored)[11] == (products["0017"], "manual", None, None)
    text = any_mirrored.ask(f"links/imports/{again['id']}/rows.csv?verdict=applied").data.decode("utf-8-sig")
    assert text == "line,variant_id,problem,problem_code\r\n2,11,,\r\n"


def test_a_link_that_changed_meanwhile_is_skipped(any_mirrored: Mirrored) -> None:
    products = add_variants(any_mirrored)
    found = sent(any_mirrored, "variant_id,host_sku\n11,SPOON\n12,SPOON\n14,SPOON\n")
    any_mirrored.ask("variants/11/link", method="POST", json={"host_product_id": products["0017"]})
    found = step(any_mirrored, found["id"], "apply")
    assert (found["applied"], found["skipped"]) == (2, 1)
    assert [(each["bigcommerce_id"], each["code"]) for each in found["problems"]] == [(11, "changed_meanwhile")]
    any_mirrored.ask("variants/12/link", method="DELETE")
    found = step(any_mirrored, found["id"], "undo")
    assert (found["undone"], found["not_undone"]) == (1, 1)
    assert [(each["bigcommerce_id"], each["verdict"]) for each in found["problems"]] == [
        (11, "skipped"),
        (12, "not_undone"),
    ]
    links = links_of(any_mirrored)
    assert [links[each][:2] for each in (11, 12, 14)] == [(products["0017"], "manual"), (None, "manual"), (None, None)]


def test_a_host_product_that_is_gone_is_not_linked(any_mirrored: Mirrored) -> None:
    add_variants(any_mirrored)
    found = sent(any_mirrored, "variant_id,host_sku\n11,SPOON\n14,Ünder\n")
    with any_mirrored.app.app_context():
        product = any_mirrored.host_app.Product
        any_mirrored.host_app.db.session.query(product).filter(product.sku == "SPOON").delete()
        any_mirrored.host_app.db.session.commit()
    found = step(any_mirrored, found["id"], "apply")
    assert (found["applied"], found["skipped"]) == (1, 1)
    assert [(each["bigcommerce_id"], each["code"]) for each in found["problems"]] == [(11, "host_product_gone")]


def many(mirrored: Mirrored, count: int) -> str:
    """Variants that the host has by other SKUs; a file that links them all."""
    mirrored.add(
        "variants", *({"bigcommerce_id": number, "sku": "x", "sku_key": "x"} for number in range(1, count + 1))
    )
    mirrored.add_host_products(*(f"H-{number}" for number in range(1, count + 1)))
    return "variant_id,host_sku\n" + "".join(f"{number},H-{number}\n" for number in range(1, count + 1))


def test_a_long_file_is_done_in_parts(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "ROWS_A_PART", 3)
    monkeypatch.setattr(uploading, "ROWS_A_PART", 3)
    found = sent(any_mirrored, many(any_mirrored, 10))
    assert (found["status"], found["good"], found["progress_percentage"]) == ("checking", 0, 0)
    assert found["message"] == "No worker is running, so this import waits for one."
    assert any_mirrored.ask(f"links/imports/{found['id']}/apply", method="POST").status_code == 409
    work(any_mirrored)
    found = any_mirrored.get(f"links/imports/{found['id']}")["data"]
    assert (found["status"], found["good"], found["progress_percentage"]) == ("ready", 10, 100)
    found = step(any_mirrored, found["id"], "apply")
    assert (found["status"], found["applied"]) == ("applied", 10)
    parts = [json.loads(row["changes"]) for row in any_mirrored.rows("history", instance_id=any_mirrored.instance_id)]
    assert [len(part["links"]) for part in parts if "links" in part] == [3, 3, 3, 1]


def test_a_worker_goes_on_with_it_by_itself(
    mirrored: Mirrored, broker: StubBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "ROWS_A_PART", 2)
    monkeypatch.setattr(uploading, "ROWS_A_PART", 2)
    text = many(mirrored, 5)
    with working(broker):
        path = f"links/imports/{send(mirrored, text).json['data']['id']}"
        wait_until(lambda: mirrored.get(path)["data"]["status"] == "ready", 60, "the verdicts")
        mirrored.ask(f"{path}/apply", method="POST")
        wait_until(lambda: mirrored.get(path)["data"]["status"] == "applied", 60, "the links")
    assert {link[1] for link in links_of(mirrored).values()} == {"manual"}


class BrokenOff(BaseException):
    """A statement was written, and nothing after it."""


@pytest.mark.parametrize("what", ["apply", "undo"])
def test_a_part_that_breaks_off_is_done_again(
    what: str, any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "ROWS_A_PART", 4)
    monkeypatch.setattr(uploading, "ROWS_A_PART", 4)
    found = sent(any_mirrored, many(any_mirrored, 10))
    work(any_mirrored)
    if what == "undo":
        step(any_mirrored, found["id"], "apply")
    before = links_of(any_mirrored)
    assert any_mirrored.ask(f"links/imports/{found['id']}/{what}", method="POST").status_code == 202
    with any_mirrored.app.app_context():
        database = any_mirrored.host_app.db.engine
    broken: list[str] = []

    def break_off(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        """After each statement that writes, once."""
        if statement.split(" ", maxsplit=1)[0] in ("INSERT", "UPDATE") and statement not in broken:
            broken.append(statement)
            raise BrokenOff

    event.listen(database, "after_cursor_execute", break_off)
    try:
        while True:
            try:
                work(any_mirrored)
                break
            except BrokenOff as error:
                # In old versions of SQLAlchemy a cursor in the error's frames keeps SQLite's lock.
                clear_frames(error.__traceback__)
            links = links_of(any_mirrored)
            assert sum(1 for each in links if links[each] != before[each]) % 4 == 0
    finally:
        event.remove(database, "after_cursor_execute", break_off)
    assert len(broken) >= 6
    found = any_mirrored.get(f"links/imports/{found['id']}")["data"]
    done = ("applied", 10) if what == "apply" else ("undone", 10)
    assert (found["status"], found[done[0]]) == done
    assert all((link[1] == "manual") is (what == "apply") for link in links_of(any_mirrored).values())


def test_an_error_of_the_host_ends_it_until_applied_again(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    products = add_variants(mirrored)
    found = sent(mirrored, "variant_id,decision\n13,leave\n")

    def refuse(session: Any, instance: Any, ids: Any) -> None:
        raise ZeroDivisionError("secret")

    host = state_of(mirrored.app).host
    with monkeypatch.context() as patched:
        patched.setattr(host, "products_changed", refuse)
        found = step(mirrored, found["id"], "apply")
    assert (found["status"], found["applied"]) == ("failed", 0)
    assert "ZeroDivisionError" in found["message"]
    assert "secret" not in found["message"]
    assert links_of(mirrored)[13][0] == products["-5"]
    found = step(mirrored, found["id"], "apply")
    assert (found["status"], found["applied"], found["message"]) == ("applied", 1, None)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"variant_id,host_sku\n1,\xff\n", "text/csv", 400, "Line 2 is not UTF-8"),
        (b"variant_id,host_sku\n", "application/json", 415, "text/csv"),
        (b"x" * (5 * 1024 * 1024 + 1), "text/csv", 413, "5242880 bytes"),
        (b"sku,host_sku\nA,B\n", "text/csv", 422, "must name the columns variant_id"),
        (b"variant_id,host_sku\n" + b"1,\n" * 50_001, "text/csv", 422, "more than 50000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    body: bytes, content_type: str, status: int, message: str, mirrored: Mirrored
) -> None:
    answer = mirrored.ask("links/imports", method="POST", data=body, content_type=content_type)
    assert answer.status_code == status
    assert message in str(answer.json)
    assert mirrored.get("links/imports")["data"] == []


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")


def test_who_may_not_link_is_refused_before_the_body_is_read(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread: dict[str, Any] = {"input_stream": Unread(b"x" * 100), "content_length": 100}
    answer = mirrored.ask(
        "links/imports", method="POST", content_type="text/csv", headers={"Authorization": "Bearer x"}, **unread
    )
    assert answer.status_code in (401, 422)
    monkeypatch.setattr(state_of(mirrored.app).host, "_may", lambda action, instance: action != "link")
    found = mirrored.rows("link_imports")
    answer = mirrored.ask("links/imports", method="POST", content_type="text/csv", **unread)
    assert answer.status_code == 403
    for method, path in (("GET", ""), ("GET", "/1"), ("GET", "/1/rows.csv"), ("POST", "/1/apply"), ("POST", "/1/undo")):
        assert mirrored.ask(f"links/imports{path}", method=method).status_code == 403
    assert mirrored.rows("link_imports") == found


def test_another_instances_imports_are_unknown(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    add_variants(other)
    found = sent(other, "variant_id,decision\n11,leave\n")
    assert any_mirrored.get("links/imports")["data"] == []
    for method, path in (("GET", ""), ("GET", "/rows.csv"), ("POST", "/apply"), ("POST", "/undo")):
        assert any_mirrored.ask(f"links/imports/{found['id']}{path}", method=method).status_code == 404
    listed = other.get("links/imports")
    assert [each["id"] for each in listed["data"]] == [found["id"]]
    assert listed["pagination"]["total"] == 1
    assert set(errors(other.ask(f"links/imports/{found['id']}/rows.csv?verdict=x"))) == {"verdict"}


def test_an_import_is_kept_for_a_day_and_says_so_then(any_mirrored: Mirrored) -> None:
    add_variants(any_mirrored)
    old, new = (sent(any_mirrored, "variant_id,decision\n11,leave\n12,maybe\n")["id"] for _ in range(2))
    table = any_mirrored.tables.link_imports
    long_ago = local_now() - timedelta(days=1, minutes=5)
    any_mirrored.execute(update(table).where(table.c.id == old).values(changed_at=long_ago))
    with_engine(any_mirrored, prune_imports)
    shown = any_mirrored.get(f"links/imports/{old}")["data"]
    assert (shown["is_kept"], shown["good"], shown["problems"]) == (False, 1, [])
    assert shown["message"].startswith("Its rows are no longer kept")
    assert any_mirrored.ask(f"links/imports/{old}/apply", method="POST").status_code == 409
    assert any_mirrored.get(f"links/imports/{new}")["data"]["is_kept"]
    assert len(any_mirrored.rows("link_import_rows", import_id=new)) == 2
    assert any_mirrored.rows("link_import_rows", import_id=old) == []
    any_mirrored.execute(update(table).where(table.c.id == old).values(changed_at=long_ago - timedelta(days=40)))
    with_engine(any_mirrored, prune_imports)
    assert any_mirrored.ask(f"links/imports/{old}").status_code == 404


def test_a_disconnected_store_takes_its_imports_along(any_mirrored: Mirrored) -> None:
    add_variants(any_mirrored)
    found = sent(any_mirrored, "variant_id,decision\n11,leave\n")
    any_mirrored.ask(f"links/imports/{found['id']}/apply", method="POST")
    assert any_mirrored.client.delete(f"/api/big-commerce/{any_mirrored.instance_id}").status_code == 202
    work(any_mirrored)
    while any_mirrored.rows("instances", id=any_mirrored.instance_id):
        with_engine(any_mirrored, lambda engine: purge(replace(engine)))
    assert any_mirrored.rows("link_imports", id=found["id"]) == []
    assert any_mirrored.rows("link_import_rows", import_id=found["id"]) == []
