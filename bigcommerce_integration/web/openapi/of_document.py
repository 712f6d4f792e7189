"""The document itself."""

from __future__ import annotations

from .operation import Answer, Operation, Subject

_EXAMPLE = {"openapi": "3.1.0", "info": {"title": "BigCommerce integration", "version": "0.1.0"}, "paths": {}}

SUBJECT = Subject(
    schemas={},
    operations={
        ("/openapi.json", "GET"): Operation(
            id="getDocument",
            tag="Document",
            summary="This document",
            answers={
                200: Answer(
                    "OpenAPI 3.1.",
                    {"type": "object", "required": ["openapi", "info", "paths"]},
                    _EXAMPLE,
                )
            },
            needs_login=False,
        )
    },
)
