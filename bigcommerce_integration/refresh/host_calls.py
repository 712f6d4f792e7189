"""Calls into the host inside a page's transaction: what it raises undoes the page and is named as the host's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from ..errors import HostRefused
from .columns import storable
from .database import is_conflict
from .rows import PageTransaction


@contextmanager
def calling_host(method: str) -> Iterator[None]:
    """Turn what the host raises into ``HostRefused``, but for locks and lost connections, which are ours to retry."""
    try:
        yield
    except Exception as error:
        if is_conflict(error) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
        raise HostRefused(f"The host's {method} refused: {_reason(error)}") from error


def tell_products(tx: PageTransaction, ids: Sequence[int]) -> None:
    """Tell the host of changed products, by their BigCommerce ids."""
    with calling_host("products_changed"):
        tx.host.products_changed(tx.session, tx.instance, ids)
        # What it left pending fails here as its own, not at the commit, where it would look like a bad record of ours.
        tx.session.flush()


def tell_orders(tx: PageTransaction, ids: Sequence[int]) -> None:
    """Tell the host of changed orders, by their BigCommerce ids."""
    with calling_host("orders_changed"):
        tx.host.orders_changed(tx.session, tx.instance, ids)
        tx.session.flush()


def _reason(error: Exception) -> str:
    """The kind of the error and the first line of its text, without a statement and its parameters."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return storable(f"{type(cause).__name__}: {lines[0] if lines else ''}")[:500]
