"""Instances: the connected stores."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema
from marshmallow.fields import Nested

from ...resources.orders import ORDERS
from ..instances.history import HistoryQuery
from ..instances.views import InstancesQuery, VerifyQuery
from ..schemas import BATCH_PERIODS, NewInstance, ReplacedInstance
from . import of_health, of_refreshes
from .fields_plugin import field_schema
from .operation import Answer, Operation, Subject
from .shapes import (
    BOOLEAN,
    COLLECTION_NAME,
    DAY,
    ID,
    INTEGER,
    MOMENT,
    PERCENTAGE,
    STRING,
    JSONSchema,
    data,
    list_of,
    nullable,
    numbered_page,
    one_of,
    record,
    ref,
    told,
)

_TAG = "Instances"
STATUSES = ("active", "needs_attention", "deleting")

_SETTINGS: dict[str, Any] = {
    "store_hash": "abc123",
    "start_date": "2026-01-01",
    "store_id": 7,
    "auto_link_products": True,
    "auto_create_products": False,
    "sales_nominal_code_id": 11,
    "cogs_nominal_code_id": None,
    "shipping_revenue_nominal_code_id": None,
    "shipping_refund_nominal_code_id": None,
    "sales_returns_allowances_nominal_code_id": None,
    "sync_sales_order_invoices_to_accounting": True,
    "sync_sales_credit_to_accounting": True,
    "proforma_marketplace_cost_percentage": None,
    "proforma_payment_cost_percentage": 2.5,
    "batch_period_sales_order_fulfillments": "daily",
    "batch_period_customer_returns": None,
}
BODY: dict[str, Any] = {
    "name": "Main shop",
    "integration_id": 1,
    "connection_settings": {"access_token": "an-api-account-s-access-token"},
    "integration_settings": _SETTINGS,
    "is_automatic_sync_enabled": True,
}
EXAMPLE: dict[str, Any] = BODY | {
    "id": 3,
    "connection_settings": {"access_token": "••••••••oken"},
    "status": "active",
    "status_message": None,
    "created_at": "2026-02-01T12:00:00.000000Z",
    "updated_at": "2026-02-01T12:00:00.000000Z",
    "refreshes": [of_refreshes.EXAMPLE],
    "health": of_health.EXAMPLE,
}
_DELETED = EXAMPLE | {
    "connection_settings": {"access_token": None},
    "status": "deleting",
    "status_message": "The instance is being deleted; its mirrored records are removed bit by bit.",
}
_PATCH: dict[str, Any] = {
    "connection_settings": {"access_token": "another-access-token"},
    "integration_settings": {"cogs_nominal_code_id": None, "start_date": "2025-01-01"},
}

SETTINGS = record(
    store_hash=STRING,
    start_date=DAY,
    store_id=INTEGER,
    auto_link_products=BOOLEAN,
    auto_create_products=BOOLEAN,
    sales_nominal_code_id=nullable(INTEGER),
    cogs_nominal_code_id=nullable(INTEGER),
    shipping_revenue_nominal_code_id=nullable(INTEGER),
    shipping_refund_nominal_code_id=nullable(INTEGER),
    sales_returns_allowances_nominal_code_id=nullable(INTEGER),
    sync_sales_order_invoices_to_accounting=BOOLEAN,
    sync_sales_credit_to_accounting=BOOLEAN,
    proforma_marketplace_cost_percentage=nullable(PERCENTAGE),
    proforma_payment_cost_percentage=nullable(PERCENTAGE),
    batch_period_sales_order_fulfillments=nullable(one_of(BATCH_PERIODS)),
    batch_period_customer_returns=nullable(one_of(BATCH_PERIODS)),
)
INSTANCE = record(
    id=ID,
    name=STRING,
    integration_id=INTEGER,
    connection_settings=record(
        access_token=nullable(
            STRING, "Masked; its last four characters are shown if it has 16 or more. Null once it was wiped."
        )
    ),
    integration_settings=ref("Settings"),
    is_automatic_sync_enabled=BOOLEAN,
    status=one_of(STATUSES),
    status_message=nullable(STRING, "What a person has to do."),
    created_at=MOMENT,
    updated_at=MOMENT,
    refreshes=told(list_of(ref("Refresh")), "The newest of each resource."),
    health=ref("Health"),
)
_STARTED = told(
    list_of(record(id=ID, resource=ref(COLLECTION_NAME))),
    "What goes on or begins since the store is reached in another way: refreshes that had failed, and what was due.",
)
_ETAG = told(STRING, "The version of the settings, to be sent back as If-Match.")
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "The ETag of the version that is to be changed; without it, the newest is.",
    "schema": STRING,
}
HISTORY = record(
    id=ID,
    action=STRING,
    done_by=nullable(STRING, "The JWT's identity; null is the command line."),
    done_at=MOMENT,
    changes=told({"type": "object"}, "By dotted path: from what to what; of the access token only that it was."),
)
_DONE: dict[str, Any] = {
    "id": 5,
    "action": "change",
    "done_by": "ada",
    "done_at": "2026-02-01T12:00:00.000000Z",
    "changes": {
        "name": {"from": "Main shop", "to": "Our shop"},
        "connection_settings.access_token": "replaced",
    },
}
_PAGE = {"page": 1, "per_page": 25, "total": 1, "pages": 1}


def _parts(fields: Any) -> JSONSchema:
    """Any of these fields, of which none is required: what PATCH takes."""
    properties = {
        name: _parts(field.schema.fields) if isinstance(field, Nested) else field_schema(field)
        for name, field in fields.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _change(name: str, summary: str, description: str, body: type[Schema] | JSONSchema, example: Any) -> Operation:
    return Operation(
        id=name,
        tag=_TAG,
        summary=summary,
        description=(
            f"{description} A new token, or another store hash, is tried against the store first, for 5 seconds at "
            "most; `verify=false` skips that."
        ),
        query=VerifyQuery,
        headers=(_IF_MATCH,),
        body=body,
        body_examples={"example": example},
        answers={
            200: Answer(
                "The instance as it is now.",
                record(data=ref("Instance"), started_refreshes=_STARTED, warnings=of_health.WARNINGS),
                {"data": EXAMPLE, "started_refreshes": [{"id": 12, "resource": ORDERS.name}], "warnings": []},
                headers={"ETag": _ETAG},
            )
        },
        refusals=(412,),
    )


SUBJECT = Subject(
    schemas={
        "Settings": SETTINGS,
        "Instance": INSTANCE,
        "InstancePatch": _parts(ReplacedInstance().fields),
        "Deed": HISTORY,
        **of_health.SCHEMAS,
    },
    operations={
        ("", "GET"): Operation(
            id="listInstances",
            tag=_TAG,
            summary="The connected stores that the caller may read",
            query=InstancesQuery,
            answers={
                200: Answer(
                    "One page of them.", numbered_page(ref("Instance")), {"data": [EXAMPLE], "pagination": _PAGE}
                )
            },
        ),
        ("", "POST"): Operation(
            id="createInstance",
            tag=_TAG,
            summary="Connect a store",
            description=(
                "Its initial refreshes of products and orders begin at once. The token is tried first, for 5 seconds "
                "at most; `verify=false` skips that. A store that cannot be reached is connected all the same: "
                "`status_message` says so, and the refreshes go on trying."
            ),
            query=VerifyQuery,
            body=NewInstance,
            body_examples={"all settings": BODY},
            answers={
                201: Answer(
                    "It is connected.",
                    record(data=ref("Instance"), warnings=of_health.WARNINGS),
                    {"data": EXAMPLE, "warnings": [of_health.WARNING_EXAMPLE]},
                    headers={"Location": STRING, "ETag": _ETAG},
                )
            },
        ),
        ("/<instance_id>", "GET"): Operation(
            id="getInstance",
            tag=_TAG,
            summary="A connected store",
            answers={
                200: Answer(
                    "The instance.",
                    data(ref("Instance")),
                    {"data": EXAMPLE},
                    headers={"ETag": _ETAG},
                )
            },
        ),
        ("/<instance_id>", "PUT"): _change(
            "putInstance",
            "Replace all settings",
            "A token that is not given stays.",
            ReplacedInstance,
            {name: value for name, value in BODY.items() if name != "connection_settings"},
        ),
        ("/<instance_id>", "PATCH"): _change(
            "patchInstance",
            "Change some settings",
            "Merged into what is stored: null clears, absent keeps.",
            ref("InstancePatch"),
            _PATCH,
        ),
        ("/<instance_id>", "DELETE"): Operation(
            id="deleteInstance",
            tag=_TAG,
            summary="Disconnect a store and remove its mirror",
            description=(
                "At once the token is wiped, the name free and every refresh cancelled; workers then remove the rows. "
                "The host's products stay."
            ),
            headers=(_IF_MATCH,),
            answers={
                202: Answer("It is being deleted.", data(ref("Instance")), {"data": _DELETED}, headers={"ETag": _ETAG})
            },
            refusals=(412,),
        ),
        ("/<instance_id>/history", "GET"): Operation(
            id="getHistory",
            tag=_TAG,
            summary="Who did what to an instance, the newest first",
            query=HistoryQuery,
            answers={
                200: Answer("One page of it.", numbered_page(ref("Deed")), {"data": [_DONE], "pagination": _PAGE})
            },
        ),
    },
)
