"""What the host offers to choose from when a store is connected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..models.product_key import Key
from .context import Caller, RequestContext

Choice = tuple[int, str]


@dataclass(frozen=True)
class Choices:
    """Ids with names; None where the host does not say what there is, so that a person types the id."""

    integrations: Sequence[Choice] | None
    stores: Sequence[Choice] | None
    nominal_codes: Sequence[Choice] | None


def choices(caller: Caller) -> Choices:
    """Those of the caller's tenant; the methods of the host are optional."""
    return Choices(*(_offered(caller, name) for name in ("integrations", "stores", "nominal_codes")))


def search_products(context: RequestContext, text: str) -> Sequence[tuple[Key, str, str]] | None:
    """Products of the host that a person may mean by ``text``, the nearest first: keys, SKUs and names.

    None where the host cannot search, so that a person types the key. Needs ``link``.
    """
    context.require("link")
    search = getattr(context.state.host, "search_products", None)
    found = search(context.session, context.instance, text) if callable(search) else None
    return None if found is None else [(key, str(sku), str(name)) for key, sku, name in found]


def _offered(caller: Caller, name: str) -> Sequence[Choice] | None:
    offer = getattr(caller.state.host, name, None)
    found = offer(caller.session) if callable(offer) else None
    return None if found is None else [(int(key), str(text)) for key, text in found]
