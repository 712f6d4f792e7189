"""Data about people: what of an order may be kept once it is not to be stored, and whom a record is about.

A list of what stays, not of what goes: a field that nobody has looked at yet (a new one of the API's, a copy of an
address in another place) is not stored. The names are those of bigcommerce/docs, reference/orders.v2.oas2.yml, and of
the records that it does not describe. What goes, of the fields known today:

- of the order: ``billing_address``, ``ip_address``, ``ip_address_v6``, ``geoip_country``, ``geoip_country_iso2``,
  ``customer_message``, ``staff_notes``, ``is_email_opt_in``;
- of its consignments: names, company, address, e-mail, phone and ``form_fields`` of where it is shipped,
  ``recipient_email`` of downloads and gift certificates, address, e-mail, phone and instructions of a pick-up;
- of its lines, whose texts shoppers type in: ``wrapping_message``, ``configurable_fields``, ``event_date`` and the
  values of options that are no choice;
- of refunds (orders.v3.yml), what people and payment providers write: ``reason`` of the refund and of its items,
  ``declined_message`` of its payments, ``description`` of deductions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from ..errors import BadRecord
from .values import integer

_WARNING = "__warning__"  # says that lines are missing; it was seen in more than one place

_Keep = Callable[[object], object]
_Kept = Mapping[str, "_Keep"]


def keep_order(value: dict[str, object]) -> dict[str, object]:
    """The order without what it says about people."""
    return _members(value, _ORDER)


def keep_line(value: dict[str, object]) -> dict[str, object]:
    """The same of an order's line that was fetched by itself."""
    return _members(value, _LINE)


def keep_refund(value: dict[str, object]) -> dict[str, object]:
    """The refund without the texts that somebody has written for it."""
    return _members(value, _REFUND)


def customer(customer_id: int) -> str:
    """How a customer of the store is named among people."""
    return f"customer_id:{customer_id}"


def email(address: str) -> str:
    """How an e-mail address is, however it is written."""
    return f"email:{address.strip().casefold()}"


def people_of_order(order: dict[str, object]) -> Iterable[str]:
    """The customer, who is a guest if that is 0, and everybody whose address is in it."""
    try:
        customer_id = integer(order.get("customer_id"), "customer_id")
    except BadRecord:
        customer_id = None
    if customer_id:
        yield customer(customer_id)
    yield from map(email, emails_of(order))


def emails_of(order: object) -> set[str]:
    """The e-mail addresses of the people in an order: who pays, who is sent to, who is given to."""
    found: set[str] = set()
    below = [order]
    while below:
        node = below.pop()
        if isinstance(node, list):
            below.extend(node)
        elif isinstance(node, dict):
            for name, value in node.items():
                if isinstance(value, str):
                    if name in ("email", "recipient_email"):
                        found.add(value)
                # A pick-up's location is the shop's own; lines hold no address, but most of an order.
                elif isinstance(value, dict | list) and name not in ("location", "line_items"):
                    below.append(value)
    return found


def _members(value: dict[str, object], kept: _Kept) -> dict[str, object]:
    found = {name: kept[name](member) for name, member in value.items() if name in kept}
    if _WARNING in value:
        found[_WARNING] = True
    return found


def _scalar(value: object) -> object:
    """A number, text, truth value or null; of all else, which no column takes, only that it was none of these."""
    if isinstance(value, list):
        return []
    # JSON has no way to say again a number that is too large for one (1e999).
    is_endless = isinstance(value, float) and not math.isfinite(value)
    return {} if is_endless or isinstance(value, dict) else value


def _object(kept: _Kept) -> _Keep:
    """An object, or a list of such, with only these members; text in its place could be anything."""

    def one(value: object) -> object:
        if isinstance(value, dict):
            return _members(value, kept)
        return "" if isinstance(value, str) else _scalar(value)

    return _each(one)


def _each(keep: _Keep) -> _Keep:
    """The same of each in a list."""
    return lambda value: [keep(each) for each in value] if isinstance(value, list) else keep(value)


def _option(value: object) -> object:
    """A line's option: what was chosen among the shop's own values stays, what a shopper typed in does not."""
    kind = value.get("type") if isinstance(value, dict) else None
    is_choice = isinstance(kind, str) and kind.casefold() in _CHOICES
    return (_chosen if is_choice else _typed_in)(value)


def _scalars(names: str) -> dict[str, _Keep]:
    return dict.fromkeys(names.split(), _scalar)


