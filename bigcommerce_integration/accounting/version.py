"""The version of a document: what a person judges, and releases, as a short text."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256

from .document import Document


def version(document: Document) -> str:
    """64 hexadecimal digits; equal if kind, day, currency, lines and reasons are.

    Its number, status, message, memo lines, nominal codes and derivations are no part of it: they change nothing of
    the amounts that are booked.
    """
    judged = [
        document.kind,
        document.date.isoformat(),
        document.currency_code,
        document.order_id,
        document.refund_id,
        document.return_reference,
        document.adjusts_number,
        sorted(document.reasons),
        [
            [
                line.role,
                line.side,
                _plain(line.amount),
                _plain(line.tax_amount),
                line.order_line_id,
                None if line.host_product_id is None else str(line.host_product_id),
                line.quantity,
                line.detail,
                line.cost_source,
            ]
            for line in document.lines
        ],
    ]
    return sha256(json.dumps(judged, separators=(",", ":")).encode()).hexdigest()


def _plain(amount: Decimal | None) -> str | None:
    """Without the zeros at the end, as a database adds some."""
    return None if amount is None else f"{amount.normalize():f}"
