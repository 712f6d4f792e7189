"""``/api/big-commerce/openapi.json``: for everybody, as it tells nothing of anybody's data."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, url_for

from .document import Outline, document
from .operation import Answer, Operation


@Operation(
    id="getDocument",
    tag="Document",
    summary="This document",
    answers={
        200: Answer(
            "OpenAPI 3.1.",
            {"description": "The document.", "type": "object", "required": ["openapi", "info", "paths"]},
            {"openapi": "3.1.0", "info": {"title": "BigCommerce integration", "version": "0.2.0"}, "paths": {}},
        )
    },
    needs_login=False,
)
def get_openapi() -> dict[str, Any]:
    """The document, with the paths as this app serves them."""
    path = url_for(".get_openapi").removeprefix(request.script_root)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return document(Outline.of(app, str(request.endpoint), path, root=request.script_root))