_CHOICES = frozenset({"checkbox", "multiple choice", "product pick list", "swatch"})
_TYPED_IN = _scalars(
    "id option_id order_product_id product_option_id type name display_style "
    "display_name display_name_customer display_name_merchant"
)
_typed_in = _object(_TYPED_IN)
_chosen = _object(_TYPED_IN | _scalars("value display_value display_value_customer display_value_merchant"))
_LINK = _scalars("url resource")
_LINE: dict[str, _Keep] = {
    **_LINK,
    **_scalars(
        "id order_id product_id variant_id order_pickup_method_id order_address_id name name_customer name_merchant "
        "sku upc type base_price price_ex_tax price_inc_tax price_tax base_total total_ex_tax total_inc_tax total_tax "
        "weight width height depth quantity base_cost_price cost_price_ex_tax cost_price_inc_tax cost_price_tax "
        "is_refunded quantity_refunded refund_amount return_id wrapping_id wrapping_name base_wrapping_cost "
        "wrapping_cost_ex_tax wrapping_cost_inc_tax wrapping_cost_tax quantity_shipped event_name fixed_shipping_cost "
        "ebay_item_id ebay_transaction_id option_set_id parent_order_product_id is_bundled_product bin_picking_number "
        "external_id brand gift_certificate_id discounted_total_inc_tax"
    ),
    "applied_discounts": _object(_scalars("id amount name code target")),
    "product_options": _each(_option),
}
_LINES = {"line_items": _object(_LINE)}
_CONSIGNMENTS: dict[str, _Keep] = {
    **_LINK,
    "shipping": _object(
        {
            **_scalars(
                "id items_total items_shipped shipping_method base_cost cost_ex_tax cost_inc_tax cost_tax "
                "cost_tax_class_id base_handling_cost handling_cost_ex_tax handling_cost_inc_tax handling_cost_tax "
                "handling_cost_tax_class_id shipping_zone_id shipping_zone_name"
            ),
            "shipping_quotes": _object(_LINK),
            **_LINES,
        }
    ),
    "pickups": _object(
        {
            **_scalars("id pickup_method_id pickup_method_display_name"),
            "location": _object(_scalars("id name code")),
            **_LINES,
        }
    ),
    "downloads": _object(_LINES),
    "email": _object({"gift_certificates": _object(_LINES)}),
}
_FEE = _scalars(
    "id type display_name_customer display_name_merchant source base_cost cost_ex_tax cost_inc_tax cost_tax "
    "tax_class_id"
)
_ORDER: dict[str, _Keep] = {
    **_scalars(
        "id customer_id date_created date_modified date_shipped status_id status custom_status subtotal_ex_tax "
        "subtotal_inc_tax subtotal_tax base_shipping_cost shipping_cost_ex_tax shipping_cost_inc_tax "
        "shipping_cost_tax shipping_cost_tax_class_id base_handling_cost handling_cost_ex_tax handling_cost_inc_tax "
        "handling_cost_tax handling_cost_tax_class_id base_wrapping_cost wrapping_cost_ex_tax wrapping_cost_inc_tax "
        "wrapping_cost_tax wrapping_cost_tax_class_id total_ex_tax total_inc_tax total_tax items_total items_shipped "
        "payment_method payment_provider_id payment_status refunded_amount order_is_digital store_credit_amount "
        "gift_certificate_amount currency_id currency_code currency_exchange_rate default_currency_id "
        "default_currency_code store_default_currency_code store_default_to_transactional_exchange_rate "
        "discount_amount coupon_discount shipping_address_count is_deleted ebay_order_id cart_id credit_card_type "
        "order_source channel_id external_source external_id external_merchant_id external_order_id tax_provider_id "
        "customer_locale is_tax_inclusive_pricing"
    ),
    "products": _object(_LINK),
    "shipping_addresses": _object(_LINK),
    "coupons": _object(_LINK),
    "fees": _object(_LINK | _FEE),
    "consignments": _object(_CONSIGNMENTS),
}
_REFUND: dict[str, _Keep] = {
    **_scalars("id order_id user_id created total_amount total_tax uses_merchant_override_values"),
    "items": _object(
        {
            **_scalars("item_type item_id quantity requested_amount"),
            "adjustments": _object(_scalars("amount")),
        }
    ),
    "payments": _object(_scalars("id provider_id amount offline is_declined transaction_id")),
}
