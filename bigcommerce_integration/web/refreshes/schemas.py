"""What answers say of a refresh."""

from __future__ import annotations

from typing import Any

from ...errors import RefreshCode
from ...models.refreshes import COUNTERS, STATUSES
from ...refresh.job.parameters import MODES
from ...resources.orders import ORDERS
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.shapes import COLLECTION, COUNT, DAY, ID, MOMENT, SECONDS, STRING, WHOLE_PERCENTAGE, list_of, one_of

FAILED = "Why it failed, for programs; null if it did not, and for refreshes of 0.1.0."
_COUNTED = {
    "fetched": "Records that the store sent.",
    "created": "Records that are new here.",
    "updated": "Records that had changed.",
    "unchanged": "Records that had not changed.",
    "skipped": "Records that are not stored, as they are older than the start date.",
    "deleted": "Records that the store no longer has.",
    "linked": "Variants that were linked.",
    "products_created": "Products of the host that were made.",
    "referenced": "Products that are here only since an order refers to them.",
    "rejected": "Records that could not be stored.",
    "conflicts": "Variants that were left unlinked with a reason.",
    "refused": "Products that the host would not make.",
    "notes": (
        "How many rows this refresh wrote with notes: of products, variants, orders and order lines. One that is "
        "written again counts again, one that did not change does not."
    ),
    "requests": "Requests to the store.",
}
_EXAMPLE = {"fetched": 500, "created": 120, "updated": 3, "unchanged": 377, "requests": 4}


class RefreshParameters(AnswerSchema):
    """What the mode was given."""

    date_from = Shown(DAY, "The first day, in the store's time zone.", "2026-01-01", is_optional=True)
    date_to = Shown(DAY, "The last day, in the store's time zone.", "2026-01-31", is_optional=True)
    ids = Shown(list_of(ID), "The ids of the records.", is_optional=True)
    allow_mass_delete = Shown({"const": True}, "More may be deleted than is plausible.", is_optional=True)
    is_repair = Shown({"const": True}, "It repairs what a reconciliation found.", is_optional=True)


class _Spent(AnswerSchema):
    waited_s = Shown(SECONDS, "Seconds without work: for the store's quota or recovery, and until a retry.", 0.0)
    total = Shown(COUNT, "How many the store said there are; null if it has not said.", 1000, is_null=True)


RefreshResults = _Spent.from_dict(
    {name: Shown(COUNT, _COUNTED[name], _EXAMPLE.get(name, 0)) for name in COUNTERS}, name="RefreshResults"
)
RefreshResults.__doc__ = "Counts of records, but for notes, requests and seconds."


class Refresh(AnswerSchema):
    """One run that brings an instance's rows of one collection up to date."""

    id = Shown(ID, "Its id.", 12)
    resource = Shown(COLLECTION, "The collection that it reads.", ORDERS.name)
    mode = Shown(one_of(MODES), "What it reads of the collection.", "date_range")
    parameters = Part(RefreshParameters, "What the mode was given.")
    requested_by = Shown(
        STRING,
        "Who asked for it: the JWT's identity, or `cli:` and the system's user; null is the automatic sync.",
        "ada",
        is_null=True,
    )
    status = Shown(one_of(STATUSES), "Its status.", "processing")
    phase = Shown(STRING, "What is being done.", "walk", is_null=True)
    progress_percentage = Shown(
        WHOLE_PERCENTAGE, "100 only once it is completed; null before the start.", 50, is_null=True
    )
    message = Shown(
        STRING, "What is being done, or what a person has to do.", "Reading orders: 500 of 1000.", is_null=True
    )
    error_code = Coded(RefreshCode, FAILED, is_null=True)
    results = Part(RefreshResults, "What it has done so far.")
    records_per_s = Shown(SECONDS, "Records a second while it works; waits are left out.", 250.0, is_null=True)
    eta_s = Shown(SECONDS, "Seconds of reading that are left at that rate.", 2.0, is_null=True)
    quota_left = Shown(COUNT, "What the store last said is left of its quota of requests.", 143, is_null=True)
    created_at = Shown(MOMENT, "When it was asked for.", "2026-02-01T12:00:00.000000Z")
    started_at = Shown(MOMENT, "When a worker began with it.", "2026-02-01T12:00:00.250000Z", is_null=True)
    finished_at = Shown(MOMENT, "When it ended.", is_null=True)


_NOTHING_YET = ("phase", "progress_percentage", "message", "records_per_s", "eta_s", "quota_left", "started_at")
BEGUN: dict[str, Any] = {
    **dict.fromkeys(_NOTHING_YET),
    "status": "pending",
    "results": {**dict.fromkeys(COUNTERS, 0), "waited_s": 0.0, "total": None},
}
"""In the example of one that has not started yet."""
