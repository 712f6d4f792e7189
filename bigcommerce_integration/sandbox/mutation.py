"""One random edit of a store at a time: what happens while somebody reads it."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import SandboxStore


def mutate(store: "SandboxStore", rng: Random) -> str:
    """Do one random edit of any kind; returns what it did, like `edit_order 117`."""
    with store.lock:
        name = rng.choice(list(_EDITS))
        try:
            return f"{name} {_EDITS[name](store, rng)}"
        except IndexError:
            # Nothing left to edit of that sort.
            return f"create_product {store.create_product()}"


def _product(store: "SandboxStore", rng: Random) -> int:
    return rng.choice(store.product_ids)


def _variant(store: "SandboxStore", rng: Random) -> int:
    return rng.choice(store.variant_ids)


def _order(store: "SandboxStore", rng: Random) -> int:
    return rng.choice(store.order_ids)


def _create_product(store: "SandboxStore", rng: Random) -> int:
    return store.create_product(variants=rng.randint(1, 4))


def _edit_product(store: "SandboxStore", rng: Random) -> int:
    product_id = _product(store, rng)
    store.edit_product(product_id, name=f"Renamed {rng.randrange(10**6)} {product_id}", price=rng.randrange(100))
    return product_id


def _delete_product(store: "SandboxStore", rng: Random) -> int:
    product_id = _product(store, rng)
    store.delete_product(product_id)
    return product_id


def _create_variant(store: "SandboxStore", rng: Random) -> int:
    return store.create_variant(_product(store, rng), sku=f"NEW-{rng.randrange(10**6)}")


def _edit_variant(store: "SandboxStore", rng: Random) -> int:
    variant_id = _variant(store, rng)
    store.edit_variant(variant_id, sku=f"EDITED-{rng.randrange(10**6)}", price=rng.choice((None, 5, 12.5)))
    return variant_id


def _delete_variant(store: "SandboxStore", rng: Random) -> int:
    variant_id = _variant(store, rng)
    store.delete_variant(variant_id)
    return variant_id


def _move_variant(store: "SandboxStore", rng: Random) -> int:
    variant_id = _variant(store, rng)
    store.move_variant(variant_id, _product(store, rng))
    return variant_id


def _set_stock(store: "SandboxStore", rng: Random) -> int:
    variant_id = _variant(store, rng)
    store.set_stock(variant_id, rng.randrange(500))
    return variant_id


def _create_order(store: "SandboxStore", rng: Random) -> int:
    return store.create_order(lines=rng.randint(1, 4))


def _edit_order(store: "SandboxStore", rng: Random) -> int:
    order_id = _order(store, rng)
    store.edit_order(order_id, status_id=rng.randrange(15), staff_notes=f"note {rng.randrange(10**6)}")
    return order_id


def _archive_order(store: "SandboxStore", rng: Random) -> int:
    order_id = _order(store, rng)
    store.archive_order(order_id)
    return order_id


def _restore_order(store: "SandboxStore", rng: Random) -> int:
    order_id = rng.choice([order_id for order_id in store.order_ids if store.orders[order_id].archived])
    store.restore_order(order_id)
    return order_id


def _delete_order(store: "SandboxStore", rng: Random) -> int:
    order_id = _order(store, rng)
    store.delete_order(order_id)
    return order_id


def _add_line(store: "SandboxStore", rng: Random) -> int:
    return store.add_line(_order(store, rng))


def _edit_line(store: "SandboxStore", rng: Random) -> int:
    order_id = _order(store, rng)
    line = rng.choice(store.orders[order_id].lines)
    store.edit_line(order_id, line.id, quantity=rng.randint(1, 9))
    return line.id


def _remove_line(store: "SandboxStore", rng: Random) -> int:
    order_id = _order(store, rng)
    line = rng.choice(store.orders[order_id].lines)
    store.remove_line(order_id, line.id)
    return line.id


_EDITS: dict[str, Callable[["SandboxStore", Random], Any]] = {
    "create_product": _create_product,
    "edit_product": _edit_product,
    "delete_product": _delete_product,
    "create_variant": _create_variant,
    "edit_variant": _edit_variant,
    "delete_variant": _delete_variant,
    "move_variant": _move_variant,
    "set_stock": _set_stock,
    "create_order": _create_order,
    "edit_order": _edit_order,
    "archive_order": _archive_order,
    "restore_order": _restore_order,
    "delete_order": _delete_order,
    "add_line": _add_line,
    "edit_line": _edit_line,
    "remove_line": _remove_line,
}
