"""Orders and their lines (bigcommerce/docs, reference/orders.v2.oas2.yml).

The embedded lines end at 50 a consignment without a word in that file (bigcommerce/docs issue 960).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from .base import Child, Columns, DateFilter, Field, Index, Kind, Mode, Notes, Resource, Sent, Span, V2Ranges
from .columns import dict_of, list_of, note, object_of
from .person_data import keep_order, people_of_order

# bigcommerce/docs, docs/start/authentication/api-accounts.mdx
ORDERS_SCOPE = "store_v2_orders_read_only"
EMBEDDED_LINES = 50
STATUSES = range(15)
"""From Incomplete to Partially Refunded (bigcommerce/docs, orders.v2.oas2.yml). Stores relabel them, none adds one."""
STATUS_NAMES = (
    "Incomplete",
    "Pending",
    "Shipped",
    "Partially Shipped",
    "Refunded",
    "Cancelled",
    "Declined",
    "Awaiting Payment",
    "Awaiting Pickup",
    "Awaiting Shipment",
    "Completed",
    "Awaiting Fulfillment",
    "Manual Verification Required",
    "Disputed",
    "Partially Refunded",
)
"""BigCommerce's own name of each, by its number."""
NO_SALE = frozenset({0, 5, 6})
"""Incomplete, Cancelled, Declined."""
_TAXED = {"ex_tax": "without tax", "inc_tax": "with tax", "tax": "the tax in it"}


def _taxed(groups: Mapping[str, str]) -> Iterator[Field]:
    for group, what in groups.items():
        for tax, how in _TAXED.items():
            yield Field(f"{group}_{tax}", Kind.MONEY, f"{what}, {how}.", vital=True)


_ORDER_AMOUNTS = (
    *_taxed(
        {
            "total": "The order's total",
            "subtotal": "The sum of its lines, before discounts",
            "shipping_cost": "What is charged for shipping",
            "handling_cost": "What is charged for handling",
            "wrapping_cost": "What is charged for gift wrapping",
        }
    ),
    Field("discount_amount", Kind.MONEY, "The discounts on the order, without coupons.", vital=True),
    Field("coupon_discount", Kind.MONEY, "The discount by coupons.", vital=True),
    Field("store_credit_amount", Kind.MONEY, "What was paid by store credit.", vital=True),
    Field("gift_certificate_amount", Kind.MONEY, "What was paid by gift certificates.", vital=True),
)
_LINE_AMOUNTS = (
    *_taxed({"price": "The price of one", "total": "The line's total"}),
    Field("discounted_total_inc_tax", Kind.MONEY, "The line's total after discounts, with tax.", vital=True),
    Field("cost_price_ex_tax", Kind.MONEY, "What one costs the shop, without tax.", vital=True),
)
ORDER_AMOUNTS = tuple(field.name for field in _ORDER_AMOUNTS)
LINE_AMOUNTS = tuple(field.name for field in _LINE_AMOUNTS)


def _derive(columns: Columns, notes: Notes) -> None:
    """What is a sale; an order whose status says nothing is none, and noted."""
    unread = {each["field"] for each in notes}
    status_id = columns["status_id"]
    columns["is_deleted"] = bool(columns["is_deleted"])
    columns["is_sale"] = (
        status_id in STATUSES
        and status_id not in NO_SALE
        and not columns["is_deleted"]
        # Whether it is archived is not known.
        and "is_deleted" not in unread
    )
    if status_id not in STATUSES and "status_id" not in unread:
        # Better a sale that is missing from the books, and noted, than one that is none.
        reason = "is missing" if status_id is None else f"is none of BigCommerce's statuses, 0 to {STATUSES[-1]}"
        notes.append(note("status_id", f"{reason}, so the order is no sale"))


def has_fees(fees: object) -> bool:
    """Whether an order whose payload has these was read with its fees; one of 0.2.0 was not, and has a link to them."""
    return isinstance(fees, list)


def _embedded_lines(record: Sent) -> tuple[Sequence[Any], bool]:
    """The lines under an order's consignments, and whether they are all of them.

    Both shapes are accepted: the object of today and the list around that object of before August 2025. The
    marker of truncated lines is looked for in the order's whole text, since it was seen in more than one place.
    """
    consignments = record.value.get("consignments") if isinstance(record.value, dict) else None
    lines: list[Any] = []
    are_all = '"__warning__"' not in record.text
    for items in _line_items(consignments, []):
        if isinstance(items, list):
            lines.extend(items)
            are_all = are_all and len(items) < EMBEDDED_LINES
        else:
            are_all = False
    found = [line for line in lines if isinstance(line, dict) and "id" in line]
    return found, are_all and len(found) == len(lines)


def _line_items(node: object, found: list[object]) -> list[object]:
    """Every ``line_items`` below ``node``, added to ``found``: of shipping, pickups, downloads and, deeper, e-mail.

    None stands for what is not there: a link to them, or a consignment that does not have the field.
    """
    if isinstance(node, dict):
        if "line_items" in node:
            found.append(node["line_items"])
            return found
        below = [each for each in node.values() if isinstance(each, dict | list)]
        if node and not below:
            found.append(None)
        for each in below:
            _line_items(each, found)
    elif isinstance(node, list):
        for each in node:
            _line_items(each, found)
    return found


