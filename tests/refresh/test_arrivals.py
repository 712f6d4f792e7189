"""Which workers know a collection: by the version that they note."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bigcommerce_integration.refresh.lifecycle.arrivals import is_known
from bigcommerce_integration.resources.products import PRODUCTS


@pytest.mark.parametrize("version", [None, "0.1.0", "0.2.0", "nonsense"])
def test_the_first_collections_are_known_to_every_worker(version: str | None):
    assert is_known(PRODUCTS, version)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, False),
        ("", False),
        ("nonsense", False),
        ("0.2.9", False),
        ("0.9.0", False),
        ("0.10.0", True),
        ("0.10.1", True),
        ("0.11.0.dev1", True),
        ("1.0.0", True),
    ],
)
def test_a_newer_collection_is_known_from_its_version_on(version: str | None, expected: bool):
    assert is_known(replace(PRODUCTS, since="0.10.0"), version) is expected
