"""What the pages call things."""

from __future__ import annotations

from collections.abc import Mapping

STATUSES: Mapping[str, tuple[str, str]] = {
    "active": ("Active", "good"),
    "needs_attention": ("Needs attention", "bad"),
    "deleting": ("Being removed", "quiet"),
    "pending": ("Waiting", "wait"),
    "processing": ("Running", "busy"),
    "completed": ("Completed", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", "quiet"),
    "off": ("Off", "quiet"),
    "person": ("Needs you", "bad"),
    "wait": ("Mends itself", "wait"),
}
"""A status as a word, and the kind of its colour."""

MODES: Mapping[str, str] = {
    "initial": "First import",
    "incremental": "Changes",
    "full": "Everything",
    "date_range": "Dates",
    "ids": "Chosen records",
}
DONE: Mapping[str, str] = {
    "connected": "The store is connected. Its first import has begun.",
    "saved": "The settings are saved.",
    "unchanged": "Nothing was changed: the settings are as they were.",
    "disconnected": "The store is disconnected. Its records are being removed; your own products stay.",
    "started": "The refresh has begun.",
    "cancelled": "The refresh is cancelled. What was stored stays.",
    "retried": "The refresh goes on where it stopped.",
}
"""What a page says at its top after a form, by the word ``done`` in its address."""

TABS = (
    ("get_store", "Overview", "read"),
    ("get_variants", "Variants", "read"),
    ("get_products", "Products", "read"),
    ("get_orders", "Orders", "read_orders"),
    ("get_rejected", "Rejected", "read"),
    ("get_links", "Mapping by file", "link"),
    ("get_refreshes", "Refreshes", "read"),
    ("get_history", "History", "read_history"),
    ("get_settings", "Settings", "change"),
)
"""The pages of a store: the view, its name, and what a person must be allowed to."""

RESULTS: Mapping[str, str] = {
    "fetched": "Read",
    "created": "New",
    "updated": "Changed",
    "unchanged": "As before",
    "skipped": "Left out, as older than the first day",
    "deleted": "Gone from the store",
    "linked": "Variants linked",
    "products_created": "Your products created",
    "referenced": "Read since an order refers to them",
    "rejected": "Rejected",
    "conflicts": "Variants that could not be linked",
    "refused": "Products that your system refused",
    "notes": "Rows with something unreadable in them",
    "requests": "Requests to the store",
}
"""What a refresh counts."""

DEEDS: Mapping[str, str] = {
    "create": "Connected the store",
    "change": "Changed the settings",
    "delete": "Disconnected the store",
}

LABELS: Mapping[str, str] = {
    "name": "Name",
    "access_token": "Access token",
    "store_hash": "API path",
    "start_date": "First day",
    "store_id": "Your store",
    "linking": "Products",
    "is_automatic_sync_enabled": "Keep up to date",
    "date_from": "From",
    "date_to": "Until",
    "ids": "Numbers of the records",
    "confirmation": "The store's name",
}


def label(path: str) -> str | None:
    """What an input is called, by its dotted path; None for one that nobody has to see."""
    return LABELS.get(path.rpartition(".")[2])
