"""``/api/big-commerce/openapi.json``: for everybody, as it tells nothing of anybody's data."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from ...app_state import current_state
from .document import KeyShape, document


def get_openapi() -> dict[str, Any]:
    """The document, with the paths as this app serves them."""
    path = url_for(".get_openapi")
    prefix = path.removeprefix(request.script_root).removesuffix("/openapi.json")
    tables = current_state().tables
    return document(prefix, request.script_root, KeyShape.of(tables.product_key), tables.registry)
