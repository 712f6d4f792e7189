"""The host's products as a person knows them: by SKU and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...models.product_key import Key, in_order, key_answer
from ..context import RequestContext


def your_products(context: RequestContext, keys: Iterable[Key | None]) -> Mapping[Key, tuple[str, str]]:
    """SKU and name by key, of those that the host knows; a host that cannot tell them is shown by keys alone."""
    asked = in_order({each for each in keys if each is not None})
    products_by_id = getattr(context.state.host, "products_by_id", None)
    if not asked or not callable(products_by_id):
        return {}
    return products_by_id(context.session, context.instance, asked) or {}


def known_as(products: Mapping[Key, tuple[str, str]], key: Key) -> str:
    """What a sentence calls the product: SKU and name, such as MUG-1 (Red mug), or its key where neither is known."""
    sku, name = products.get(key, ("", ""))
    return f"{sku} ({name})" if sku and name else sku or name or str(key_answer(key))
