"""What is not in the books yet, by kind and why, and a month's orders against their invoices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from flask import Response

from ....accounting.document import STATUSES
from ....answers.files import file_answer
from ....models.instances import IntegrationInstance
from ....operations.accounting.batches import list_batches
from ....operations.accounting.documents import is_read, takes_accounting
from ....operations.accounting.exports import export_summary
from ....operations.accounting.summary import awaiting
from ....operations.accounting.tie_out import tie_out
from ....schemas.accounting import QueryMonth
from ....schemas.base import ObjectSchema
from ... import login
from ...forms import read_filters
from ...render import render

READ, POST = "read_accounting", "post_accounting"
_BATCHES = 5


class OverviewPage(ObjectSchema):
    """What the page takes."""

    month = QueryMonth("The month that is compared.")


def get_accounting(instance_id: int) -> Response:
    """What awaits, and the month in the address, or that which it is in the store."""
    context = login.authorize(READ, instance_id)
    first_day = read_filters(OverviewPage()).get("month") or _this_month(context.instance)
    batches, batch_count = list_batches(context, page=1, per_page=_BATCHES)
    return render(
        "accounting.html",
        instance=context.instance,
        takes_accounting=takes_accounting(context),
        is_complete=is_read(context),
        awaiting=awaiting(context),
        month=f"{first_day:%Y-%m}",
        tie_out=tie_out(context, first_day),
        statuses=STATUSES,
        batches=batches,
        batch_count=batch_count,
    )


def get_accounting_summary_file(instance_id: int) -> Response:
    """What is not in the books yet, as a file."""
    context = login.authorize("export", instance_id)
    context.require(READ)
    return file_answer(export_summary(context))


def _this_month(instance: IntegrationInstance) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(instance.store_timezone or "UTC")).date().replace(day=1)
