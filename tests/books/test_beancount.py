"""The books of a thousand orders, read by another accounting program."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask

from bigcommerce_integration.sandbox import SandboxServer, SandboxStore

from ..host_app import HostApp, bearer, new_instance
from ..processes import wait_until
from ..test_end_to_end import working
from .kit import opened

URL = "/api/big-commerce"
ACCOUNTS = {
    "receivable": "Assets:Receivable",
    "inventory": "Assets:Inventory",
    "tax": "Liabilities:Tax",
    "gift_certificates": "Liabilities:GiftCertificates",
    "store_credit": "Liabilities:StoreCredit",
    "sales": "Income:Sales",
    "shipping_revenue": "Income:Shipping",
    "rounding": "Income:Rounding",
    "sales_returns_allowances": "Expenses:Returns",
    "shipping_refund": "Expenses:ShippingRefunds",
    "cogs": "Expenses:CostOfGoods",
}
Documents = Mapping[str, Sequence[Mapping[str, str]]]


@contextmanager
def booked(orders: int, host_app: HostApp, broker: StubBroker, url: str) -> Iterator[tuple[Flask, dict[str, str]]]:
    """A host app whose store has so many orders, all of them in its books as far as they are due."""
    with SandboxServer(SandboxStore(200, orders)) as server:
        app, host = opened(host_app, url, broker, BIGCOMMERCE_API_URL=server.api_url, BIGCOMMERCE_TICK_S=0.2)
        host.accounting_start = lambda *_: date(2000, 1, 1)
        host.unit_costs = lambda _session, _instance, ids, _on: dict.fromkeys(ids, (Decimal("4.20"), "USD"))
        body = new_instance(
            connection_settings__access_token=server.access_token,
            integration_settings__store_hash=server.store_hash,
            integration_settings__start_date="2000-01-01",
            integration_settings__auto_create_products=True,
        )
        client, headers = app.test_client(), bearer(app)
        assert client.post(f"{URL}?verify=false", json=body, headers=headers).status_code == 201

        def is_booked() -> bool:
            instance = client.get(f"{URL}/1", headers=headers).json["data"]
            if {each["status"] for each in instance["refreshes"]} != {"completed"}:
                return False
            found = client.get(f"{URL}/1/accounting-summary", headers=headers).json["data"]
            return found["is_complete"] is True and all(each["status"] != "pending" for each in found["awaiting"])

        with working(broker):
            wait_until(is_booked, 600, "the books", every_s=0.5)
        yield app, headers
        host_app.dispose(app)


def exported(app: Flask, headers: dict[str, str]) -> Documents:
    """The lines of what is posted, by document."""
    answer = app.test_client().get(f"{URL}/1/accounting-documents/export.csv?status=posted", headers=headers)
    assert answer.status_code == 200
    found: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")):
        found[row["number"]].append(row)
    return found


def differing(app: Flask, headers: dict[str, str], documents: Documents) -> list[int]:
    """The orders that are of another total than their invoices, in any month."""
    client, found = app.test_client(), []
    for month in sorted({lines[0]["date"][:7] for lines in documents.values()}):
        tie_out = client.get(f"{URL}/1/accounting-tie-out?month={month}", headers=headers).json["data"]
        for each in tie_out["currencies"]:
            found += [one["bigcommerce_order_id"] for one in each["differing_orders"]]
            assert bool(Decimal(each["difference"])) == bool(each["differing_orders"])
    return found


def reasons(app: Flask, headers: dict[str, str], order_id: int) -> set[str]:
    """Why the documents of an order are held."""
    path = f"{URL}/1/accounting-documents?status=held&bigcommerce_order_id={order_id}"
    listed = app.test_client().get(path, headers=headers).json["data"]
    return {reason for each in listed for reason in each["reasons"]}


def imbalances(documents: Documents) -> dict[str, Decimal]:
    """The documents whose debits and credits are not the very same."""
    sums = {
        number: sum((Decimal(each["amount"]) * (1 if each["side"] == "debit" else -1) for each in lines), Decimal())
        for number, lines in documents.items()
    }
    return {number: total for number, total in sums.items() if total != 0}


def beancount(documents: Documents) -> str:
    """The same as beancount's own text, an entry for each document."""
    texts = [f"2000-01-01 open {account}" for account in ACCOUNTS.values()]
    for number, lines in documents.items():
        texts.append(f'\n{lines[0]["date"]} * "{lines[0]["kind"]} {number}"')
        for each in lines:
            sign = "" if each["side"] == "debit" else "-"
            texts.append(f"  {ACCOUNTS[each['role']]}  {sign}{each['amount']} {each['currency_code']}")
    return "\n".join(texts) + "\n"


def bean_check(ledger: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """What beancount says of it; the test is skipped, with the reason, where it is not installed."""
    beside = Path(sys.executable).parent / "bean-check"
    program = str(beside) if beside.exists() else shutil.which("bean-check")
    if program is None:
        reason = "needs pip install beancount"
        pytest.fail(reason) if os.environ.get("REQUIRE_SERVICES") else pytest.skip(reason)
    file = directory / "books.beancount"
    file.write_text(ledger)
    return subprocess.run([program, str(file)], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.ci
def test_books_of_a_thousand_orders_pass_bean_check(
    bookkeeper: HostApp, broker: StubBroker, sqlite_url: str, tmp_path: Path
) -> None:
    with booked(1000, bookkeeper, broker, sqlite_url) as (app, headers):
        documents = exported(app, headers)
        # A total with more decimals than its currency has is in no document, and held.
        for order_id in differing(app, headers, documents):
            assert "minor_unit" in reasons(app, headers, order_id), order_id
    kinds: Counter[Any] = Counter(lines[0]["kind"] for lines in documents.values())
    assert kinds["sales_order_invoice"] > 100, kinds
    assert kinds["sales_credit"] > 0, kinds
    assert kinds["sales_order_fulfillment"] > 100, kinds
    assert {len({each["currency_code"] for each in lines}) for lines in documents.values()} == {1}
    # It forgives half of the last digit printed; these are the same to the last.
    assert imbalances(documents) == {}
    done = bean_check(beancount(documents), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bean_check_finds_what_does_not_balance(tmp_path: Path) -> None:
    def line(role: str, side: str, amount: str) -> dict[str, str]:
        head = {"date": "2026-03-02", "kind": "sales_order_invoice", "currency_code": "USD"}
        return head | {"role": role, "side": side, "amount": amount}

    even = {"1": [line("receivable", "debit", "69.84"), line("sales", "credit", "69.84")]}
    odd = {"1": [line("receivable", "debit", "69.84"), line("sales", "credit", "69.83")]}
    assert (imbalances(even), imbalances(odd)) == ({}, {"1": Decimal("0.01")})
    assert bean_check(beancount(even), tmp_path).returncode == 0
    refused = bean_check(beancount(odd), tmp_path)
    assert (refused.returncode, "does not balance" in refused.stderr) == (1, True)
