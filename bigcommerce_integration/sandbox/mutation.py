"""One random edit of a store at a time: what happens while somebody reads it."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from .records.refunds.maker import AWKWARD_KINDS

if TYPE_CHECKING:
    from .store import SandboxStore

Edit = Callable[["SandboxStore", Random], Any]


def mutate(store: "SandboxStore", rng: Random) -> str:
    """Do one random edit of any kind; returns what it did, like `edit_order 117`."""
    with store.lock:
        name = rng.choice(list(_EDITS))
        try:
            return f"{name} {_EDITS[name](store, rng)}"
        except IndexError:
            # Nothing left to edit of that sort.
            return f"create_product {store.create_product()}"


def _of_one(ids: str, edit: Callable[["SandboxStore", Random, int], int | None]) -> Edit:
    """The edit of one of these records; it gives the record's id, unless `edit` gives another."""

    def edit_one(store: "SandboxStore", rng: Random) -> int:
        record_id: int = rng.choice(getattr(store, ids))
        other_id = edit(store, rng, record_id)
        return record_id if other_id is None else other_id

    return edit_one


def _edit_product(store: "SandboxStore", rng: Random, product_id: int) -> None:
    store.edit_product(product_id, name=f"Renamed {rng.randrange(10**6)} {product_id}", price=rng.randrange(100))


def _edit_variant(store: "SandboxStore", rng: Random, variant_id: int) -> None:
    store.edit_variant(variant_id, sku=f"EDITED-{rng.randrange(10**6)}", price=rng.choice((None, 5, 12.5)))


def _edit_order(store: "SandboxStore", rng: Random, order_id: int) -> None:
    store.edit_order(order_id, status_id=rng.randrange(15), staff_notes=f"note {rng.randrange(10**6)}")


def _restore_order(store: "SandboxStore", rng: Random) -> int:
    order_id = rng.choice([order_id for order_id in store.order_ids if store.orders[order_id].archived])
    store.restore_order(order_id)
    return order_id


def _edit_line(store: "SandboxStore", rng: Random, order_id: int) -> int:
    line = rng.choice(store.orders[order_id].lines)
    store.edit_line(order_id, line.id, quantity=rng.randint(1, 9))
    return line.id


def _remove_line(store: "SandboxStore", rng: Random, order_id: int) -> int:
    line = rng.choice(store.orders[order_id].lines)
    store.remove_line(order_id, line.id)
    return line.id


_PRODUCTS, _VARIANTS, _ORDERS, _REFUNDS = "product_ids", "variant_ids", "order_ids", "refund_ids"
_EDITS: dict[str, Edit] = {
    "create_product": lambda store, rng: store.create_product(variants=rng.randint(1, 4)),
    "edit_product": _of_one(_PRODUCTS, _edit_product),
    "delete_product": _of_one(_PRODUCTS, lambda store, _, one: store.delete_product(one)),
    "create_variant": _of_one(
        _PRODUCTS, lambda store, rng, one: store.create_variant(one, sku=f"NEW-{rng.randrange(10**6)}")
    ),
    "edit_variant": _of_one(_VARIANTS, _edit_variant),
    "delete_variant": _of_one(_VARIANTS, lambda store, _, one: store.delete_variant(one)),
    "move_variant": _of_one(_VARIANTS, lambda store, rng, one: store.move_variant(one, rng.choice(store.product_ids))),
    "set_stock": _of_one(_VARIANTS, lambda store, rng, one: store.set_stock(one, rng.randrange(500))),
    "create_order": lambda store, rng: store.create_order(lines=rng.randint(1, 4)),
    "edit_order": _of_one(_ORDERS, _edit_order),
    "archive_order": _of_one(_ORDERS, lambda store, _, one: store.archive_order(one)),
    "restore_order": _restore_order,
    "delete_order": _of_one(_ORDERS, lambda store, _, one: store.delete_order(one)),
    "add_line": _of_one(_ORDERS, lambda store, _, one: store.add_line(one)),
    "edit_line": _of_one(_ORDERS, _edit_line),
    "remove_line": _of_one(_ORDERS, _remove_line),
    "create_refund": _of_one(_ORDERS, lambda store, rng, one: store.create_refund(one, kind=rng.choice(AWKWARD_KINDS))),
    "decline_payments": _of_one(_REFUNDS, lambda store, _, one: store.decline_payments(one)),
}
