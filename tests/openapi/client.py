"""A test client that holds each answer of ours against the document."""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask
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
        if is_ours:
            _document_of(self.application).check(response.request.method, response.request.path, response)
        return response

    @property
    def _has_blueprint(self) -> bool:
        return _OWN_PATH in self.application.view_functions


def _document_of(app: Flask) -> Document:
    """Made anew where the app has got other routes since."""
    routes = len(list(app.url_map.iter_rules()))
    if app not in _documents or _documents[app][0] != routes:
        (own,) = app.url_map.iter_rules(_OWN_PATH)
        _documents[app] = routes, _document(Outline.of(app, _OWN_PATH, own.rule))
    return _documents[app][1]


_documents: WeakKeyDictionary[Flask, tuple[int, Document]] = WeakKeyDictionary()


@cache
def _document(outline: Outline) -> Document:
    return Document(document(outline))
