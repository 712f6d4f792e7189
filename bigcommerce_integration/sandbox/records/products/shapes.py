"""The shapes of products, variants, images and custom fields (reference/catalog/*.yml of bigcommerce/docs)."""

from ..jsontext import Template, slot, slots

PRODUCT = Template(
    {
        **slots("id name type sku description weight width depth height"),
        **slots("price cost_price retail_price sale_price calculated_price categories brand_id"),
        **slots("inventory_level inventory_tracking total_sold is_visible upc search_keywords availability"),
        **slots("sort_order date_created date_modified view_count preorder_release_date base_variant_id"),
        "map_price": 0,
        "tax_class_id": 0,
        "product_tax_code": "",
        "option_set_id": None,
        "option_set_display": "right",
        "inventory_warning_level": 0,
        "reviews_rating_sum": 0,
        "reviews_count": 0,
        "fixed_cost_shipping_price": 0,
        "is_free_shipping": False,
        "is_featured": False,
        "related_products": [-1],
        "warranty": "",
        "bin_picking_number": "",
        "layout_file": "product.html",
        "mpn": "",
        "gtin": "",
        "date_last_imported": None,
        "availability_description": "",
        "gift_wrapping_options_type": "any",
        "gift_wrapping_options_list": [],
        "condition": "New",
        "is_condition_shown": False,
        "order_quantity_minimum": 0,
        "order_quantity_maximum": 0,
        "page_title": "",
        "meta_keywords": [],
        "meta_description": "",
        "preorder_message": "0",
        "is_preorder_only": False,
        "is_price_hidden": False,
        "price_hidden_label": "",
        "custom_url": {"url": slot("url"), "is_customized": False},
        "open_graph_type": "product",
        "open_graph_title": "",
        "open_graph_description": "",
        "open_graph_use_meta_description": True,
        "open_graph_use_product_name": True,
        "open_graph_use_image": True,
    }
)

VARIANT = Template(
    {
        **slots("id product_id sku sku_id price calculated_price cost_price weight calculated_weight"),
        **slots("purchasing_disabled image_url upc inventory_level option_values"),
        "sale_price": None,
        "retail_price": None,
        "map_price": None,
        "width": None,
        "height": None,
        "depth": None,
        "is_free_shipping": False,
        "fixed_cost_shipping_price": None,
        "purchasing_disabled_message": "",
        "mpn": "",
        "gtin": "",
        "inventory_warning_level": 0,
        "bin_picking_number": "",
    }
)

OPTION_VALUE = Template(slots("id label option_id option_display_name"))

IMAGE = Template(
    {
        **slots("id product_id is_thumbnail sort_order date_modified"),
        "description": "",
        "image_file": slot("file"),
        **dict.fromkeys(("image_url", "url_zoom", "url_standard", "url_thumbnail", "url_tiny"), slot("url")),
    }
)

CUSTOM_FIELD = Template(slots("id name value"))
