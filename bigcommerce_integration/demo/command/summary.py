"""What the demo prints at the end: numbers, first rows, the comparison, and commands to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from ..host.app import USER_NAME
from ..host.journal import Balance
from .comparison import Report
from .terminal import Terminal

Refresh = dict[str, Any]
_SHOWN_DIFFERENCES = 20
_FIRST_PRODUCTS = """
SELECT p.bigcommerce_id, p.name, p.price,
       (SELECT COUNT(*) FROM bigcommerce_variants v
        WHERE v.instance_id = p.instance_id AND v.bigcommerce_product_id = p.bigcommerce_id) AS variants,
       (SELECT COUNT(v.host_product_id) FROM bigcommerce_variants v
        WHERE v.instance_id = p.instance_id AND v.bigcommerce_product_id = p.bigcommerce_id) AS linked
FROM bigcommerce_products p WHERE p.instance_id = :instance_id ORDER BY p.bigcommerce_id LIMIT 5
"""
_FIRST_ORDERS = """
SELECT o.bigcommerce_id, o.date_created, o.status_id, o.total_inc_tax, o.default_currency_code,
       (SELECT COUNT(*) FROM bigcommerce_order_lines l
        WHERE l.instance_id = o.instance_id AND l.bigcommerce_order_id = o.bigcommerce_id) AS line_count
FROM bigcommerce_orders o WHERE o.instance_id = :instance_id ORDER BY o.bigcommerce_id LIMIT 5
"""


def print_summary(terminal: Terminal, refreshes: Sequence[Refresh], connection: Connection, instance_id: int) -> None:
    """The results of the refreshes, and the first rows of what they stored."""
    terminal.heading("Summary")
    names = ("fetched", "created", "referenced", "linked", "products_created", "rejected", "requests")
    heads = ("", "status", "records", "new", "for orders", "linked", "made", "rejected", "requests", "seconds")
    widths = (9, 10, 8, 8, 10, 8, 8, 8, 8, 8)
    terminal.table(
        heads,
        [
            (each["resource"], each["status"], *(each["results"][name] for name in names), _seconds(each))
            for each in refreshes
        ],
        widths,
    )
    for refresh in refreshes:
        if refresh["message"] != "Completed.":
            terminal.print_line(f"  {refresh['resource']}: {refresh['message']}")
    parameters = {"instance_id": instance_id}
    terminal.heading("First products")
    products = [tuple(row) for row in connection.execute(text(_FIRST_PRODUCTS), parameters)]
    terminal.table(
        ("id", "name", "price", "variants", "linked"),
        [(str(row[0]), row[1], _amount(row[2]), row[3], row[4]) for row in products],
        (6, 40, 10, 8, 8),
    )
    terminal.heading("First orders")
    orders = [tuple(row) for row in connection.execute(text(_FIRST_ORDERS), parameters)]
    terminal.table(
        ("id", "created (UTC)", "status", "total", "", "lines"),
        [(str(row[0]), str(row[1])[:19], str(row[2]), _amount(row[3]), row[4], row[5]) for row in orders],
        (6, 19, 6, 10, 3, 6),
    )


def print_counts(
    terminal: Terminal, refreshes: Sequence[Refresh], in_store: Mapping[str, int], start_date: date
) -> None:
    """Why what is stored are fewer records than the store has, by resource."""
    terminal.heading(f"Why these numbers (start date {start_date.isoformat()})")
    results = {refresh["resource"]: refresh["results"] for refresh in refreshes}
    # The later of two refreshes fetches the products that orders refer to, whichever that is.
    referenced = {"products": sum(each["referenced"] for each in results.values()), "orders": 0, "refunds": 0}
    for resource, dated in (("products", "modified"), ("orders", "created"), ("refunds", "made")):
        created, older = results[resource]["created"], referenced[resource]
        terminal.print_line(f"  The store has {in_store[resource]:,} {resource}:")
        terminal.print_line(f"{created:>9,} were {dated} on the start date or later.")
        if older:
            of_older = (
                "is older, but here because orders refer to it",
                "are older, but here because orders refer to them",
            )
            terminal.print_line(f"{older:>9,} {of_older[older > 1]}.")
        if stayed_out := in_store[resource] - created - older:
            terminal.print_line(f"{stayed_out:>9,} {('is older and stays', 'are older and stay')[stayed_out > 1]} out.")


def print_report(terminal: Terminal, report: Report) -> None:
    """Print whether counts and payloads are the store's."""
    terminal.heading("Compared with the store")
    for table, count in report.counts.items():
        terminal.print_line(f"  {table:<28}{count:>9,} rows")
    if not report.differences:
        terminal.print_line("  Every count and every payload is as it is in the store.")
        return
    terminal.print_line(f"  {len(report.differences):,} DIFFERENCES:")
    for difference in report.differences[:_SHOWN_DIFFERENCES]:
        terminal.print_line(f"    {difference}")
    if len(report.differences) > _SHOWN_DIFFERENCES:
        terminal.print_line(f"    … and {len(report.differences) - _SHOWN_DIFFERENCES:,} more")


def print_books(terminal: Terminal, balances: Sequence[Balance], awaiting: Sequence[Mapping[str, Any]]) -> None:
    """The company's trial balance, and what is not in its books, by kind and why."""
    terminal.heading("In the company's books")
    terminal.table(
        ("", "postings", "debits", "credits", "balance"),
        [
            (each.currency_code, each.postings, *map(_amount, (each.debits, each.credits, each.debits - each.credits)))
            for each in balances
        ],
        (4, 10, 16, 16, 10),
    )
    if not balances:
        terminal.print_line("  Nothing was posted: no order is shipped.")
    elif all(each.is_even for each in balances):
        terminal.print_line("  Debits equal credits in each currency: the trial balance is zero.")
    else:
        terminal.print_line("  DEBITS AND CREDITS DIFFER.")
    for each in awaiting:
        kind, count = each["kind"].replace("_", " "), each["count"]
        terminal.print_line(f"  {count:>6,} {kind} {each['status']} in {each['currency_code']}: {each['sentence']}")


def curl_lines(terminal: Terminal, address: str, password: str, request_body: Mapping[str, Any]) -> None:
    """Commands to go on with, which work as they stand."""
    login = json.dumps({"username": USER_NAME, "password": password})
    body = json.dumps(request_body)
    pick = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])'"
    auth = '-H "Authorization: Bearer $TOKEN"'
    as_json = "-H 'Content-Type: application/json'"
    terminal.heading("Go on by hand, in another terminal:")
    terminal.print_line(f"TOKEN=$(curl -s {address}/login {as_json} -d '{login}' | {pick})")
    for path in ("api/big-commerce/1", "api/big-commerce/1/refreshes/1", "products", "trial-balance"):
        terminal.print_line(f"curl -s {address}/{path} {auth}")
    terminal.print_line(f"curl -s {address}/api/big-commerce {auth} {as_json} -d '{body}'")
    terminal.print_line()
    terminal.print_line("Ctrl-C ends everything.")


def _seconds(refresh: Refresh) -> float | None:
    if refresh["started_at"] is None or refresh["finished_at"] is None:
        return None
    begun, ended = (datetime.fromisoformat(refresh[name]) for name in ("started_at", "finished_at"))
    return (ended - begun).total_seconds()


def _amount(value: Any) -> str | None:
    return None if value is None else f"{value:.2f}"
