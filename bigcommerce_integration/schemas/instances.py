"""What a request about an instance must hold; ``operations.instances.validation`` asks what it means to the host."""

from __future__ import annotations

from copy import copy
from typing import Any

from marshmallow import Schema, missing
from marshmallow.fields import Nested

from ..operations.findings.acknowledge import CHANGES
from . import fields
from .base import ObjectSchema

BATCH_PERIODS = ("daily", "monthly", "none")
_ACCESS = "The access token of the store's API account."
_REQUIRED: dict[str, Any] = {"required": "This field is required.", "null": "This field may not be null."}


class ConnectionSettings(ObjectSchema):
    """How the store is reached."""

    access_token = fields.AccessToken(_ACCESS, required=True, example="an-api-account-s-access-token")


def _nominal_code(what: str, **more: Any) -> fields.Integer:
    return fields.Integer(
        f"The host's nominal code for {what}; null for none.", allow_none=True, load_default=None, **more
    )


def _cost(what: str, **more: Any) -> fields.Percentage:
    description = f"What {what} is assumed to cost, as a percentage of the sale; null if that is not assumed."
    return fields.Percentage(description, allow_none=True, load_default=None, **more)


def _batch_period(what: str, **more: Any) -> fields.Choice:
    description = f"The period of which {what} are booked in one batch; null for the host's own choice."
    return fields.Choice(description, BATCH_PERIODS, allow_none=True, load_default=None, **more)


class IntegrationSettings(ObjectSchema):
    """What is mirrored, and how it meets the host's books."""

    store_hash = fields.StoreHash("Names the store in the paths of BigCommerce's API.", required=True, example="abc123")
    start_date = fields.Day(
        "From when on records are mirrored: the start of that day in the store's time zone.",
        required=True,
        example="2026-01-01",
    )
    store_id = fields.Integer("The host's store that the records belong to.", required=True, example=7)
    auto_link_products = fields.Boolean(
        "Whether variants are linked to the host's products that have their SKU.", required=True, example=True
    )
    auto_create_products = fields.Boolean(
        "Whether a product of the host is made for a variant whose SKU the host does not have.",
        required=True,
        example=False,
    )
    sales_nominal_code_id = _nominal_code("sales", example=11)
    cogs_nominal_code_id = _nominal_code("the cost of goods sold")
    shipping_revenue_nominal_code_id = _nominal_code("shipping that customers pay")
    shipping_refund_nominal_code_id = _nominal_code("shipping that is refunded")
    sales_returns_allowances_nominal_code_id = _nominal_code("returns and allowances")
    sync_sales_order_invoices_to_accounting = fields.Boolean(
        "Whether invoices of orders go to the accounting.", load_default=True, example=True
    )
    sync_sales_credit_to_accounting = fields.Boolean(
        "Whether credits go to the accounting.", load_default=True, example=True
    )
    proforma_marketplace_cost_percentage = _cost("the marketplace")
    proforma_payment_cost_percentage = _cost("the payment", example=2.5)
    batch_period_sales_order_fulfillments = _batch_period("fulfilments of orders", example="daily")
    batch_period_customer_returns = _batch_period("returns of customers")


def _part(schema: type[Schema], description: str, **more: Any) -> Nested:
    return Nested(schema, error_messages=_REQUIRED, metadata={"description": description}, **more)


class Acknowledgement(ObjectSchema):
    """The body that acknowledges a change in the store."""

    code = fields.Choice("The code of the finding.", CHANGES, required=True, example="timezone_changed")
    after = fields.Name("What the finding says that it is now.", required=True, example="Europe/Berlin")


_CONNECTION, _SETTINGS = "How the store is reached.", "What is mirrored, and how it meets the host's books."


class NewInstance(ObjectSchema):
    """All settings of a store that is to be connected."""

    name = fields.Name(
        "The name of the store for people; no other integration may have it.", required=True, example="Main shop"
    )
    integration_id = fields.Integer("The host's integration of the type BigCommerce.", required=True, example=1)
    connection_settings = _part(ConnectionSettings, _CONNECTION, required=True)
    integration_settings = _part(IntegrationSettings, _SETTINGS, required=True)
    is_automatic_sync_enabled = fields.Boolean(
        "Whether refreshes start by themselves.", load_default=False, example=True
    )


class KeptConnectionSettings(ObjectSchema):
    """How the store is reached; a token that is not given stays."""

    access_token = fields.AccessToken(_ACCESS, example="another-access-token")


class ReplacedInstance(NewInstance):
    """All settings of a store that is connected."""

    connection_settings = _part(KeptConnectionSettings, f"{_CONNECTION} A token that is not given stays.")
    accounting_from = fields.Day(
        "Beside a flag of the accounting that is switched on: the first day, in the store's time zone, whose documents "
        "it lets through; today if it is not given. No answer shows it.",
        example="2026-03-01",
    )


def _any_part_of(schema: type[Schema], name: str) -> type[Schema]:
    """The same fields, of which none is required, and none has a value where it is not given."""
    parts: dict[str, Any] = {}
    for field_name, field in schema._declared_fields.items():
        part = copy(field)
        part.required, part.load_default = False, missing
        if isinstance(part, Nested):
            part.nested = _any_part_of(part.nested, f"{name}{field_name.title().replace('_', '')}")  # type: ignore[arg-type]
        parts[field_name] = part
    made = ObjectSchema.from_dict(parts, name=name)
    made.__doc__ = "Any of these settings: null clears one that may be null, and what is absent stays."
    return made


InstancePatch = _any_part_of(ReplacedInstance, "InstancePatch")
