"""What the host says by itself: which products it has added."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session, scoped_session

from ...app_state import current_state
from ...refresh.linking.added import remember


def products_added(session: Session | scoped_session[Session], skus: Iterable[str | None], tenant: str = "") -> None:
    """Have variants with these SKUs linked soon, as your products with them are new.

    Call it in the transaction that adds the products or changes their SKUs, within an app context. ``tenant`` is that
    of the products, as ``Host.tenant`` names it. The SKUs are only remembered, in this ``session``: you commit, and a
    rollback forgets them. A worker links within a few seconds, in the stores of the tenant that have
    ``auto_link_products`` on. Blank SKUs, and those that no variant has, come to nothing.

    Raises ``TypeError`` for SKUs that are no texts, or one text in place of many; ``BigCommerceError`` if the blueprint
    is not registered in the current app; SQLAlchemy's errors for what the database does.
    """
    if isinstance(skus, str):
        raise TypeError("skus must be the SKUs of the products, such as [sku], not one text.")
    given = list(skus)
    for sku in given:
        if not isinstance(sku, str | None):
            raise TypeError(f"A SKU must be text or None, not {type(sku).__name__}.")
    remember(session, current_state().tables, given, tenant)
