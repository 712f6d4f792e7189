"""What answers say of an instance, of its health, of its history and of a check of its store."""

from __future__ import annotations

from typing import Any

from ...errors import RefreshCode
from ...models.refreshes import STATUSES
from ...operations.findings.finding import SEVERITIES, Action, FindingCode
from ...operations.warnings import CODES
from ...resources.orders import ORDERS
from ...schemas.fields import StrictField
from ...schemas.instances import IntegrationSettings
from ..openapi.fields import AnswerSchema, Coded, Part, Shown
from ..openapi.shapes import (
    BOOLEAN,
    COLLECTION,
    COUNT,
    ID,
    INTEGER,
    MOMENT,
    OBJECT,
    SECONDS,
    STRING,
    WHOLE_PERCENTAGE,
    list_of,
    one_of,
)
from ..refreshes.schemas import FAILED, Refresh

_NOON = "2026-02-01T12:00:00.000000Z"


class Warning(AnswerSchema):
    """Something that is legal, but probably not meant."""

    field = Shown(STRING, "The dotted path of the setting that it is about.", "integration_settings.store_hash")
    code = Shown(one_of(CODES), "What it is, for programs.", "store_connected_twice")
    message = Shown(
        STRING,
        "What it is, for people.",
        "This store is also connected as 'Old shop' (instance 2). Sales are counted twice, and the books get two "
        "invoices for each order if both post to them.",
    )


def warnings() -> Part:
    """The field of an answer."""
    return Part(Warning, "What is legal, but probably not meant.", many=True)


class OpenRefresh(AnswerSchema):
    """The walk that is open."""

    id = Shown(ID, "Its id.", 12)
    status = Shown(one_of(STATUSES), "Its status.", "processing")
    progress_percentage = Shown(WHOLE_PERCENTAGE, "How far it is; null before the start.", 50, is_null=True)


class FailedRefresh(AnswerSchema):
    """The last refresh that failed."""

    id = Shown(ID, "Its id.", 11)
    message = Shown(STRING, "What a person has to do.", is_null=True)
    error_code = Coded(RefreshCode, FAILED, is_null=True)
    finished_at = Shown(MOMENT, "When it failed.", _NOON, is_null=True)


class LeftOut(AnswerSchema):
    """Records that killed workers or met an error that nobody expected: not stored, and tried again by themselves."""

    count = Shown(COUNT, "How many there are.", 1)
    message = Shown(STRING, "What that means, for people.", "1 product was left out.")


class Standing(AnswerSchema):
    """How far the mirror of one collection is."""

    last_success_at = Shown(
        MOMENT,
        "When a refresh that is not of some days or ids alone was last completed.",
        "2026-02-01T11:55:00.000000Z",
        is_null=True,
    )
    age_s = Shown(SECONDS, "Seconds since the last success.", 300.5, is_null=True)
    watermark = Shown(
        MOMENT,
        "All that the store changed before this moment is mirrored.",
        "2026-02-01T11:54:58.000000Z",
        is_null=True,
    )
    next_refresh_at = Shown(MOMENT, "The next automatic one; null if there is none, or a walk is open.", is_null=True)
    conflicts = Shown(
        COUNT,
        "Variants that the last linking pass over all left, with a reason; null before it.",
        2,
        is_null=True,
    )
    refused = Shown(COUNT, "Products that the host refused to make in that pass.", 0, is_null=True)
    open_refresh = Part(OpenRefresh, "The open walk.", is_null=True, example={})
    off = Shown(
        STRING,
        "Only of a collection that a store can do without: why it is off, as the token lacks its scope; else null.",
        is_null=True,
        is_optional=True,
    )
    left_out = Part(LeftOut, "Records that are tried again by themselves; null if there are none.", is_null=True)
    trouble = Shown(STRING, "What ended the last tries of the open walk; it tries again by itself.", is_null=True)
    last_failure = Part(FailedRefresh, "The last failure, unless a success came after it.", is_null=True)


class Finding(AnswerSchema):
    """Something that a person should know."""

    code = Coded(FindingCode, "What it is, for programs; later versions may add some.", FindingCode.SYNC_OFF)
    severity = Shown(one_of(SEVERITIES), "`person`: it will not mend itself. `wait`: it mends itself.", "person")
    can_wait = Shown(BOOLEAN, "Whether it can wait for working hours: else something stays out of date.", True)
    since = Shown(MOMENT, "Since when, as far as that is known.", is_null=True)
    sentence = Shown(
        STRING,
        "For people: what it is, what follows, and whether anything is lost.",
        "Automatic sync is off: changes in the store arrive only when somebody starts a refresh. Nothing is lost "
        "meanwhile.",
    )
    action = Coded(Action, "What a person can do about it.", Action.OPEN_SETTINGS)
    link = Shown(
        STRING,
        "The operators' page that helps, relative to that of the store; null if none does.",
        "settings",
        is_null=True,
    )
    instance_id = Shown(ID, "The instance; null for what concerns all of them.", 3, is_null=True)
    resource = Shown(COLLECTION, "The collection that it is about; null if it is not about one.", is_null=True)
    refresh_id = Shown(ID, "The refresh that it is about; null if it is not about one.", is_null=True)
    before = Shown(STRING, "Of a change in the store: what it was before.", is_null=True)
    after = Shown(STRING, "The same: what it is now, as `acknowledge` takes it.", is_null=True)


class Health(AnswerSchema):
    """How the mirror of a store stands."""

    standing = Part(Standing, "How far the mirror of this collection is.", for_each_collection=True)
    last_worker_tick_at = Shown(MOMENT, "When a worker last looked for work.", _NOON, is_null=True)
    warnings = warnings()
    findings = Part(Finding, "What needs a person, then what mends itself; the worst first.", many=True)


