"""What a request must look like; ``operations.instances.validation`` checks what it means to the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Nested

from ..operations.instances.draft import FieldErrors
from . import fields

UNKNOWN = "Unknown field."
BATCH_PERIODS = ("daily", "monthly", "none")
_REQUIRED: dict[str, Any] = {"required": "This field is required.", "null": "This field may not be null."}


class ObjectSchema(Schema):
    """Unknown fields are refused, so that a typo is not lost."""

    class Meta:
        unknown = RAISE

    error_messages = {"type": "Must be an object.", "unknown": UNKNOWN}  # noqa: RUF012 - marshmallow's way


class ConnectionSettings(ObjectSchema):
    """How the store is reached."""

    access_token = fields.AccessToken(required=True)


def _optional_code() -> fields.Integer:
    return fields.Integer(allow_none=True, load_default=None)


class IntegrationSettings(ObjectSchema):
    """What is mirrored, and how it meets the host's books."""

    store_hash = fields.StoreHash(required=True)
    start_date = fields.Day(required=True)
    store_id = fields.Integer(required=True)
    auto_link_products = fields.Boolean(required=True)
    auto_create_products = fields.Boolean(required=True)
    sales_nominal_code_id = _optional_code()
    cogs_nominal_code_id = _optional_code()
    shipping_revenue_nominal_code_id = _optional_code()
    shipping_refund_nominal_code_id = _optional_code()
    sales_returns_allowances_nominal_code_id = _optional_code()
    sync_sales_order_invoices_to_accounting = fields.Boolean(load_default=True)
    sync_sales_credit_to_accounting = fields.Boolean(load_default=True)
    proforma_marketplace_cost_percentage = fields.Percentage(allow_none=True, load_default=None)
    proforma_payment_cost_percentage = fields.Percentage(allow_none=True, load_default=None)
    batch_period_sales_order_fulfillments = fields.Choice(*BATCH_PERIODS, allow_none=True, load_default=None)
    batch_period_customer_returns = fields.Choice(*BATCH_PERIODS, allow_none=True, load_default=None)


class NewInstance(ObjectSchema):
    """The body of ``POST``."""

    name = fields.Name(required=True)
    integration_id = fields.Integer(required=True)
    connection_settings = Nested(ConnectionSettings, required=True, error_messages=_REQUIRED)
    integration_settings = Nested(IntegrationSettings, required=True, error_messages=_REQUIRED)
    is_automatic_sync_enabled = fields.Boolean(load_default=False)


class KeptConnectionSettings(ObjectSchema):
    """A token that is not given stays."""

    access_token = fields.AccessToken()


class ReplacedInstance(NewInstance):
    """The body of ``PUT``."""

    connection_settings = Nested(KeptConnectionSettings, error_messages=_REQUIRED)


def merge_patch() -> Schema:
    """The body of ``PATCH``: any part of an instance; what may be null is cleared by it."""
    return ReplacedInstance(partial=True)


def load(schema: Schema, body: Any) -> tuple[dict[str, Any], FieldErrors]:
    """The fields that are valid by themselves, nested as in the request, and the errors by dotted path.

    marshmallow's own error keeps the whole input, token included, so it must not leave this function. Unknown fields
    are found before: marshmallow takes seconds for very many.
    """
    unknown = FieldErrors()
    known = _known(schema, body, unknown)
    values: dict[str, Any]
    try:
        values, errors = dict(schema.load(known)), FieldErrors()
    except ValidationError as error:
        messages: Any = error.messages
        values, errors = dict(error.valid_data or {}), FieldErrors(_flattened(messages))
    for path, unknown_messages in unknown.items():
        errors.note(path, unknown_messages)
    errors.more += unknown.more
    return values, errors


def _known(schema: Schema, body: Any, unknown: FieldErrors, path: str = "") -> Any:
    """The body with the fields that the schema has; notes the others."""
    if not isinstance(body, Mapping):
        return body
    known = {}
    for name, value in body.items():
        field = schema.fields.get(name)
        if field is None:
            unknown.note(f"{path}{name}", [UNKNOWN])
        elif isinstance(field, Nested):
            known[name] = _known(field.schema, value, unknown, f"{path}{name}.")
        else:
            known[name] = value
    return known


def _flattened(messages: Mapping[str, Any] | list[str], path: str = "") -> Iterator[tuple[str, list[str]]]:
    if not isinstance(messages, Mapping):
        yield path, [str(message) for message in messages]
        return
    for key, inner in messages.items():
        # "_schema" is marshmallow's word for the object itself.
        yield from _flattened(inner, (path or "_schema") if key == "_schema" else f"{path}.{key}" if path else str(key))
