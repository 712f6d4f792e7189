"""The patterns of the document take exactly what the fields take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from bigcommerce_integration.schemas.fields import Name, StrictField
from bigcommerce_integration.web.links.request import Sku

EDGES = ["", " ", "\n", "\x1f", "\x85", "\u00a0", "\u00ad", "\u200b", "\u2028", "\u3000", "\ufeff", "\0", "x", "]^-\\"]
TEXTS = st.one_of(
    st.text(max_size=4),
    st.builds("".join, st.lists(st.sampled_from(EDGES), max_size=4)),
    st.builds(
        lambda left, size, right: left + "x" * size + right,
        st.sampled_from(EDGES),
        st.sampled_from([1, 2, 254, 255, 256]),
        st.sampled_from(EDGES),
    ),
)


def takes(field: StrictField, text: str) -> bool:
    try:
        field.read(text)
    except ValidationError:
        return False
    return True


def matches(field: StrictField, text: str) -> bool:
    schema = field.json_schema()
    patterns = [schema["pattern"], *(each["pattern"] for each in schema.get("allOf", []))]
    return all(re.search(pattern, text) for pattern in patterns)


@pytest.mark.parametrize("field", [Name(), Sku()])
@given(text=TEXTS)
def test_the_pattern_takes_what_the_field_takes(field: StrictField, text: str) -> None:
    assert matches(field, text) is takes(field, text)


@pytest.mark.parametrize("field", [Name(), Sku()])
def test_pattern_and_code_agree_on_every_character(field: StrictField) -> None:
    characters = map(chr, range(0x3100))
    wrong = [each for each in characters if matches(field, each) is not takes(field, each)]
    assert wrong == []
