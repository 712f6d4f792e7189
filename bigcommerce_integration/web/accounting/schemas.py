"""What answers say of accounting documents, batches and their figures."""

from __future__ import annotations

from typing import get_args

from ...accounting.document import KINDS, STATUSES, CostSource, Role, Side
from ...operations.accounting.batches import PERIOD_TYPES
from ...operations.accounting.batches import STATUSES as BATCH_STATUSES
from ...operations.accounting.reasons import AccountingReason
from ...operations.accounting.summary import AWAITING
from ..openapi.fields import AnswerSchema, Part, Shown
from ..openapi.shapes import (
    BOOLEAN,
    COUNT,
    DAY,
    HOST_PRODUCT_ID,
    ID,
    INTEGER,
    MOMENT,
    MONTH,
    STRING,
    JSONSchema,
    decimals,
    list_of,
    one_of,
)

_ROLES, _SIDES, _COST_SOURCES = (get_args(each) for each in (Role, Side, CostSource))
_REASONS: JSONSchema = list_of(one_of(AccountingReason))
_WHY = f"Why it is held, waits or is disabled. {AccountingReason.meanings()}"


_AMOUNT = decimals(4)


class AccountingLine(AnswerSchema):
    """One side of a booking."""

    role = Shown(one_of(_ROLES), "What it is for.", "sales")
    side = Shown(one_of(_SIDES), "Which side.", "credit")
    amount = Shown(
        _AMOUNT, "Above 0, of goods 0 or more; null only if the cost of goods is missing.", "53.4400", is_null=True
    )
    nominal_code_id = Shown(INTEGER, "The host's nominal code; null where the host maps the role.", 400, is_null=True)
    tax_amount = Shown(_AMOUNT, "The tax beside an amount of sales or shipping; else null.", "4.4000", is_null=True)
    bigcommerce_order_line_id = Shown(INTEGER, "The line of the order; null where it is about none.", 11, is_null=True)
    host_product_id = Shown(HOST_PRODUCT_ID, "The host's product that the line is linked to.", 900, is_null=True)
    quantity = Shown(INTEGER, "How many pieces; the side tells whether they left.", 4, is_null=True)
    detail = Shown(STRING, "The payment method, the provider of a payment, `wrapping` or `fees`.", is_null=True)
    cost_source = Shown(
        one_of(_COST_SOURCES),
        "Where the cost of goods is from: the host, the store's own cost price, or nowhere yet.",
        is_null=True,
    )
    derivation = Shown(STRING, "From which fields it is computed.", "discounted_total_inc_tax - total_tax")


class AccountingMemo(AnswerSchema):
    """An estimated cost for reports, outside the balance."""

    kind = Shown(one_of(("marketplace_cost", "payment_cost")), "What costs it.", "payment_cost")
    percentage = Shown({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}, "The setting that it is by.", "2.5")
    amount = Shown(_AMOUNT, "The cost, negative of a credit.", "1.7500")


class AccountingDocument(AnswerSchema):
    """A document for the host's accounting."""

    number = Shown(ID, "Unique within the instance; a number of what was withdrawn is not used again.", 42)
    kind = Shown(one_of(KINDS), "What it books.", "sales_order_invoice")
    status = Shown(one_of(STATUSES), "Where it stands.", "posted")
    reasons = Shown(_REASONS, _WHY, [])
    date = Shown(DAY, "A day in the store's time zone.", "2026-03-02")
    currency_code = Shown(STRING, "By ISO 4217.", "USD")
    bigcommerce_order_id = Shown(INTEGER, "The order.", 218)
    bigcommerce_refund_id = Shown(INTEGER, "The refund; null where it is of none.", is_null=True)
    return_reference = Shown(STRING, "The return of goods; null where it is of none.", is_null=True)
    adjusts_number = Shown(ID, "The document that it adjusts; null of a first one.", is_null=True)
    payment_reference = Shown(STRING, "The order's `payment_provider_id`.", is_null=True)
    customer_id = Shown(INTEGER, "The customer in the store; 0 is a guest.", 11, is_null=True)
    external_order_id = Shown(STRING, "The order's number in another system.", "", is_null=True)
    store_default_currency_code = Shown(STRING, "The store's own currency.", "USD", is_null=True)
    store_default_to_transactional_exchange_rate = Shown(
        decimals(10), "From the store's own currency to that of the document.", "1.0000000000", is_null=True
    )
    total = Shown(
        _AMOUNT,
        "The total of an invoice or credit, the cost of goods; of an adjusting one the difference with its sign. Null "
        "only if a cost is missing.",
        "69.8400",
        is_null=True,
    )
    batch_number = Shown(ID, "The batch that it is in; null where it is handed over singly.", is_null=True)
    host_reference = Shown(STRING, "What the host calls it; null until it is posted.", "J-7", is_null=True)
    posted_at = Shown(MOMENT, "When the host took it.", "2026-03-02T15:01:00.000000Z", is_null=True)
    message = Shown(STRING, "Why it is held, with the sum, or what the host said last.", is_null=True)
    change_number = Shown(INTEGER, "Rises with each change; see `changed_after`.", 4711)


class AccountingDocumentWithLines(AccountingDocument):
    """A document with its lines: debits equal credits."""

    lines = Part(AccountingLine, "Its lines.", many=True)
    memo_lines = Part(AccountingMemo, "Costs that are estimated by a percentage of the settings.", many=True)


