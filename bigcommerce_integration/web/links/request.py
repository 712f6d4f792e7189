"""The bodies that decide on links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import Request
from marshmallow import ValidationError

from ...errors import Invalid
from ...models.product_key import Key
from ...operations.instances.draft import FieldErrors
from ...operations.links.decisions import WantedLink
from ...resources.columns import CODE_LENGTH
from ...resources.values import UNSTORABLE
from ...schemas import fields
from ...schemas.base import ObjectSchema, load
from ...schemas.patterns import trimmed_pattern
from ...schemas.product_keys import HostProductId
from ..http.body import read_body, read_json_array
from ..openapi.shapes import described, list_of, object_of

MOST_LINKS = 1000
# A thousand rows with SKUs of 255 characters, each of them escaped.
MAX_LINKS_BYTES = 2 * 1024 * 1024
_TYPE_OF = {"bigcommerce_id": "integer", "sku": "string"}


class Sku(fields.StrictField):
    """A SKU that a variant can have; blanks around it do not count."""

    shape: ClassVar = {"type": "string", "pattern": trimmed_pattern(CODE_LENGTH)}

    def read(self, value: Any) -> str:
        sku = value.strip() if isinstance(value, str) else ""
        if not 1 <= len(sku) <= CODE_LENGTH or UNSTORABLE.search(sku):
            raise ValidationError(f"Must be a SKU of 1 to {CODE_LENGTH} characters.")
        return sku


class LinkRequest(ObjectSchema):
    """The body that links one variant."""

    host_product_id = HostProductId("The host's product.", required=True, example=900)


class LinkRow(ObjectSchema):
    """A variant, by id or SKU, and what it is linked to; beside an id, product and SKU only tell people what it is."""

    bigcommerce_id = fields.Integer("The id of the variant in the store.")
    bigcommerce_product_id = fields.Integer("The id of its product in the store.")
    sku = Sku("The SKU of a live variant.", allow_none=True)
    host_product_id = HostProductId("The host's product; null is no link.", required=True, allow_none=True)


def _row_of(key: str, *others: str) -> dict[str, Any]:
    """A row that names the variant by ``key``, and may have the ``others``."""
    known = described(LinkRow)
    properties = {name: known[name] for name in (key, *others, "host_product_id")}
    # Where it names the variant it is not null.
    properties[key] |= {"type": _TYPE_OF[key]}
    return object_of(properties, key, "host_product_id")


ROWS_SHAPE = {
    "description": "Variants, and what they are to be linked to.",
    "minItems": 1,
    "maxItems": MOST_LINKS,
    **list_of({"anyOf": [_row_of("bigcommerce_id", "bigcommerce_product_id", "sku"), _row_of("sku")]}),
}


def read_link_request(request: Request) -> Key:
    """The host's product to link one variant to."""
    return read_body(request, LinkRequest())["host_product_id"]


def read_link_rows(request: Request) -> Sequence[WantedLink]:
    """All rows of a bulk request; ``Invalid`` with every bad field by its row and name, such as ``0.sku``."""
    body = read_json_array(request, max_bytes=MAX_LINKS_BYTES)
    if not 1 <= len(body) <= MOST_LINKS:
        raise Invalid({"_schema": [f"Must have 1 to {MOST_LINKS} rows."]})
    wanted, errors = [], FieldErrors()
    schema = LinkRow()
    for place, item in enumerate(body):
        values, wrong = load(schema, item)
        if not wrong and values.get("bigcommerce_id", values.get("sku")) is None:
            wrong = FieldErrors({"_schema": ["Give either bigcommerce_id or sku."]})
        for path, messages in wrong.items():
            errors.note(str(place) if path == "_schema" else f"{place}.{path}", messages)
        errors.more += wrong.more
        variant_id = values.get("bigcommerce_id")
        sku = None if variant_id is not None else values.get("sku")
        wanted.append(WantedLink(variant_id, sku, values.get("host_product_id")))
    errors.refuse()
    return wanted
