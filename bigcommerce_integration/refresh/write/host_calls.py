"""Calls into the host inside a page's transaction: what it raises undoes the page and is named as the host's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any

from ...errors import HostRefused
from ...host.port import ProductDraft
from ...models.dialect.errors import is_text_refused
from ...models.product_key import Key
from ...resources.values import storable
from ..job.database import NEEDS_FOUR_BYTES, shortage
from .rows import PageTransaction


@contextmanager
def calling_host(method: str) -> Iterator[None]:
    """Turn what the host raises into ``HostRefused``, but for what the database is short of, which is ours to retry."""
    try:
        yield
    except HostRefused:
        raise
    except Exception as error:
        if shortage(error) is not None:
            raise
        raise HostRefused(f"The host's {method} refused: {_reason(error)}") from error


def host_products_by_sku(tx: PageTransaction, skus: Sequence[str]) -> Mapping[str, Sequence[Key]]:
    """The host's products by SKU; ``HostRefused`` for an answer that is none."""
    method, wanted = "products_by_sku", "a mapping of SKUs to lists of product ids"
    with calling_host(method):
        found = tx.host.products_by_sku(tx.session, tx.instance, list(skus))
    for ids in _by_sku(method, found, wanted).values():
        if not isinstance(ids, Sequence | Set) or isinstance(ids, str | bytes):
            raise _nonsense(method, "a mapping with other things in it", wanted)
        _require_keys(tx, method, ids)
    return {sku: list(ids) for sku, ids in found.items()}


def make_host_products(tx: PageTransaction, drafts: Sequence[ProductDraft]) -> Mapping[str, Key]:
    """The ids of what the host makes, by SKU, in a savepoint; ``HostRefused`` for an answer that is none."""
    method = "create_products"
    with calling_host(method), tx.session.begin_nested():
        found = tx.host.create_products(tx.session, tx.instance, drafts)
        made = _by_sku(method, found, "a mapping of SKUs to product ids")
        _require_keys(tx, method, made.values())
        return made


def missing_host_products(tx: PageTransaction, keys: Sequence[Key]) -> Collection[Key]:
    """Those of these that are no products of the host; ``HostRefused`` for an answer that is none."""
    with calling_host("products_missing"):
        # None comes of a class that inherits the port without an answer of its own.
        found: Any = tx.host.products_missing(tx.session, tx.instance, keys)
        if found is not None and (not isinstance(found, Collection) or isinstance(found, str | bytes | Mapping)):
            raise _nonsense("products_missing", type(found).__name__, "a collection of product ids")
        return found or ()


def _by_sku(method: str, found: Any, wanted: str) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise _nonsense(method, type(found).__name__, wanted)
    if not all(isinstance(sku, str) for sku in found):
        raise _nonsense(method, "a mapping with other things in it", wanted)
    return found


def _nonsense(method: str, what: str, wanted: str) -> HostRefused:
    return HostRefused(f"The host's {method} returned {what}; it must return {wanted}.")


def _require_keys(tx: PageTransaction, method: str, keys: Iterable[Key]) -> None:
    """Raises ``HostRefused`` for a key that the link column does not hold, before the database refuses the page."""
    product_key = tx.tables.product_key
    for key in keys:
        if not product_key.takes(key):
            raise HostRefused(
                f"The host's {method} returned a product id of type {type(key).__name__}, and links are of type "
                f"{product_key.type}. Let Host.product_key_type name the SQLAlchemy type of the products' keys, "
                "migrate the database, and start the refresh again."
            )


def notify_host(tx: PageTransaction, name: str, ids: Sequence[int]) -> None:
    """Tell the host of changed records of the collection, by their BigCommerce ids, if it has a method for them."""
    method = f"{name}_changed"
    notify = getattr(tx.host, method, None)
    if notify is None:
        return
    with calling_host(method):
        notify(tx.session, tx.instance, ids)
        # What it left pending fails here as its own, not at the commit, where it would look like a bad record of ours.
        tx.session.flush()


def _reason(error: Exception) -> str:
    """The kind of the error and the first line of its text, without a statement and its parameters."""
    if is_text_refused(error):
        return NEEDS_FOUR_BYTES
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return storable(f"{type(cause).__name__}: {lines[0] if lines else ''}")[:500]
