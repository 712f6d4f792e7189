"""What the lists of stored rows take: filters, and where a page begins."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from ..errors import LinkCode, RejectionCode
from ..operations.lists.paging import NO_CURSOR
from . import fields
from .base import ObjectSchema
from .product_keys import QueryHostProductId
from .query import LARGEST_PAGE, QueryBoolean, QueryInteger, QueryMoment, QuerySearch, QueryText


class Cursor(fields.StrictField):
    """A BigCommerce id, or a moment and an id; opaque to the caller, who sends ``meta.next`` back."""

    def json_schema(self) -> dict[str, Any]:
        """A text that one has been given."""
        return {"type": "string", "pattern": "^-?[0-9]{1,19}(_-?[0-9]{1,19})?$"}

    def read(self, value: Any) -> tuple[int, ...]:
        parts = value.split("_", 2) if isinstance(value, str) else []
        try:
            numbers = tuple(QueryInteger().read(part) for part in parts)
        except ValidationError:
            numbers = ()
        if not 1 <= len(numbers) <= 2:
            raise ValidationError(NO_CURSOR)
        return numbers


def deleted() -> fields.Choice:
    """Whether rows are wanted that the store no longer has; left out unless asked for."""
    return fields.Choice(
        "Whether the rows that the store no longer has are listed: false by default.", ("false", "true", "any")
    )


def include() -> fields.Choice:
    """Whether the records' own text is wanted."""
    return fields.Choice("`payload` for the record's own text, as the store sent it.", ("payload",))


def span(what: str) -> tuple[QueryMoment, QueryMoment]:
    """From a moment on, and until one."""
    return QueryMoment(f"{what} at this moment or later."), QueryMoment(f"{what} before this moment.")


class ListQuery(ObjectSchema):
    """What every list of mirror rows takes."""

    after = Cursor("The `meta.next` of the page before, or a BigCommerce id.")
    limit = QueryInteger("How many rows a page has at most.", 1, LARGEST_PAGE, load_default=50)
    changed_after = QueryInteger("Lists by change number what was changed after this one.", 0)


class ProductFilters(ObjectSchema):
    """Which products."""

    q = QuerySearch("Searches for the beginning of a SKU and, if no SKU begins so, for words of a name.")
    sku = QueryText("The product's own SKU.")
    is_visible = QueryBoolean("Whether shoppers see it.")
    deleted = deleted()
    modified_from, modified_until = span("Modified in the store")
    include = include()


class VariantFilters(ObjectSchema):
    """Which variants."""

    q = QuerySearch("Searches for the beginning of a SKU and, if no SKU begins so, for words of a product's name.")
    sku = QueryText("The SKU; blanks around it do not count.")
    product = QueryInteger("The id of their product in the store.")
    host_product_id = QueryHostProductId("The host's product that they are linked to.")
    linked = QueryBoolean("Whether they are linked.")
    left = QueryBoolean("Whether a person decided to leave them without a link.")
    conflict = QueryBoolean("Whether something stands in the way of a link.")
    link_conflict_code = fields.Choice("What stands in the way of a link.", LinkCode)
    deleted = deleted()


class OrderFilters(ObjectSchema):
    """Which orders."""

    q = QuerySearch("Searches for the order's number (without `#` or with it) and for `external_order_id`.")
    status_id = QueryInteger("BigCommerce's own number of the status.")
    customer_id = QueryInteger("The customer; 0 is a guest.")
    is_sale = QueryBoolean("Whether it counts as a sale.")
    archived = QueryBoolean("Whether it is archived in the store.")
    deleted = deleted()
    created_from, created_until = span("Created in the store")
    modified_from, modified_until = span("Modified in the store")
    include = include()


class RejectedFilters(ObjectSchema):
    """Which rejected records."""

    resource = fields.CollectionName("The collection that they belong to.")
    reason_code = fields.Choice("Why they were rejected.", RejectionCode)
    include = include()
