"""Records whose text is not clean JSON: their neighbours are read, and they as far as they can be."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client import damage, records
from bigcommerce_integration.client.damage import KEPT_BYTES, NOT_JSON, TOO_DEEP, TOO_LARGE
from bigcommerce_integration.client.records import Record, one_record, single, split_v2, split_v3
from bigcommerce_integration.errors import StoreUnavailable

from ..examples import at_most


def order(number: int, message: str = "text") -> bytes:
    """An order as it is sent, with a line inside."""
    line = f'{{"id":{number}0,"order_id":{number},"name":"a"}}'
    lines = f"{line},{line.replace('a', 'b')}"
    return f'{{"id":{number},"customer_id":7,"note":"[","customer_message":"{message}","lines":[{lines}]}}'.encode()


def v2(*texts: bytes) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def v3(*texts: bytes) -> bytes:
    return b'{"data":' + v2(*texts) + b',"meta":{"pagination":{"total":3,"count":3}}}'


def both(*texts: bytes) -> list[Record]:
    """The records of an array of these, the same in an answer of either version."""
    found = split_v2(v2(*texts))
    assert split_v3(v3(*texts))[0] == found
    return found


LENIENT: dict[str, tuple[bytes, str]] = {
    "a line break": (b"two\nlines", "two\nlines"),
    "all control characters": (bytes(range(1, 32)), "".join(map(chr, range(1, 32)))),
    "bytes that are not UTF-8": (b"caf\xe9 \xff!", "caf\ufffd \ufffd!"),
    "half a surrogate pair": (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    "NUL": (b"a\0b", "a\0b"),
}


@pytest.mark.parametrize("what", LENIENT)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_can_be_read_leniently_is(what: str, place: int) -> None:
    sent, read = LENIENT[what]
    texts = [order(number) for number in (1, 2, 3)]
    texts[place] = texts[place].replace(b"text", sent)
    found = both(*texts)
    assert [record.id for record in found] == [1, 2, 3]
    assert [record.damage for record in found] == [None] * 3
    assert [record.raw for record in found] == [text if at == place else None for at, text in enumerate(texts)]
    value: Any = found[place].value
    assert value["customer_message"] == read
    assert "\0" not in found[place].text
    assert single(found[place].text).value == value


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "9" * 5000])
def test_what_is_no_number_is_read_as_none(constant: str) -> None:
    text = order(2).replace(b'"[",', f'"[","total":{constant},'.encode())
    found = both(order(1), text, order(3))
    value: Any = found[1].value
    assert math.isnan(value["total"])
    assert (found[1].id, found[1].text, found[1].raw) == (2, text.decode(), text)


DAMAGED: dict[str, tuple[bytes, str]] = {
    "a quote too many": (order(2).replace(b"text", b'5" nail'), NOT_JSON),
    "two quotes too many": (order(2).replace(b"text", b'a "big" nail'), NOT_JSON),
    "a quote is missing": (order(2).replace(b'text"', b"text"), NOT_JSON),
    "a comma is missing": (order(2).replace(b',"note"', b'"note"'), NOT_JSON),
    "a brace is missing": (order(2)[:-1], NOT_JSON),
    "a brace too many": (order(2).replace(b'"note"', b'"x":{}},"note"'), NOT_JSON),
    "a bracket too many": (order(2).replace(b'"note"', b']"note"'), NOT_JSON),
    "a wrong escape": (order(2).replace(b"text", b"\\x"), NOT_JSON),
    "deep nesting": (order(2).replace(b'"["', b"[" * 50_000 + b"]" * 50_000), TOO_DEEP),
    "deep nesting of objects": (order(2).replace(b'"["', b'{"a":' * 50_000 + b"1" + b"}" * 50_000), TOO_DEEP),
}


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_cannot_be_read_leaves_its_neighbours_alone(what: str, place: int) -> None:
    sent, reason = DAMAGED[what]
    texts = [order(1), order(3)]
    texts.insert(place, sent)
    if what == "a brace too many":  # what comes before it is a whole record
        assert {1, 3} <= {record.id for record in both(*texts) if not record.damage}
        return
    if what == "a brace is missing" and place == 2:
        with pytest.raises(StoreUnavailable):  # as where the answer ends early
            both(*texts)
        return
    found = both(*texts)
    assert [(record.id, record.damage) for record in found if record.damage] == [(2, reason)]
    assert [record.id for record in found if not record.damage] == [1, 3]
    assert found[place].raw == sent[: KEPT_BYTES + 1]


def test_the_id_is_believed_only_before_the_damage() -> None:
    for text, found in (
        (b'{"customer_id":1,"note":"5" nail","id":2}', None),
        (b'{"customer_id":1,"inner":{"id":9},"id":"2","note":"5" nail","id":3}', 2),
        (b'{"i\xffd":2,"note":"5" nail"}', None),
        (b'{"id":0,"note":"5" nail"}', None),
        (b'{"id":2.5,"note":"5" nail"}', None),
    ):
        damaged = split_v2(v2(order(1), text, order(3)))[1]
        assert (damaged.id, damaged.damage) == (found, NOT_JSON)


@pytest.mark.parametrize("end", [1, 30, 60, 90, 120, -1])
def test_an_answer_that_ends_early_is_no_damaged_record(end: int) -> None:
    whole = v2(order(1), order(2))
    begin = len(v2(order(1)))
    for body in (whole[: begin + end] if end > 0 else whole[:end], whole[: begin + abs(end)] + b"]"):
        with pytest.raises(StoreUnavailable):
            split_v2(body)
    with pytest.raises(StoreUnavailable):
        split_v3(v3(order(1), order(2))[:-1])


@pytest.mark.parametrize(
    "page", [b"<html><p>{}</p></html>", b"{}", b"[<html>]", b"[{'a': 1}]x", b"\xff\xfe[]", b"[nope]"]
)
def test_what_is_no_answer_of_records_is_asked_for_again(page: bytes) -> None:
    with pytest.raises(StoreUnavailable):
        split_v2(page)
    if page != b"{}":
        with pytest.raises(StoreUnavailable):
            one_record(page, "order 7", 7)


def test_a_byte_order_mark_is_passed_over() -> None:
    mark = b"\xef\xbb\xbf"
    assert split_v2(mark + v2(order(1))) == split_v2(v2(order(1)))
    assert split_v3(mark + v3(order(1))) == split_v3(v3(order(1)))
    assert single(mark + order(1)) == one_record(mark + order(1), "order 1", 1) == single(order(1))
    assert split_v2(mark) == []


def test_one_record_is_the_one_asked_for_however_damaged() -> None:
    for sent, reason in DAMAGED.values():
        if sent.startswith(b'{"id":2') and b"{}}," not in sent and not sent.endswith(b"]"):
            found = one_record(sent.replace(b'"id":2', b'"id":?'), "order 7", 7)
            assert (found.id, found.damage is None) == (7, False), reason
    for cut in (order(2)[:-1], order(2)[:50]):
        with pytest.raises(StoreUnavailable):
            one_record(cut, "order 2", 2)


def test_a_record_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "RECORD_CAP", 1000)
    large = order(2, "x" * 1000)
    monkeypatch.setattr(records, "_WINDOW", 500)
    found = both(order(1), large, order(3))
    assert [(record.id, record.damage) for record in found] == [(1, None), (2, TOO_LARGE), (3, None)]


def test_of_an_answer_that_was_cut_what_came_whole_is_read() -> None:
    texts = [order(number) for number in (1, 2, 3)]
    for whole in (v2(*texts), v3(*texts)):
        last = whole.index(texts[2]) + 20
        found = split_v2(whole[:last], is_cut=True) if whole[:1] == b"[" else split_v3(whole[:last], is_cut=True)[0]
        assert [record.id for record in found] == [1, 2]
    # The first by itself is more than comes.
    (found_alone,) = split_v2(b"[" + order(1, "x" * 500)[:-200], is_cut=True)
    assert (found_alone.id, found_alone.damage) == (1, TOO_LARGE)


@pytest.mark.parametrize("window", [64, 100, 1000])
def test_records_across_windows_are_read_as_in_one(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    texts = [order(number, "ä🍃" * number) for number in range(1, 20)] + [b"12345", b'"text"', b"null"]
    whole, spaced = split_v2(v2(*texts)), split_v2(b" [ " + b" , ".join(texts) + b" ] ")
    monkeypatch.setattr(records, "_WINDOW", window)
    assert split_v2(v2(*texts)) == whole == spaced == split_v2(b" [ " + b" , ".join(texts) + b" ] ")


@at_most(200)
@given(st.data())
def test_whatever_is_damaged_no_other_record_is_lost_or_changed(data: st.DataObject) -> None:
    """Unless the answer is asked for again, or what is damaged is an end or a begin."""
    at = data.draw(st.integers(1, 3))
    texts = [order(number) for number in (1, 2, 3, 4, 5)]
    place = data.draw(st.integers(30, len(texts[at]) - 2))
    junk = data.draw(st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\xff", b"\n", b"\0", b"NaN"]))
    texts[at] = texts[at][:place] + junk + texts[at][place + data.draw(st.integers(0, 1)) :]
    try:
        found = split_v2(v2(*texts))
    except StoreUnavailable:
        return
    clean = {record.text for record in found if record.raw is None}
    assert {order(number).decode() for number in (1, 2, 3, 4, 5) if number != at + 1} <= clean


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_inner_begin_sent_as_an_end_hides_no_record(at: int) -> None:
    texts = [order(number) for number in (1, 2, 3, 4, 5)]
    texts[at - 1] = texts[at - 1].replace(b'},{"id"', b'},}"id"')
    assert [(record.id, record.damage) for record in both(*texts)] == [
        (number, NOT_JSON if number == at else None) for number in (1, 2, 3, 4, 5)
    ]


def test_the_search_for_ends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records fail to end: each is looked through but once for the begin of the next."""
    surgeon = damage.Surgeon(v2(*(order(number, '5" nail') for number in range(1, 200))), 1, is_cut=False)
    begin, seen = 1, 0
    surgeon.strings_left = 100
    while True:
        piece = surgeon.piece(begin)
        assert piece is not None
        seen += 1
        if surgeon.body[piece.end : piece.end + 1] == b"]":
            break
        begin = piece.end + 1
    assert seen == 199
    assert surgeon.strings_left == 0


def test_a_stored_text_is_read_as_it_was() -> None:
    assert single('{"id":1,"a":"x\ny"}').value == {"id": 1, "a": "x\ny"}
    assert json.loads(single('{"id":1,"a":"x\\u0000y"}').text) == {"id": 1, "a": "x\0y"}
