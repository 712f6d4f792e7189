"""The document as the app serves it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from .conformance import Document


@pytest.fixture
def document(client: FlaskClient) -> Document:
    """Asked for without a login."""
    answer = client.get("/api/big-commerce/openapi.json")
    assert answer.status_code == 200
    return Document(answer.json)  # type: ignore[arg-type]
