"""Which answers that would stop a refresh are believed."""

from __future__ import annotations

import pytest

from bigcommerce_integration.client.http.retry import Recheck, is_confirmed
from bigcommerce_integration.errors import (
    OtherStore,
    ScopeMissing,
    StopRefresh,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
    TokenRejected,
    Unconfirmed,
    UnexpectedAnswer,
)

SCOPE = ScopeMissing("x", scope="y")
OF_THE_STORE = [TokenRejected("x"), StoreNotFound("x"), OtherStore("x")]
OF_THE_QUESTION = [SCOPE, UnexpectedAnswer("x")]


def may_be(verdict: StopRefresh, *, is_own: bool = True) -> Unconfirmed:
    return Unconfirmed("x", verdict=verdict, is_own=is_own)


@pytest.mark.parametrize("verdict", [*OF_THE_STORE, *OF_THE_QUESTION])
def test_one_answer_is_not_believed(verdict: StopRefresh) -> None:
    assert not is_confirmed(Recheck(may_be(verdict)), may_be(verdict))


@pytest.mark.parametrize("verdict", OF_THE_STORE)
@pytest.mark.parametrize("is_own", [True, False])
def test_what_concerns_the_store_needs_its_agreement(verdict: StopRefresh, is_own: bool) -> None:
    answer = may_be(verdict, is_own=is_own)
    others: list[StoreError | None] = [None, StoreUnavailable("x"), may_be(SCOPE), UnexpectedAnswer("no time zone")]
    for store in others:
        assert not is_confirmed(Recheck(answer, store=store, is_store_asked=True), answer)
    for store in (may_be(verdict, is_own=True), may_be(verdict, is_own=False)):
        assert is_confirmed(Recheck(answer, store=store, is_store_asked=True), answer)


@pytest.mark.parametrize("verdict", OF_THE_QUESTION)
def test_what_concerns_the_question_needs_a_store_that_is_well(verdict: StopRefresh) -> None:
    answer = may_be(verdict)
    assert is_confirmed(Recheck(answer, is_store_asked=True), answer)
    assert is_confirmed(Recheck(answer, store=may_be(verdict), is_store_asked=True), answer)
    for store in (StoreUnavailable("x"), may_be(TokenRejected("x"))):
        assert not is_confirmed(Recheck(answer, store=store, is_store_asked=True), answer)


def test_two_different_answers_prove_nothing() -> None:
    recheck = Recheck(may_be(SCOPE), is_store_asked=True)
    assert not is_confirmed(recheck, may_be(UnexpectedAnswer("x")))
