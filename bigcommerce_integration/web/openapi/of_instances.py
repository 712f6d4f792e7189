"""Instances: the connected stores."""

from __future__ import annotations

from typing import Any

from ..schemas import BATCH_PERIODS, NewInstance
from . import of_refreshes
from .operation import Answer, Operation, Subject
from .shapes import (
    BOOLEAN,
    DAY,
    ID,
    INTEGER,
    MOMENT,
    PERCENTAGE,
    STRING,
    data,
    list_of,
    nullable,
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
        access_token=told(STRING, "Masked; its last four characters are shown if it has 16 or more.")
    ),
    integration_settings=ref("Settings"),
    is_automatic_sync_enabled=BOOLEAN,
    status=one_of(STATUSES),
    status_message=nullable(STRING, "What a person has to do."),
    created_at=MOMENT,
    updated_at=MOMENT,
    refreshes=told(list_of(ref("Refresh")), "The newest of each resource."),
)


def links(instance_id: str) -> dict[str, dict[str, Any]]:
    """From an answer that shows one instance: to what can be done with it."""
    return {
        name: {"operationId": name, "parameters": {"instance_id": instance_id}}
        for name in ("getInstance", "listRefreshes", "refreshProducts", "refreshOrders")
    }


SUBJECT = Subject(
    schemas={"Settings": SETTINGS, "Instance": INSTANCE},
    operations={
        ("", "POST"): Operation(
            id="createInstance",
            tag=_TAG,
            summary="Connect a store",
            description="Its initial refreshes of products and orders begin at once.",
            body=NewInstance,
            body_examples={"all settings": BODY},
            answers={
                201: Answer(
                    "It is connected.",
                    data(ref("Instance")),
                    {"data": EXAMPLE},
                    headers={"Location": STRING},
                    links=links("$response.body#/data/id"),
                )
            },
            refusals=(503,),
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
                    links=links("$request.path.instance_id"),
                )
            },
        ),
    },
)
