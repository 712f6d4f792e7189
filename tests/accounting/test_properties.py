"""What holds for every order, whatever is done with it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bigcommerce_integration.accounting.basis.amounts import digits_of, fits, shared
from bigcommerce_integration.accounting.batches import summed
from bigcommerce_integration.accounting.document import GOODS, MONEY, Document
from bigcommerce_integration.accounting.documents import documents

from ..examples import at_most
from .books import Books, balance, by_role, pieces
from .generated import EVENTS, FIRST_DAY, SHIPPED, OrderDraft, host_costs, order_draft, settings

COSTS = host_costs(120)
SEEDS = st.integers(0, 2**32)
EVENT_LISTS = st.lists(st.sampled_from(EVENTS), max_size=12)


def is_sound(document: Document) -> bool:
    """It balances, and each amount is above 0 (of goods: or 0) and in minor units."""
    digits = digits_of(document.currency_code)
    least = 0 if document.kind in GOODS else Decimal(1).scaleb(-digits)
    amounts = [line.amount for line in document.lines if line.amount is not None]
    return balance(document) == 0 and all(each >= least and fits(each, digits) for each in amounts)


def lived(seed: int, events: list[str]) -> tuple[Books, OrderDraft]:
    """The books of an order that had these events, with flags that change and documents that are posted in between."""
    random = Random(seed)
    draft, books = order_draft(random), Books()
    restocks = random.random() < 0.3
    for day, event in enumerate((*events, "")):
        draft.now += timedelta(days=1)
        if event:
            getattr(draft, event)()
        if random.random() < 0.8 or not event:
            today = settings(FIRST_DAY + timedelta(days=day + 1))
            flags = {"syncs_invoices": random.random() < 0.8, "syncs_credits": random.random() < 0.8}
            since = {
                name: random.choice((None, FIRST_DAY + timedelta(day))) for name in ("invoices_from", "credits_from")
            }
            today = replace(today, refund_returns_goods=restocks, **flags, **since)
            books.read(draft, today, COSTS)
            assert all(is_sound(each) for each in books.stored)
            books.post(random)
            books.release(random)
    draft.restocks = restocks
    return books, draft


def fresh(draft: OrderDraft) -> tuple[Document, ...]:
    today = replace(settings(draft.now.date()), refund_returns_goods=draft.restocks)
    return documents(draft.facts(), draft.refunds, draft.returns, today, COSTS, ())


@at_most(100)
@given(SEEDS)
def test_new_documents_of_any_order_are_sound(seed):
    draft = order_draft(Random(seed))
    draft.status, draft.date_shipped = SHIPPED, draft.now
    found = fresh(draft)
    assert all(is_sound(each) for each in found)
    money = [each for each in found if each.kind in MONEY]
    assert sum(each.total for each in money) == draft.facts().total.inc_tax
    assert [each.reasons for each in money if each.reasons] == []


@at_most(200)
@given(SEEDS, EVENT_LISTS)
def test_documents_add_up_to_the_order_as_it_is(seed, events):
    add_up(seed, events)


@pytest.mark.slow
def test_documents_add_up_over_thousands_of_lives():
    for seed in range(8000):
        random = Random(-seed)
        add_up(seed, random.choices(EVENTS, k=random.randint(5, 20)))


def add_up(seed: int, events: list[str]) -> None:
    """What is stored of a sale is what would be made of it today: money exactly, goods to a unit a document."""
    books, draft = lived(seed, events)
    if draft.facts().is_sale:
        wanted, stored = fresh(draft), books.stored
        for kinds in (MONEY, GOODS):
            here, there = ([each for each in some if each.kind in kinds] for some in (stored, wanted))
            differs(by_role(here), by_role(there), (len(here) + len(there)) if kinds == GOODS else 0)
        assert pieces(stored) == pieces(wanted)


def differs(one: dict, other: dict, units: int) -> None:
    """Fail if a role differs by more than so many minor units."""
    for key in one.keys() | other.keys():
        unit = Decimal(1).scaleb(-digits_of(key[0]))
        assert abs(one.get(key, 0) - other.get(key, 0)) <= units * unit, key


@at_most(100)
@given(SEEDS, EVENT_LISTS)
def test_reading_an_order_twice_changes_nothing(seed, events):
    books, draft = lived(seed, events)
    today = replace(settings(draft.now.date()), refund_returns_goods=draft.restocks)
    books.read(draft, today, COSTS)
    before = books.stored
    books.read(draft, replace(today, today=today.today + timedelta(days=9)), COSTS)
    assert books.stored == before


@at_most(100)
@given(SEEDS, EVENT_LISTS)
def test_no_document_is_dated_before_what_it_adjusts(seed, events):
    books, _ = lived(seed, events)
    dates = {each.number: each.date for each in books.stored}
    assert all(each.date >= dates[each.adjusts_number] for each in books.stored if each.adjusts_number is not None)
    invoices = [each.date for each in books.stored if each.kind == "sales_order_invoice"]
    handed = [each for each in books.stored if each.kind == "sales_credit" and each.is_posted]
    assert all(each.date >= invoices[0] for each in handed)


@at_most(50)
@given(SEEDS, st.integers(1, 6))
def test_a_batch_books_the_sum_of_its_documents(seed, orders):
    random, found = Random(seed), []
    for at in range(orders):
        draft = order_draft(random, at + 1)
        draft.status, draft.date_shipped = SHIPPED, draft.now
        found += [each for each in fresh(draft) if each.kind in GOODS and each.currency_code == "USD"]
    lines = summed(found)
    batch = {line.role: line.amount if line.side == "debit" else -line.amount for line in lines}
    by_all: dict[str, Decimal] = {}
    for (_, role, _), amount in by_role(found).items():
        by_all[role] = by_all.get(role, Decimal()) + amount
    assert batch == {role: amount for role, amount in by_all.items() if amount}
    assert sum(batch.values()) == 0


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_shares_add_up_and_none_is_off_by_a_unit(units, weights):
    parts = shared(units, weights)
    whole = sum(weights)
    assert sum(parts) == (units if whole else 0)
    assert all(abs(part * whole - units * weight) < whole for part, weight in zip(parts, weights, strict=True) if whole)
