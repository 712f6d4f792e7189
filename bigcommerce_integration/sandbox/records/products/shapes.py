"""The shapes of products, variants, images and custom fields (reference/catalog/*.yml of bigcommerce/docs)."""

from ..jsontext import Template, always, slot, slots

PRODUCT = Template(
    {
        **slots("id name type sku description weight width depth height"),
        **slots("price cost_price retail_price sale_price calculated_price categories brand_id"),
        **slots("inventory_level inventory_tracking total_sold is_visible upc search_keywords availability"),
        **slots("sort_order date_created date_modified view_count preorder_release_date base_variant_id"),
        "related_products": [-1],
        "custom_url": {"url": slot("url"), "is_customized": False},
        **always(0, "map_price tax_class_id inventory_warning_level reviews_rating_sum reviews_count"),
        **always(0, "fixed_cost_shipping_price order_quantity_minimum order_quantity_maximum"),
        **always("", "product_tax_code warranty bin_picking_number mpn gtin availability_description page_title"),
        **always("", "meta_description price_hidden_label open_graph_title open_graph_description"),
        "option_set_id": None,
        "date_last_imported": None,
        "option_set_display": "right",
        **always(False, "is_free_shipping is_featured is_condition_shown is_preorder_only is_price_hidden"),
        "layout_file": "product.html",
        "gift_wrapping_options_type": "any",
        "gift_wrapping_options_list": [],
        "meta_keywords": [],
        "condition": "New",
        "preorder_message": "0",
        "open_graph_type": "product",
        **always(True, "open_graph_use_meta_description open_graph_use_product_name open_graph_use_image"),
    }
)

VARIANT = Template(
    {
        **slots("id product_id sku sku_id price calculated_price cost_price weight calculated_weight"),
        **slots("purchasing_disabled image_url upc inventory_level option_values"),
        **always(None, "sale_price retail_price map_price width height depth fixed_cost_shipping_price"),
        "is_free_shipping": False,
        **always("", "purchasing_disabled_message mpn gtin bin_picking_number"),
        "inventory_warning_level": 0,
    }
)

OPTION_VALUE = Template(slots("id label option_id option_display_name"))

IMAGE = Template(
    {
        **slots("id product_id is_thumbnail sort_order date_modified"),
        "description": "",
        "image_file": slot("file"),
        **always(slot("url"), "image_url url_zoom url_standard url_thumbnail url_tiny"),
    }
)

CUSTOM_FIELD = Template(slots("id name value"))