class BatchLine(AnswerSchema):
    """All amounts of a batch with one role and nominal code."""

    role = Shown(one_of(_ROLES), "What it is for.", "cogs")
    side = Shown(one_of(_SIDES), "Which side.", "debit")
    amount = Shown(_AMOUNT, "Their sum.", "120.5000", is_null=True)
    nominal_code_id = Shown(INTEGER, "The host's nominal code; null where the host maps the role.", 12, is_null=True)


class AccountingBatch(AnswerSchema):
    """Goods documents of one kind, period and currency, as one posting."""

    number = Shown(ID, "Unique within the instance.", 3)
    kind = Shown(one_of(KINDS), "What it books.", "sales_order_fulfillment")
    period_type = Shown(one_of(PERIOD_TYPES), "How long its period is.", "monthly")
    batch_period = Shown(STRING, "The day, or the month, in the store's time zone.", "2026-03")
    date = Shown(DAY, "The last day of its period.", "2026-03-31")
    currency_code = Shown(STRING, "By ISO 4217.", "USD")
    status = Shown(one_of(BATCH_STATUSES), "Where it stands.", "open")
    document_count = Shown(COUNT, "How many documents are in it.", 12)
    late_count = Shown(COUNT, "How many of them came after the batch of their own period was closed.", 0)
    host_reference = Shown(STRING, "What the host calls it; null until it is posted.", is_null=True)
    posted_at = Shown(MOMENT, "When the host took it.", is_null=True)
    message = Shown(STRING, "What the host said last.", is_null=True)
    lines = Part(BatchLine, "Its lines, from its close on.", many=True)


class AwaitingDocuments(AnswerSchema):
    """Documents of one kind and currency that are not posted for the same reasons."""

    kind = Shown(one_of(KINDS), "What they book.", "sales_order_invoice")
    status = Shown(one_of(AWAITING), "Where they stand.", "held")
    reasons = Shown(_REASONS, _WHY, ["total_mismatch"])
    is_batched = Shown(BOOLEAN, "Whether they are in batches.", False)
    currency_code = Shown(STRING, "By ISO 4217.", "USD")
    count = Shown(COUNT, "How many there are.", 2)
    total = Shown(_AMOUNT, "The sum of their totals; null if a cost is missing.", "130.2000", is_null=True)
    since = Shown(DAY, "The earliest of their days.", "2026-03-02")
    sentence = Shown(STRING, "Why, for people.", AccountingReason.TOTAL_MISMATCH.meaning)


class AccountingSummary(AnswerSchema):
    """What is not in the host's books yet, by kind and why."""

    is_complete = Shown(
        BOOLEAN,
        "Whether documents were made of all that is stored of orders; null before accounting first ran.",
        True,
        is_null=True,
    )
    awaiting = Part(AwaitingDocuments, "By kind and status.", many=True)


class DifferingOrder(AnswerSchema):
    """An order whose invoices are not of its total."""

    bigcommerce_order_id = Shown(INTEGER, "The order.", 101)
    total = Shown(_AMOUNT, "Its total, as it is stored now.", "20.0000")
    invoiced = Shown(_AMOUNT, "What its invoices and their adjustments add up to.", "19.0000", is_null=True)


class TieOutOfCurrency(AnswerSchema):
    """The orders of one currency: `total` is the sum of the six amounts by status, and of `difference`."""

    currency_code = Shown(STRING, "By ISO 4217.", "USD")
    order_count = Shown(COUNT, "How many orders were first invoiced in the month.", 12)
    total = Shown(
        _AMOUNT,
        "The sum of their totals, as they are stored now. One that was cancelled counts as 0 once that is in its "
        "documents.",
        "1200.0000",
    )
    pending = Shown(_AMOUNT, "Of their invoices and later adjustments: those that are handed over next.", "0.0000")
    waiting = Shown(_AMOUNT, "Those that wait.", "0.0000")
    held = Shown(_AMOUNT, "Those that are held.", "69.8400")
    disabled = Shown(_AMOUNT, "Those that a setting keeps back.", "0.0000")
    posted = Shown(_AMOUNT, "Those that the host has.", "1130.1600")
    failed = Shown(_AMOUNT, "Those that the host did not take.", "0.0000")
    difference = Shown(_AMOUNT, "0.0000 where all of each order's total is in its invoices.", "0.0000")
    differing_orders = Part(DifferingOrder, "The first hundred orders for which it is not.", many=True)


class AccountingTieOut(AnswerSchema):
    """A month's orders against their invoices."""

    month = Shown(MONTH, "By the day of the first invoice, in the store's time zone.", "2026-03")
    currencies = Part(TieOutOfCurrency, "By currency; they are never converted.", many=True)


class ReturnedLine(AnswerSchema):
    """Pieces of one line of an order."""

    line_id = Shown(INTEGER, "The line of the order.", 11)
    quantity = Shown(ID, "How many pieces came back.", 1)


class Return(AnswerSchema):
    """Goods that came back."""

    reference = Shown(STRING, "What the host calls it.", "RMA-7")
    bigcommerce_order_id = Shown(INTEGER, "The order.", 218)
    received_at = Shown(DAY, "The day on which they arrived, in the store's time zone.", "2026-03-09")
    lines = Part(ReturnedLine, "What came back.", many=True)
    created_by = Shown(STRING, "Who has reported it.", "1", is_null=True)
    created_at = Shown(MOMENT, "When it was reported.", "2026-03-09T10:00:00.000000Z")
