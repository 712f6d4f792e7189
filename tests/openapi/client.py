"""A test client that holds each answer of ours against the document."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bigcommerce_integration.web.openapi.document import Outline, document

from .conformance import Document

_OWN_PATH = "bigcommerce.get_openapi"


class ConformingClient(FlaskClient):
    """Raises ``AssertionError`` for an answer that the document does not tell of."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """The answer, checked."""
        response = super().open(*args, **kwargs)
        # 500 is the host's own answer to an error, and no part of any contract.
        is_ours = self._has_blueprint and response.status_code != 500
        for rule in self.application.url_map.iter_rules(_OWN_PATH) if is_ours else ():
            outline = Outline.of(self.application, _OWN_PATH, rule.rule)
            _document(outline).check(response.request.method, response.request.path, response)
        return response

    @property
    def _has_blueprint(self) -> bool:
        return _OWN_PATH in self.application.view_functions


@cache
def _document(outline: Outline) -> Document:
    return Document(document(outline))
