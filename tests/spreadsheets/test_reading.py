"""A file as spreadsheets save it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.errors import Invalid, MalformedBody
from bigcommerce_integration.spreadsheets import reading
from bigcommerce_integration.spreadsheets.reading import Sheet, decoded, sheet_of

PLAIN = "variant_id,sku,host_sku,decision\r\n101,A,Größe 1,\r\n102,B,,LEAVE\r\n103,C,,\r\n"


def touched(sheet: Sheet) -> list[tuple[int | None, str, str]]:
    return [(line.variant_id, line.host_sku, line.decision) for line in sheet.touched]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_encoding_and_separator_is_read(encoding: str, separator: str) -> None:
    data = PLAIN.replace(",", separator).encode(encoding)
    sheet = sheet_of(decoded(data))
    assert (sheet.rows, touched(sheet)) == (3, [(101, "Größe 1", ""), (102, "", "leave")])
    assert [line.number for line in sheet.touched] == [2, 3]


def test_utf_16_with_the_mark_of_the_other_order_is_read() -> None:
    data = b"\xfe\xff" + PLAIN.encode("utf-16-be")
    assert sheet_of(decoded(data)).rows == 3


def test_columns_may_be_moved_added_and_taken_away() -> None:
    text = "Note,Host_SKU , VARIANT_ID\n,X,1\nsee, \t,2\n,,\n,Y\n"
    sheet = sheet_of(text)
    assert (sheet.rows, touched(sheet)) == (3, [(1, "X", ""), (None, "Y", "")])
    assert sheet.columns == ["note", "host_sku", "variant_id"]


def test_a_file_may_name_its_separator_and_quote() -> None:
    text = 'sep=;\r\n"variant_id";"host_sku"\r\n"1";"a ""b""\r\nc"\r\n2;d\r\n'
    sheet = sheet_of(text)
    assert touched(sheet) == [(1, 'a "b"\r\nc', ""), (2, "d", "")]
    assert [line.number for line in sheet.touched] == [4, 5]


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("101", 101),
        (" 101 ", 101),
        ("101.0", 101),
        ("101,0", 101),
        ("1.000", None),
        ("1,000", None),
        ("1E+05", None),
        ("-5", None),
        ("0", None),
        ("", None),
        ("9223372036854775808", None),
        ("१", None),
    ],
)
def test_an_id_is_a_whole_number(cell: str, read: int | None) -> None:
    assert touched(sheet_of(f'variant_id;host_sku\n"{cell}";X\n')) == [(read, "X", "")]


def test_what_the_export_guarded_comes_back() -> None:
    assert touched(sheet_of("variant_id,host_sku\n1,'=1+1\n2,'plain\n")) == [(1, "=1+1", ""), (2, "'plain", "")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PLAIN.replace("ö", "\xf6").encode("latin-1"), "Line 2 is not UTF-8"),
        (b"variant_id,host_sku\n1,a\n2,b\xff\n", "Line 3 is not UTF-8"),
        (PLAIN.encode("utf-16") + b"\x00", "Line 5 is not UTF-16"),
        (("variant_id,host_sku\n1," + "x" * 200_000).encode(), "Line 2 is not CSV"),
    ],
)
def test_other_bytes_are_refused_with_their_line(data: bytes, message: str) -> None:
    with pytest.raises(MalformedBody, match=message):
        sheet_of(decoded(data))


@pytest.mark.parametrize("text", ["", "\n", "sku,host_sku\nA,B\n", "variant_id,name\n1,x\n", "variant_id|host_sku"])
def test_a_file_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        sheet_of(text)
    assert "The first row must name the columns" in refused.value.errors["_schema"][0]


def test_a_file_has_so_many_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    assert sheet_of("variant_id,host_sku\n1,\n2,\n\n").rows == 2
    with pytest.raises(Invalid):
        sheet_of("variant_id,host_sku\n1,\n2,\n3,\n")


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_refusal(data: bytes) -> None:
    try:
        sheet_of(decoded(data))
    except (Invalid, MalformedBody):
        return


@given(st.text(max_size=100))
def test_no_text_makes_anything_but_a_refusal(text: str) -> None:
    try:
        sheet_of(f"variant_id,host_sku,decision\n{text}")
    except (Invalid, MalformedBody):
        return