Settings = AnswerSchema.from_dict(
    {
        name: Shown(field.json_schema(), field.metadata["description"], field.example, is_null=field.allow_none)
        for name, field in IntegrationSettings._declared_fields.items()
        if isinstance(field, StrictField)
    },
    name="Settings",
)
Settings.__doc__ = IntegrationSettings.__doc__


class MaskedConnection(AnswerSchema):
    """How the store is reached."""

    access_token = Shown(
        STRING,
        "Masked; its last four characters are shown if it has 16 or more. Null once it was wiped.",
        "••••••••oken",
        is_null=True,
    )


class Counts(AnswerSchema):
    """What there is to do, of the variants that the store has and of all records."""

    linked = Shown(COUNT, "Variants that are linked.", 950)
    unlinked = Shown(COUNT, "Variants without a link, but for those that a person decided to leave so.", 40)
    conflicts = Shown(COUNT, "Those of the unlinked that something stands in the way of.", 12)
    without_sku = Shown(COUNT, "Those of the unlinked that have no SKU.", 8)
    rejected = Shown(COUNT, "Records that could not be stored.", 1)


class Instance(AnswerSchema):
    """A connected store."""

    id = Shown(ID, "Its id.", 3)
    name = Shown(STRING, "The name under which people know it.", "Main shop")
    integration_id = Shown(INTEGER, "The host's integration of the type BigCommerce.", 1)
    connection_settings = Part(MaskedConnection, "How the store is reached.")
    integration_settings = Part(Settings, "What is mirrored, and how it meets the host's books.")
    is_automatic_sync_enabled = Shown(BOOLEAN, "Whether refreshes start by themselves.", True)
    status = Shown(one_of(("active", "needs_attention", "deleting")), "Its status.", "active")
    status_message = Shown(STRING, "What a person has to do.", is_null=True)
    store_timezone = Shown(
        STRING,
        "The store's time zone, as it said last; null before its first refresh.",
        "America/Chicago",
        is_null=True,
    )
    store_currency = Shown(
        STRING, "The store's default currency, as it said last; null if it is not known.", "USD", is_null=True
    )
    created_at = Shown(MOMENT, "When it was connected.", _NOON)
    updated_at = Shown(MOMENT, "When it was last changed.", _NOON)
    refreshes = Part(Refresh, "The newest of each collection.", many=True)
    health = Part(Health, "How its mirror stands.")
    counts = Part(Counts, "What there is to do; given with include=counts.", is_optional=True)


DELETED: dict[str, Any] = {
    "connection_settings": {"access_token": None},
    "status": "deleting",
    "status_message": "The instance is being deleted; its mirrored records are removed bit by bit.",
}
"""In the example of an instance that is being deleted."""


class StartedRefresh(AnswerSchema):
    """A refresh that goes on or begins."""

    id = Shown(ID, "Its id.", 12)
    resource = Shown(COLLECTION, "The collection that it reads.", ORDERS.name)


class Deed(AnswerSchema):
    """Something that a person did to an instance."""

    id = Shown(ID, "Its id.", 5)
    action = Shown(STRING, "What was done.", "change")
    done_by = Shown(
        STRING, "The JWT's identity, or `cli:` and the system's user; null if it had none.", "ada", is_null=True
    )
    done_at = Shown(MOMENT, "When it was done.", _NOON)
    changes = Shown(
        OBJECT,
        "By dotted path: from what to what; of the access token only that it was.",
        {"name": {"from": "Main shop", "to": "Our shop"}, "connection_settings.access_token": "replaced"},
    )


class Quota(AnswerSchema):
    """The store's quota of requests."""

    limit = Shown(COUNT, "How many the store answers in one window.", 150, is_null=True)
    left = Shown(COUNT, "How many are left of them.", 146, is_null=True)
    window_s = Shown(SECONDS, "How long a window is, in seconds.", 30.0, is_null=True)
    resets_in_s = Shown(SECONDS, "In how many seconds the next one begins.", 12.5, is_null=True)


class Check(AnswerSchema):
    """What a store answered. What could not be found out is null, with a reason."""

    is_ready = Shown(BOOLEAN, "Whether a refresh would have all that it needs.", False)
    message = Shown(STRING, "Why the store could not be asked at all; then everything else is null.", is_null=True)
    is_token_accepted = Shown(BOOLEAN, "Whether the store accepts the access token.", True, is_null=True)
    is_store_hash_right = Shown(BOOLEAN, "Whether there is a store with this hash.", True, is_null=True)
    missing_scopes = Shown(
        list_of(STRING),
        "Those that are known to be missing, by BigCommerce's names.",
        ["store_v2_orders_read_only"],
    )
    store_name = Shown(STRING, "The store's own name.", "Main shop", is_null=True)
    plan = Shown(STRING, "The store's plan.", "Pro", is_null=True)
    currency = Shown(STRING, "The store's own currency.", "USD", is_null=True)
    timezone = Shown(STRING, "The store's time zone.", "America/Chicago", is_null=True)
    clock_skew_s = Shown(INTEGER, "How many seconds the store's clock is ahead, give or take one.", 0, is_null=True)
    quota = Part(Quota, "The store's quota of requests.", is_null=True, example={})
    count = Shown(
        COUNT,
        "How many records an initial refresh would bring; absent of a collection that a store can do without.",
        1200,
        is_null=True,
        is_optional=True,
        for_each_collection=True,
    )
    reasons = Shown(
        {"type": "object", "additionalProperties": STRING},
        "Why something is null or false, by its name.",
        {"missing_scopes": "BigCommerce store abc123 answered 403 for the number of orders: …"},
    )
