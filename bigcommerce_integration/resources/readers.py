"""How the records of a collection are asked for: values, which the client knows how to follow."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_PAGE = 250
"""The most that a page may hold, in V3 (products_catalog.v3.yml) as in V2. More is never asked.

For orders it stood in the old docs of the V2 API and is what others use: the fact sheet, sections 3 and 5.
"""


@dataclass(frozen=True)
class CatalogRanges:
    """V3 by ranges of ids (``id:min``, ``id:max``): the total proves the end, and ``id:in`` takes many ids at once."""

    ids_a_request: int = LARGEST_PAGE
    counts_apart: bool = False
    # Whether a range is one of ids, so that an answer shows which ids it covers.
    by_id: bool = True


@dataclass(frozen=True)
class V2Ranges:
    """V2 by ranges of ids (``min_id``), counted apart; dates are asked for a second wider, as bounds may not count."""

    ids_a_request: int = 1
    counts_apart: bool = True
    by_id: bool = True


@dataclass(frozen=True)
class Pages:
    """V3 by page numbers: it promises less, as a record that comes or goes moves others from page to page.

    A list whose total moved while it was read is walked again, three times at most. What is gone shows only where it is
    asked for by its id (``id:in``).
    """

    ids_a_request: int = LARGEST_PAGE
    counts_apart: bool = False
    by_id: bool = False


Reader = CatalogRanges | V2Ranges | Pages