def _place_of_lines(line: Any) -> dict[str, Any]:
    """Consignments as the API sends them today; any other shape, and one without lines, is none of this type."""
    each = list_of(object_of("consignment", {"line_items": list_of(line)}, is_whole=True)) | None
    return {"consignments": dict_of(each | dict_of(each)) | None}


def _lacks_lines(order: Columns, lines: Mapping[int, Columns]) -> bool:
    """Whether there must, or may, be more lines than these: that none came proves nothing by itself."""
    items_total = order["items_total"]
    if items_total is None:
        return not lines
    return bool(sum(line["quantity"] or 0 for line in lines.values()) != items_total)


def _dates(mode: Mode, span: Span) -> DateFilter:
    """Never created before the start date: a late edit of an old order must not bring it into books that hold it."""
    if mode == "ids":
        return DateFilter()
    first = max(span.first, span.since)
    return DateFilter(created_since=first, created_until=span.end, modified_since=span.changed_since)


_LINE_HEAD = (
    Field("bigcommerce_product_id", Kind.INTEGER, "The product; 0 is a custom item, without one.", source="product_id"),
    Field("bigcommerce_variant_id", Kind.INTEGER, "The variant that was sold.", source="variant_id", example=101),
    Field("parent_order_product_id", Kind.INTEGER, "The line that this one is a part of, as in a bundle."),
    Field("type", Kind.CODE, "`physical`, `digital` or `giftcertificate`."),
    Field("sku", Kind.TEXT, "The SKU at the time of the sale.", example="MUG-RED"),
    Field("name", Kind.TEXT, "The name at the time of the sale."),
    Field("quantity", Kind.INTEGER, "How many were sold.", vital=True, example=2),
    Field("quantity_shipped", Kind.INTEGER, "How many of them were shipped.", vital=True),
    Field("quantity_refunded", Kind.INTEGER, "How many of them were refunded.", vital=True),
)

ORDER_LINES = Child(
    name="order_lines",
    noun="a line",
    shown_as="lines",
    owner="bigcommerce_order_id",
    records=_embedded_lines,
    found_in=_place_of_lines,
    lacks=_lacks_lines,
    fields=(*_LINE_HEAD, *_LINE_AMOUNTS),
    # In this order since 0.1.0: the hash of a line that did not change must stay.
    version=1,
    hashed=("bigcommerce_order_id", *(field.name for field in _LINE_HEAD), "payload", *LINE_AMOUNTS),
    has_payload=True,
    keeps_removed=False,
    ends_with_owner=False,
    indexes=(
        Index("order", ("instance_id", "bigcommerce_order_id")),
        Index("product", ("instance_id", "bigcommerce_product_id")),
    ),
)

ORDERS = Resource(
    name="orders",
    noun="order",
    description="Orders; every amount is in `default_currency_code`.",
    scope=ORDERS_SCOPE,
    path="v2/orders",
    # Whole line items come with the orders; the API cuts those beyond 50 a consignment (bigcommerce/docs issue 960).
    # Of fees there is but a link without the include (bigcommerce/docs, reference/orders.v2.oas2.yml).
    params=(("include", "consignments.line_items,fees"), ("consignment_structure", "object")),
    # 2: with their fees.
    version=2,
    reader=V2Ranges(),
    derive=_derive,
    fields=(
        Field("status_id", Kind.INTEGER, "BigCommerce's own number of the status, 0 to 14.", indexed=True, example=10),
        Field(
            "is_sale",
            Kind.BOOLEAN,
            "Whether it counts as a sale: not incomplete, cancelled, declined or archived.",
            derived=True,
            required=True,
            example=True,
        ),
        Field("is_deleted", Kind.BOOLEAN, "Whether it is archived in the store.", required=True, example=False),
        Field("customer_id", Kind.INTEGER, "The customer; 0 is a guest.", indexed=True, example=5),
        Field("channel_id", Kind.INTEGER, "The channel that it was sold in."),
        Field("payment_status", Kind.CODE, "Whether it is paid, in the store's words."),
        Field("external_order_id", Kind.CODE, "Its id in another system.", indexed=True),
        Field("currency_code", Kind.CODE, "The currency that the shopper saw."),
        Field("default_currency_code", Kind.CODE, "The currency of every amount.", example="EUR"),
        Field("store_default_currency_code", Kind.CODE, "The store's own currency."),
        Field(
            "store_default_to_transactional_exchange_rate",
            Kind.RATE,
            "From the store's own currency to that of the amounts.",
        ),
        Field("is_tax_inclusive_pricing", Kind.BOOLEAN, "Whether the store's prices are with tax."),
        *_ORDER_AMOUNTS,
        Field("items_total", Kind.INTEGER, "How many pieces were sold, over all lines.", vital=True),
        Field("date_created", Kind.MOMENT, "When it was created in the store.", indexed=True),
        Field("date_modified", Kind.MOMENT, "When it was last modified in the store.", indexed=True),
        Field("date_shipped", Kind.MOMENT, "When it was shipped."),
    ),
    created="date_created",
    modified="date_modified",
    children=(ORDER_LINES,),
    dates=_dates,
    # Refunds and shipments may not move an order's date_modified.
    sweep=timedelta(days=60),
    # When an order was created does not change, so days that were walked show what is gone of them.
    detects_deletions=frozenset({"full", "ids", "date_range"}),
    hidden="is_deleted",
    keep=keep_order,
    people=people_of_order,
    permission="read_orders",
    payload_permission="read_person_data",
)
