"""The store's description of itself."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

_OWNER: Final = {
    "first_name": "Ada",
    "last_name": "Abend",
    "address": "1 Foundry Row\nFernhill",
    "country": "United States",
    "country_code": "US",
    "infrastructure_region": "us-central1",
    "phone": "",
    "admin_email": "admin@example.com",
    "order_email": "orders@example.com",
    "favicon_url": "",
}
_UNITS: Final = {
    "language": "en",
    "decimal_separator": ".",
    "thousands_separator": ",",
    "decimal_places": 2,
    "currency_symbol_location": "left",
    "weight_units": "KGS",
    "dimension_units": "Centimeters",
    "dimension_decimal_places": 2,
    "dimension_decimal_token": ".",
    "dimension_thousands_token": "",
}
_PLAN: Final = {
    "plan_name": "Pro",
    "plan_level": "Pro",
    "plan_is_trial": False,
    "industry": "",
    "logo": [],
    "is_price_entered_with_tax": False,
    "default_channel_id": 1,
    "default_site_id": 1000,
    "active_comparison_modules": [],
    "features": {
        "stencil_enabled": True,
        "sitewidehttps_enabled": True,
        "facebook_catalog_id": "",
        "checkout_type": "optimized",
        "wishlists_enabled": False,
        "graphql_storefront_api_enabled": True,
        "shopper_consent_tracking_enabled": False,
        "multi_storefront_enabled": True,
        "storefront_limits": {"active": 3, "total_including_inactive": 15},
    },
}


_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def information(store_hash: str, seed: int, timezone: str, currency: str, now: float) -> dict[str, Any]:
    """What `GET /v2/store` answers; `now` is unix seconds, `currency` a code of ISO 4217."""
    host = f"https://store-{store_hash}.example.com"
    return {
        "id": store_hash,
        "account_uuid": f"00000000-0000-4000-8000-{seed:012d}",
        "store_id": 1000 + seed,
        "name": "Sandbox Store",
        "domain": host.removeprefix("https://"),
        "secure_url": host,
        "control_panel_base_url": host,
        "status": "live",
        **_OWNER,
        "timezone": _timezone(timezone, now),
        "currency": currency,
        "currency_symbol": _SYMBOLS.get(currency, currency),
        **_UNITS,
        **_PLAN,
    }


def _timezone(name: str, now: float) -> dict[str, Any]:
    zone = ZoneInfo(name)
    year = datetime.fromtimestamp(now, zone).year
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    seconds = sorted(int(offset.total_seconds()) for offset in offsets if offset is not None)
    return {
        "name": name,
        "raw_offset": seconds[0],
        "dst_offset": seconds[-1],
        "dst_correction": bool(datetime.fromtimestamp(now, zone).dst()),
        "date_format": {"display": "M jS Y", "export": "M jS Y", "extended_display": "M jS Y @ g:i A"},
    }
