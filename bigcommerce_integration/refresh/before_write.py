"""What is asked of the store before a page is stored, by its resource."""

from __future__ import annotations

from collections.abc import Callable

from . import products
from .order_lines import with_all_lines
from .page import MappedPage
from .slices import Slice
from .variant_doubts import with_sure_variants


def completed(slice_: Slice, page: MappedPage, store: Callable[[MappedPage], None]) -> None:
    """Store the page once it holds all that its rows need: an order's lines, a product's variants."""
    if slice_.job.resource == products.NAME:
        with_sure_variants(slice_, page, store)
    else:
        with_all_lines(slice_, page, store)
