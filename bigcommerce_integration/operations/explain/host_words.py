"""What the host itself says about a record, by methods that it need not have."""

from __future__ import annotations

from typing import Any, Literal

from ...models.product_key import Key
from ..context import RequestContext
from ..links.your_products import known_as, your_products


def host_word(context: RequestContext, order_id: int) -> str | None:
    """The host's sentence about a stored order; None if it says none."""
    return _text(_call(context, "explain_order", order_id))


def host_link(context: RequestContext, kind: Literal["product", "order"], key: Key) -> str | None:
    """The host's own page about one of its products, or about an order by its BigCommerce id; None if it has none.

    Only a path or a web address: a page shows it as a link.
    """
    link = _text(_call(context, "link_to", kind, key))
    return link if link is not None and link.startswith(("/", "https://", "http://")) else None


def host_product(context: RequestContext, key: Key) -> str:
    """How a person knows this product of the host: by its SKU and name, or by its key where the host tells neither."""
    return known_as(your_products(context, [key]), key)


def _call(context: RequestContext, method: str, *arguments: Any) -> Any:
    said = getattr(context.state.host, method, None)
    return said(context.session, context.instance, *arguments) if callable(said) else None


def _text(said: Any) -> str | None:
    return said.strip() or None if isinstance(said, str) else None
