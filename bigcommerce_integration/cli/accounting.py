"""``accounting``: documents for the host's books, what is not in them yet, and what a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import click
from marshmallow import ValidationError

from ..accounting.document import KINDS, STATUSES
from ..answers.accounting import (
    batch_answer,
    document_answer,
    document_row_answer,
    summary_answer,
    tie_out_answer,
)
from ..operations.accounting import decisions
from ..operations.accounting.batches import BatchView, find_batch, list_batches
from ..operations.accounting.documents import (
    DocumentView,
    find_document,
    is_read,
    shown_columns,
    takes_accounting,
    wanted,
)
from ..operations.accounting.summary import Awaiting, awaiting
from ..operations.accounting.tie_out import TieOut, tie_out
from ..operations.context import RequestContext
from ..operations.lists.paging import read_page
from ..schemas.accounting import QueryMonth
from .command import FOUND, WrongInput, command, context_of, json_option
from .output import harmless, print_json, print_pairs, print_table

MOST_LISTED = 1000
_NO_HOST = "This host takes no accounting documents (it has no post_accounting), so none are made."
_SIDES = ("ROLE", "DEBIT", "CREDIT", "CODE")
_number = click.argument("number", metavar="NUMBER", type=click.IntRange(1))
_is_batch = click.option("--batch", "is_batch", is_flag=True, help="NUMBER is that of a batch.")


@click.group("accounting")
@click.argument("instance_id", metavar="INSTANCE", type=int)
def accounting_group(instance_id: int) -> None:
    """Documents for your books, what is not in them yet, and why."""


@command("summary")
@click.option("--strict", is_flag=True, help="End with 3 if any is held or has failed.")
@json_option
def summary_command(*, strict: bool, as_json: bool) -> None:
    """What is not in the books yet, by kind and why."""
    context = _context()
    found, is_complete = awaiting(context), is_read(context)
    if as_json:
        print_json({"data": summary_answer(found, is_complete=is_complete)})
    else:
        _print_summary(context, found, is_complete=is_complete)
    if strict and any(each.status in ("held", "failed") for each in found):
        raise click.exceptions.Exit(FOUND)


@command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that stand so.")
@click.option("--batch-period", metavar="PERIOD", help="Only those in batches of this day or month.")
@click.option("--order", "bigcommerce_order_id", type=click.IntRange(1), help="Only those of this order.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True)
@json_option
def list_command(*, limit: int, as_json: bool, **filters: Any) -> None:
    """The documents, the newest first."""
    context = _context()
    given = {name: value for name, value in filters.items() if value is not None}
    found = wanted(context, given, is_descending=True)
    rows = read_page(context.session, found, shown_columns(context), None, limit).rows
    if as_json:
        print_json({"data": [document_row_answer(row) for row in rows]})
        return
    if not rows:
        click.echo("There are no such documents.")
        return
    print_table(
        ["NUMBER", "DATE", "KIND", "STATUS", "WHY", "ORDER", "TOTAL", "CURRENCY", "BATCH"],
        [
            (
                row.number,
                row.date,
                row.kind,
                row.status,
                row.reasons or None,
                row.bigcommerce_order_id,
                row.total,
                row.currency_code,
                row.batch_number,
            )
            for row in rows
        ],
    )


@command("show")
@_number
@_is_batch
@json_option
def show_command(*, number: int, is_batch: bool, as_json: bool) -> None:
    """One document with its lines, or one batch."""
    context = _context()
    if is_batch:
        batch = find_batch(context, number)
        print_json({"data": batch_answer(batch)}) if as_json else _print_batch(batch)
        return
    view = find_document(context, number)
    print_json({"data": document_answer(view)}) if as_json else _print_document(view)


@command("batches")
@json_option
def batches_command(*, as_json: bool) -> None:
    """The newest hundred batches."""
    views, _ = list_batches(_context(), page=1, per_page=100)
    if as_json:
        print_json({"data": [batch_answer(view) for view in views]})
        return
    print_table(
        ["NUMBER", "KIND", "PERIOD", "CURRENCY", "STATUS", "DOCUMENTS", "LATE", "REFERENCE"],
        [
            (
                view.row.number,
                view.row.kind,
                view.row.batch_period,
                view.row.currency_code,
                view.row.status,
                view.row.document_count,
                view.row.late_count,
                view.row.host_reference,
            )
            for view in views
        ],
    )


@command("tie-out")
@click.argument("month", metavar="YYYY-MM", callback=lambda _context, _option, text: _month(text))
@json_option
def tie_out_command(*, month: date, as_json: bool) -> None:
    """A month's orders against their invoices. Ends with 3 if a sum differs."""
    found = tie_out(_context(), month)
    if as_json:
        print_json({"data": tie_out_answer(month, found)})
    else:
        _print_tie_out(found)
    if any(each.difference for each in found):
        raise click.exceptions.Exit(FOUND)


