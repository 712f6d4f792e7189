"""What is asked of the store before a page is stored, by its resource."""

from __future__ import annotations

from ..read.slice import Slice
from ..write.page import MappedPage
from . import products
from .order_lines import PageStore, PartStore, with_all_lines
from .variant_doubts import with_sure_variants


def completed(slice_: Slice, page: MappedPage, store: PageStore, store_part: PartStore | None = None) -> None:
    """Store the page once it holds all that its rows need: an order's lines, a product's variants.

    ``store_part`` as in ``with_all_lines``.
    """
    if slice_.job.resource == products.NAME:
        with_sure_variants(slice_, page, store)
    else:
        with_all_lines(slice_, page, store, store_part)
