"""The collections that are mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .base import LONGEST_NAME, Resource
from .mapping import Mapper
from .orders import ORDERS
from .products import PRODUCTS
from .refunds import REFUNDS


@dataclass(frozen=True, eq=False)
class Registry:
    """Collections by name, in the order in which they are listed and begun."""

    resources: tuple[Resource, ...]

    def __post_init__(self) -> None:
        tables = [name for each in self.resources for name in (each.name, *(child.name for child in each.children))]
        if len(set(tables)) != len(tables):
            raise ValueError(f"two tables of one name: {sorted(tables)}")
        if too_long := [each.name for each in self.resources if len(each.name) > LONGEST_NAME]:
            raise ValueError(f"names of more than {LONGEST_NAME} characters: {too_long}")

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Resource:
        return self._by_name[name]

    @cached_property
    def read(self) -> tuple[Resource, ...]:
        """Those that are read from the store."""
        return tuple(each for each in self.resources if each.reader is not None)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of those that are read: what has leases, refreshes and an actor."""
        return tuple(each.name for each in self.read)

    def following(self, name: str) -> tuple[Resource, ...]:
        """Those that are brought up to date after the one of this name."""
        return tuple(each for each in self.read if each.begins is not None and each.begins.collection == name)

    @cached_property
    def mappers(self) -> dict[str, Mapper]:
        """What maps the records of each collection, by its name."""
        return {each.name: Mapper(each) for each in self.resources}

    @cached_property
    def _by_name(self) -> dict[str, Resource]:
        return {each.name: each for each in self.resources}


REGISTRY = Registry((PRODUCTS, ORDERS, REFUNDS))
"""What this package mirrors."""
