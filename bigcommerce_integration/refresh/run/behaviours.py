"""Which collection has something of its own, and the collections of an app with it."""

from __future__ import annotations

from collections.abc import Mapping

from ...resources.orders import ORDERS
from ...resources.products import PRODUCTS
from ...resources.refunds import REFUNDS
from ...resources.registry import Registry
from ..write.behaviour import Behaviour, Collection, MadeSinceStart
from .orders import Orders
from .products import Products

BEHAVIOURS: Mapping[str, Behaviour] = {PRODUCTS.name: Products(), ORDERS.name: Orders(), REFUNDS.name: MadeSinceStart()}


def collections(registry: Registry) -> dict[str, Collection]:
    """What the engine works with, by name."""
    plain = Behaviour()
    return {
        each.name: Collection(each, registry.mappers[each.name], BEHAVIOURS.get(each.name, plain)) for each in registry
    }
