"""Records cut out of answers with their own text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client.records import Pagination, Record, single, split_v2, split_v3
from bigcommerce_integration.errors import StoreUnavailable

from ..examples import at_most

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["id", "name", "data", "meta"]) | st.text(), JSON, max_size=4) | JSON, max_size=5
)
SPACES = st.text(" \t\r\n", max_size=3)


@at_most(50)
@given(RECORDS, SPACES, st.booleans())
def test_each_record_has_its_value_and_the_text_it_was_sent_as(records: list[object], space: str, ascii: bool) -> None:
    texts = [json.dumps(record, ensure_ascii=ascii, indent=1 if space else None) for record in records]
    answer = f"{space}[{space}{(space + ',' + space).join(texts)}{space}]{space}"
    found = split_v2(answer)
    assert [record.text for record in found] == texts
    assert [record.value for record in found] == records


@at_most(50)
@given(RECORDS, SPACES, st.permutations(["before", "data", "meta", "after"]))
def test_an_envelope_is_read_in_any_order(records: list[object], space: str, order: list[str]) -> None:
    meta = {"pagination": {"total": 7, "count": len(records), "too_many": False, "links": {"next": "?page=2"}}}
    members = {"before": {"data": [1]}, "data": records, "meta": meta, "after": [None, "data"]}
    answer = space + json.dumps({key: members[key] for key in order}, indent=2 if space else None) + space
    found, pagination = split_v3(answer)
    assert [record.value for record in found] == records
    assert [json.loads(record.text) for record in found] == records
    assert pagination == Pagination(total=7, count=len(records))


@pytest.mark.parametrize("text", ["", " \n", "[]", " [ ] "])
def test_nothing_is_no_records(text: str) -> None:
    assert split_v2(text) == []


def test_an_empty_v3_answer_is_no_records() -> None:
    assert split_v3("") == ([], None)
    assert split_v3('{"data": [], "meta": {"pagination": {"total": 0, "count": 0}}}') == ([], Pagination(0, 0))


@pytest.mark.parametrize(
    "meta",
    ["null", "[]", "{}", '{"pagination": {}}', '{"pagination": {"total": "x"}}', '{"pagination": {"total": -1}}'],
)
def test_a_v3_answer_may_have_no_pagination(meta: str) -> None:
    assert split_v3(f'{{"data": [], "meta": {meta}}}') == ([], None)
    assert split_v3('{"data": []}') == ([], None)


BROKEN = [
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1]]",
    "[1][2]",
    "[NaN]",
    "[Infinity]",
    "[-Infinity]",
    '["\x00"]',
    "['a']",
    "{",
    "<html></html>",
    "null",
    "7",
    "[" * 100_000,
    '[{"a":' * 50_000,
    f"[{'9' * 5000}]",
]


@pytest.mark.parametrize("text", [*BROKEN, '{"id": 1}'])
def test_what_is_no_array_is_asked_for_again(text: str) -> None:
    with pytest.raises(StoreUnavailable, match="orders of store abc") as caught:
        split_v2(text, "orders of store abc")
    assert caught.value.__context__ is None, "the exceptions of json hold the whole text"


@pytest.mark.parametrize(
    "text",
    [
        *(f'{{"data": {broken}}}' for broken in BROKEN),
        "[1]",
        "{}",
        '{"meta": {}}',
        '{"data": {}}',
        '{"data": null}',
        '{"data": [1]',
        '{"data": [1],}',
        '{"data": [1] "meta": {}}',
        '{"data" [1]}',
        "{data: [1]}",
        '{"data": [1]} x',
        '{"data": [1], "meta": {"x": }}',
    ],
)
def test_what_is_no_envelope_is_asked_for_again(text: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        split_v3(text)
    assert caught.value.__context__ is None


@given(st.text(max_size=20) | st.text('[]{},:"1ae \\', max_size=30))
def test_whatever_comes_only_an_unavailable_store_is_raised(text: str) -> None:
    for split in (split_v2, split_v3, single):
        try:
            split(text)
        except StoreUnavailable:
            continue


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ('{"id": 5}', 5),
        ('{"id": "5"}', 5),
        ('{"id": 0}', None),
        ('{"id": -5}', None),
        ('{"id": true}', None),
        ('{"id": 5.0}', None),
        ('{"id": "５"}', None),
        ('{"id": "5a"}', None),
        ('{"id": ""}', None),
        ('{"id": null}', None),
        ('{"id": 9007199254740991}', 9007199254740991),
        ('{"id": 9007199254740992}', None),
        ('{"id": 9223372036854775808}', None),
        ('{"id": "99999999999999999999999"}', None),
        ("{}", None),
        ("[5]", None),
        ("5", None),
        ("null", None),
    ],
)
def test_the_id_is_a_number_above_zero_or_its_digits(record: str, found: int | None) -> None:
    assert split_v2(f"[{record}]")[0].id == found


def test_a_bare_object_is_one_record() -> None:
    assert single(' {"id": 7, "a": "\\u0000"}\n') == Record('{"id": 7, "a": "\\u0000"}', {"id": 7, "a": "\0"}, 7)
    for text in ("", "[]", "[{}]", '{"a": 1} {}', '{"a"'):
        with pytest.raises(StoreUnavailable):
            single(text)


def test_a_pagination_may_have_its_numbers_as_text() -> None:
    meta = '{"pagination": {"total": "7", "count": "1"}}'
    assert split_v3(f'{{"data": [], "meta": {meta}}}')[1] == Pagination(7, 1)


def test_each_record_is_handed_on_before_the_next_is_parsed() -> None:
    seen: list[object] = []

    def each(record: Record) -> Record:
        seen.append(record.value)
        return Record(record.text, None, record.id, mapped="made")

    kept = [Record('{"id":1}', None, 1, "made"), Record('{"id":2}', None, 2, "made")]
    assert split_v2('[{"id":1},{"id":2}]', on_record=each) == kept
    assert split_v3('{"data":[{"id":1},{"id":2}]}', on_record=each) == (kept, None)
    assert seen == [{"id": 1}, {"id": 2}] * 2
    seen.clear()
    with pytest.raises(StoreUnavailable):
        split_v2('[{"id":1},{"id":', on_record=each)
    assert seen == [{"id": 1}]