@command("release")
@_number
@click.option("--version", metavar="VERSION", help="The version that was seen (the ETag); without it you are asked.")
@json_option
def release_command(*, number: int, version: str | None, as_json: bool) -> None:
    """Release a document that is held, so that it is handed over as it is."""
    context = _context()
    seen = version
    if seen is None:
        view = find_document(context, number)
        _print_document(view)
        click.confirm("\nRelease it as it is?", abort=True)
        seen = view.version
    released = decisions.release_document(context, number, {seen})
    print_json({"data": document_answer(released)}) if as_json else click.echo(released.why)


@command("retry")
@_number
@_is_batch
@json_option
def retry_command(*, number: int, is_batch: bool, as_json: bool) -> None:
    """Hand over again what the books did not take."""
    context = _context()
    if is_batch:
        batch = decisions.retry_batch(context, number)
        print_json({"data": batch_answer(batch)}) if as_json else click.echo(batch.why)
        return
    view = decisions.retry_document(context, number)
    print_json({"data": document_answer(view)}) if as_json else click.echo(view.why)


for _command in (
    summary_command,
    list_command,
    show_command,
    batches_command,
    tie_out_command,
    release_command,
    retry_command,
):
    accounting_group.add_command(_command)


def _context() -> RequestContext:
    """The instance that the group was given."""
    parent = click.get_current_context().parent
    assert parent is not None
    return context_of(parent.params["instance_id"])


def _month(text: str) -> date:
    try:
        return QueryMonth().read(text)
    except ValidationError:
        raise WrongInput("Give a month such as 2026-03.") from None


def _print_summary(context: RequestContext, found: Sequence[Awaiting], *, is_complete: bool | None) -> None:
    if not takes_accounting(context):
        click.echo(_NO_HOST)
    elif is_complete is not True:
        click.echo("Documents were not made yet of all that is stored: a worker makes them.")
    if not found:
        click.echo("Nothing awaits: all documents are in your books.")
        return
    print_table(
        ["KIND", "STATUS", "COUNT", "TOTAL", "CURRENCY", "SINCE", "WHY"],
        [
            (each.kind, each.status, each.count, each.total, each.currency_code, each.since, each.sentence)
            for each in found
        ],
    )


def _print_document(view: DocumentView) -> None:
    row = view.row
    click.echo(f"Document {row.number}: {row.kind} of order {row.bigcommerce_order_id}")
    print_pairs(
        [
            ("status", row.status),
            ("why", view.why),
            ("date", row.date),
            ("total", f"{'unknown' if row.total is None else row.total} {row.currency_code}"),
            *(
                (name.replace("_", " "), row._mapping[name])
                for name in ("bigcommerce_refund_id", "return_reference", "adjusts_number", "batch_number")
                if row._mapping[name] is not None
            ),
            ("version", view.version),
        ]
    )
    print_table(
        [*_SIDES, "LINE", "PIECES", "FROM"],
        [(*_sides(line), line.order_line_id, line.quantity, line.derivation) for line in view.lines],
    )
    for memo in view.memo_lines:
        click.echo(f"Memo: {memo.kind} {memo.percentage} % is {memo.amount}")


def _sides(line: Any) -> tuple[object, ...]:
    """The cells of one line under ``_SIDES``: its amount stands on one of the two."""
    amounts = (line.amount if line.side == side else None for side in ("debit", "credit"))
    return line.role, *amounts, line.nominal_code_id


def _print_batch(view: BatchView) -> None:
    row = view.row
    click.echo(f"Batch {row.number}: {row.kind} of {row.batch_period} in {harmless(row.currency_code)}")
    print_pairs(
        [("status", row.status), ("why", view.why), ("documents", row.document_count), ("late", row.late_count)]
    )
    if view.lines:
        print_table(_SIDES, list(map(_sides, view.lines)))


def _print_tie_out(found: Sequence[TieOut]) -> None:
    if not found:
        click.echo("No order was invoiced in this month.")
        return
    statuses = list(found[0].by_status)
    print_table(
        ["CURRENCY", "ORDERS", "TOTAL", *map(str.upper, statuses), "DIFFERENCE"],
        [
            (each.currency_code, each.orders, each.total, *(each.by_status[name] for name in statuses), each.difference)
            for each in found
        ],
    )
    for each in found:
        for order in each.differing:
            click.echo(
                f"Order {order.order_id} is of {order.order_total} {harmless(each.currency_code)}, and its invoices of "
                f"{order.invoiced}."
            )
