"""The store's own message in an error, from whichever dialect."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigcommerce_integration.client.http.failures import error_text_of
from bigcommerce_integration.encryption import DOTS, Secret

TOKEN = 'abc<d>&"e%f/0123456789'
mask = Secret(TOKEN).mask


@pytest.mark.parametrize(
    ("body", "error_text"),
    [
        ('[{"status": 404, "message": "Not found."}]', "Not found."),
        ('[{"message": "one"}, {"message": "two", "details": {}}]', "one; two"),
        ('{"status": 422, "title": "A bad filter.", "errors": {}}', "A bad filter."),
        ('{"title": "Invalid", "errors": {"limit": "too large", "sort": "?"}}', "Invalid limit: too large, sort: ?"),
        ('{"error": "Your scope does not include this."}', "Your scope does not include this."),
        ('{"title": 5, "message": "still"}', "still"),
        ("<html><head><title>\n Gone\n fishing </title></head></html>", "Gone fishing"),
        ("  <p>no title", "a web page"),
        ("", ""),
        ("plain words", "plain words"),
        ("null", ""),
        ("7", ""),
        ("[]", ""),
        ("{}", ""),
        ('["text", 5]', "text"),
        ('"text"', "text"),
        ('{"title": "a\\u0000b\\u001b[31m\\nc\\u2028d\\ud800e"}', "a b [31m c d e"),
    ],
)
def test_error_text_of_the_store_is_kept(body: str, error_text: str) -> None:
    assert error_text_of(body, mask) == error_text


@pytest.mark.parametrize("page", ["<title>" * 9362, "<title" * 10_922, "<title>" + "</titl" * 10_000])
def test_page_full_of_titles_is_searched_once(page: str) -> None:
    """A pattern looked from each begin of a title for its end: 3 s of CPU for 64 KiB."""
    began = time.process_time()
    assert error_text_of(page, mask)
    assert time.process_time() - began < 0.5


def test_a_long_message_is_cut() -> None:
    error_text = error_text_of(json.dumps({"title": "x" * 5000}), mask)
    assert len(error_text) == 200
    assert error_text.endswith("x…")


def test_json_too_deep_is_no_trouble() -> None:
    assert len(error_text_of("[" * 100_000, mask)) == 200


@pytest.mark.parametrize("form", [TOKEN, "abc%3Cd%3E%26%22e%25f%2F0123456789", "abc&lt;d&gt;&amp;&quot;e%f/0123456789"])
@pytest.mark.parametrize("before", ["", "x" * 190])
def test_a_token_in_the_message_is_masked_before_it_is_cut(form: str, before: str) -> None:
    error_text = error_text_of(json.dumps({"title": f"{before}{form} is unknown"}), mask)
    assert "abc" not in error_text
    assert DOTS in error_text


@pytest.mark.ci
@given(st.text())
def test_whatever_the_body_the_message_is_short_and_on_one_line(body: str) -> None:
    error_text = error_text_of(body, mask)
    assert len(error_text) <= 200
    assert error_text == "" or (error_text.isprintable() or not any(ord(sign) < 32 for sign in error_text))
