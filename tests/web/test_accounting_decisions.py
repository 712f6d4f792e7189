"""Release, retry and returns over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker

from ..host_app import HostApp
from .accounted import AccountingHost, add_batch, add_documents, add_order, begin, document, goods, make_documents
from .mirrored import Mirrored, connected, errors

HELD = document(status="held", reasons=("total_mismatch",), message="The parts add up to 70.00.")


@pytest.fixture
def booked(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> Iterator[Mirrored]:
    """A store of a host that has books, with an order that does not add up; accounting has run for it."""
    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(AccountingHost))
    host_app.create_rows(app)
    mirrored = connected(app, host_app)
    begin(mirrored)
    add_order(mirrored)
    yield mirrored
    host_app.dispose(app)


def held(booked: Mirrored) -> tuple[int, str]:
    """The number and the ETag of the invoice that is held."""
    number = make_documents(booked)
    return number, booked.ask(f"accounting-documents/{number}").headers["ETag"]


def release(booked: Mirrored, number: int, etag: str | None) -> Any:
    headers = {} if etag is None else {"If-Match": etag}
    return booked.ask(f"accounting-documents/{number}/release", method="POST", headers=headers)


def test_a_release_holds_for_the_version_that_was_seen(booked: Mirrored) -> None:
    number, etag = held(booked)
    answer = release(booked, number, etag)
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "pending")
    assert answer.json["data"]["reasons"] == ["total_mismatch", "lines_mismatch"]
    assert answer.headers["ETag"] == etag
    (deed, *_) = booked.get("history")["data"]
    assert (deed["action"], deed["done_by"], deed["changes"]["document"]) == ("release", "1", number)
    assert release(booked, number, etag).status_code == 409
    assert release(booked, number, "another").status_code == 412, "whatever its state is"


def test_another_version_is_not_released(booked: Mirrored) -> None:
    number, _ = held(booked)
    answer = release(booked, number, '"0000"')
    assert (answer.status_code, answer.json["message"]) == (
        412,
        "The document was changed since you read it. Read it again and decide anew.",
    )


@pytest.mark.parametrize("etag", [None, "*"])
def test_a_release_must_name_the_version(booked: Mirrored, etag: str | None) -> None:
    number, _ = held(booked)
    answer = release(booked, number, etag)
    assert (answer.status_code, answer.json["message"]) == (
        428,
        "Say which version you have seen: send its ETag as If-Match.",
    )
    assert release(booked, 999, '"x"').status_code == 404


def test_what_failed_is_handed_over_again(booked: Mirrored) -> None:
    add_documents(booked, [document(status="failed", message="Closed"), document()], tries=14)
    answer = booked.ask("accounting-documents/1/retry", method="POST")
    assert (answer.status_code, answer.json["data"]["status"], answer.json["data"]["message"]) == (
        200,
        "pending",
        None,
    )
    refused = booked.ask("accounting-documents/2/retry", method="POST")
    assert (refused.status_code, "is posted" in refused.json["message"]) == (409, True)
    add_batch(booked, 1, status="failed", tries=14)
    assert booked.ask("accounting-batches/1/retry", method="POST").json["data"]["status"] == "pending"
    deeds = [(each["action"], each["changes"]) for each in booked.get("history")["data"][:2]]
    assert deeds == [("retry_posting", {"batch": 1}), ("retry_posting", {"document": 1})]


def test_a_document_of_a_batch_is_retried_with_it(booked: Mirrored) -> None:
    add_documents(booked, [goods(status="pending")], batch_number=add_batch(booked, 7, status="failed"))
    answer = booked.ask("accounting-documents/1/retry", method="POST")
    assert (answer.status_code, "batch 7" in answer.json["message"]) == (409, True)


def give_back(booked: Mirrored, **changes: Any) -> Any:
    body = {"reference": "RMA-7", "received_at": "2026-03-09", "lines": [{"line_id": 11, "quantity": 1}]}
    return booked.ask("orders/218/returns", method="POST", json=body | changes)


def test_the_same_return_is_noted_once(booked: Mirrored) -> None:
    first, second = give_back(booked), give_back(booked)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert first.json["data"] | {"created_at": None} == {
        "reference": "RMA-7",
        "bigcommerce_order_id": 218,
        "received_at": "2026-03-09",
        "lines": [{"line_id": 11, "quantity": 1}],
        "created_by": "1",
        "created_at": None,
    }
    assert errors(give_back(booked, received_at="2026-03-10")) == {"reference": ["Another return has this reference."]}


def test_no_more_comes_back_than_was_shipped(booked: Mirrored) -> None:
    found = errors(give_back(booked, lines=[{"line_id": 11, "quantity": 5}, {"line_id": 12, "quantity": 1}]))
    assert found["lines.1.line_id"] == ["Order 218 has no such line."]
    assert "at most 4 can come back" in found["lines.0.quantity"][0]
    body = {"reference": "R", "received_at": "2026-03-09", "lines": [{"line_id": 11, "quantity": 1}]}
    assert booked.ask("orders/999/returns", method="POST", json=body).status_code == 404


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"reference": " "}, "reference"),
        ({"received_at": "9 March"}, "received_at"),
        ({"received_at": "2999-01-01"}, "received_at"),
        ({"lines": []}, "lines"),
        ({"lines": [{"line_id": 11}]}, "lines.0"),
        ({"lines": [{"line_id": 11, "quantity": 0}]}, "lines.0"),
        ({"lines": [{"line_id": 11, "quantity": 1}] * 2}, "lines"),
        ({"refund": True}, "refund"),
    ],
)
def test_a_return_that_is_none_is_refused(booked: Mirrored, changes: dict[str, Any], path: str) -> None:
    assert path in errors(give_back(booked, **changes))


def test_decisions_need_their_permission(booked: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    add_documents(booked, [HELD])
    host = booked.app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "_may", lambda action, instance: action != "post_accounting")
    assert release(booked, 1, '"x"').status_code == 403
    assert give_back(booked).status_code == 403
    for path in ("accounting-documents/1/retry", "accounting-batches/1/retry"):
        assert booked.ask(path, method="POST").status_code == 403


def findings(booked: Mirrored) -> dict[str, dict[str, Any]]:
    answer = booked.client.get(f"/api/big-commerce/{booked.instance_id}").json
    return {each["code"]: each for each in answer["data"]["health"]["findings"]}


def test_what_is_held_or_was_not_taken_needs_a_person(booked: Mirrored) -> None:
    assert not {"documents_held", "postings_failed", "documents_waiting"} & set(findings(booked))
    add_documents(booked, [HELD, document(status="held", reasons=("host", "total_mismatch")), document()])
    add_documents(booked, [document(status="failed", message="Closed")])
    add_batch(booked, 1, status="failed")
    waits = {"status": "waiting", "reasons": ("cost_missing",), "total": None}
    add_documents(booked, [goods(**waits), goods(**waits)])
    found = findings(booked)
    held = found["documents_held"]
    assert (held["severity"], held["action"], held["link"]) == (
        "person",
        "open_documents",
        "accounting/documents?status=held",
    )
    assert held["sentence"].startswith(
        "2 accounting documents are held and stay out of your books until somebody has looked. 2: The parts of the "
        "order do not add up to its total. 1: The host has a reason of its own."
    )
    assert found["postings_failed"]["sentence"].startswith("Your books did not take 1 accounting document and 1 batch,")
    waiting = found["documents_waiting"]
    assert (waiting["severity"], waiting["sentence"]) == (
        "wait",
        "2 accounting documents wait. The cost of the goods is not known yet. Nothing is lost.",
    )


def test_a_batch_alone_leads_to_the_batches(booked: Mirrored) -> None:
    add_batch(booked, 1, status="failed")
    assert findings(booked)["postings_failed"]["link"] == "accounting/batches?status=failed"


def reasons(booked: Mirrored) -> list[tuple[str, str, str]]:
    answer = booked.ask("explain?order=218").json["data"]["reasons"]
    return [
        (each["code"], each["action"], each["message"])
        for each in answer
        if "book" in each["code"] or "doc" in each["code"]
    ]


def test_explain_says_why_an_order_is_not_in_the_books(booked: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    ((code, _, message),) = reasons(booked)
    assert (code, message) == (
        "no_document",
        "It is not in your books yet: its documents are made when a worker has time.",
    )
    add_documents(booked, [document(), HELD, goods(status="waiting", reasons=("cost_missing",))])
    assert [(code, action) for code, action, _ in reasons(booked)] == [
        ("not_in_books", "open_documents"),
        ("not_yet_in_books", "none"),
        ("in_books", "none"),
    ]
    assert reasons(booked)[0][2] == (
        "Invoice 2 of 2 Mar 2026: The parts add up to 70.00. It stays out of your books until somebody releases it."
    )
    host = booked.app.extensions["bigcommerce_integration"].host
    monkeypatch.setattr(host, "_may", lambda action, instance: action != "read_accounting")
    assert reasons(booked) == []
