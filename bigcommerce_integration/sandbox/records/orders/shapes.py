"""The shapes of orders, line items and consignments (reference/orders.v2.oas2.yml of bigcommerce/docs).

Money is a string of four decimals, but a number within a shipping consignment; `refunded_amount` and
`refund_amount` are always zero, as in the real API.
"""

from ..jsontext import Template, always, slot, slots

_ZERO = "0.0000"


def _costs(of: str, tax_class_id: int) -> dict[str, object]:
    """What a part of an order costs that is never charged here."""
    costs = always(_ZERO, f"base_{of}_cost {of}_cost_ex_tax {of}_cost_inc_tax {of}_cost_tax")
    return {**costs, f"{of}_cost_tax_class_id": tax_class_id}


ORDER = Template(
    {
        **slots("id customer_id date_created date_modified date_shipped status_id status"),
        "custom_status": slot("status"),
        **slots("subtotal_ex_tax subtotal_inc_tax subtotal_tax total_ex_tax total_inc_tax total_tax"),
        "base_shipping_cost": slot("shipping_ex_tax"),
        "shipping_cost_ex_tax": slot("shipping_ex_tax"),
        "shipping_cost_inc_tax": slot("shipping_inc_tax"),
        "shipping_cost_tax": slot("shipping_tax"),
        **_costs("handling", 2),
        **_costs("wrapping", 3),
        **slots("items_total items_shipped payment_method payment_provider_id payment_status"),
        "order_is_digital": slot("order_is_digital"),
        **slots("ip_address geoip_country geoip_country_iso2 currency_id currency_code currency_exchange_rate"),
        **slots("default_currency_id default_currency_code store_default_currency_code"),
        "store_default_to_transactional_exchange_rate": slot("transactional_exchange_rate"),
        **slots("staff_notes customer_message coupon_discount shipping_address_count is_deleted cart_id"),
        **slots("billing_address order_source channel_id external_order_id customer_locale"),
        **slots("is_tax_inclusive_pricing products shipping_addresses coupons"),
        "shipping_cost_tax_class_id": 2,
        **always(_ZERO, "refunded_amount store_credit_amount gift_certificate_amount discount_amount"),
        "ip_address_v6": "",
        "ebay_order_id": "0",
        "is_email_opt_in": False,
        **always(None, "credit_card_type external_source external_id external_merchant_id"),
        "tax_provider_id": "BasicTaxProvider",
    }
)

LINE = Template(
    {
        **slots("id order_id product_id variant_id order_pickup_method_id order_address_id name sku type"),
        "name_customer": slot("name"),
        "name_merchant": slot("name"),
        "base_price": slot("price_ex_tax"),
        **slots("price_ex_tax price_inc_tax price_tax total_ex_tax total_inc_tax total_tax weight quantity"),
        "base_total": slot("total_ex_tax"),
        **always(slot("cost_price"), "base_cost_price cost_price_inc_tax cost_price_ex_tax"),
        **slots("is_refunded quantity_refunded wrapping_name quantity_shipped"),
        **slots("parent_order_product_id is_bundled_product brand applied_discounts product_options"),
        **slots("gift_certificate_id discounted_total_inc_tax"),
        **always("", "upc wrapping_message ebay_item_id ebay_transaction_id bin_picking_number"),
        **always(_ZERO, "width height depth cost_price_tax refund_amount base_wrapping_cost wrapping_cost_ex_tax"),
        **always(_ZERO, "wrapping_cost_inc_tax wrapping_cost_tax fixed_shipping_cost"),
        "return_id": 0,
        "wrapping_id": 0,
        **always(None, "event_name event_date option_set_id external_id"),
        "configurable_fields": [],
    }
)

PRODUCT_OPTION = Template(
    {
        **slots("id option_id order_product_id value name"),
        "product_option_id": slot("option_id"),
        **always(slot("name"), "display_name display_name_customer display_name_merchant"),
        **always(slot("label"), "display_value display_value_customer display_value_merchant"),
        "type": "Multiple choice",
        "display_style": "Rectangle",
    }
)

ADDRESS = "first_name last_name company street_1 street_2 city state zip country country_iso2 phone email"
BILLING_ADDRESS = Template({**slots(ADDRESS), "form_fields": []})

SHIPPING = Template(
    {
        **slots(f"id {ADDRESS} items_total items_shipped shipping_method"),
        "base_cost": slot("cost_ex_tax"),
        **slots("cost_ex_tax cost_inc_tax cost_tax shipping_quotes"),
        "form_fields": [],
        "cost_tax_class_id": 2,
        "handling_cost_tax_class_id": 2,
        **always(0, "base_handling_cost handling_cost_ex_tax handling_cost_inc_tax handling_cost_tax"),
        "shipping_zone_id": 1,
        "shipping_zone_name": "Everywhere",
    }
)

PICKUP = Template(
    {
        "id": slot("id"),
        "pickup_method_id": 1,
        "pickup_method_display_name": "Collect in the shop",
        "collection_instructions": "Ring twice.",
        "collection_time_description": "10 to 18",
        "location": {
            "id": 1,
            "name": "Workshop",
            "code": "WORKSHOP",
            "address_line_1": "1 Foundry Row",
            "address_line_2": "",
            "city": "Fernhill",
            "state": "Texas",
            "postal_code": "75999",
            "country_alpha2": "US",
            "email": "workshop@example.com",
            "phone": "",
        },
    }
)

FEE = Template(
    {
        "id": slot("id"),
        "type": "custom_fee",
        "display_name_customer": "Gift box <i>with bow</i>",
        "display_name_merchant": "Gift box",
        "source": "v2",
        **always("4.0000", "base_cost cost_ex_tax cost_inc_tax"),
        "cost_tax": _ZERO,
        "tax_class_id": None,
    }
)

RECIPIENT = Template({"recipient_email": slot("email")})
