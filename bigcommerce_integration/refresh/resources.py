"""The resources by name: each is a module with the same five parts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from ..client.api import Highest, Reply, StoreClient
from ..client.pages import IdRange, Page
from ..client.records import Record
from . import orders, products
from .page import Counts, Mapped, MappedPage
from .rows import PageTransaction


class Resource(Protocol):
    """What the walk needs to know of a collection."""

    NAME: str

    def survey(self, client: StoreClient, since: datetime | None) -> Reply[Highest]:
        """One request for the highest id."""

    def ask(self, client: StoreClient, ids: IdRange, limit: int, since: datetime | None) -> Reply[Page]:
        """One request for a page of a range."""

    def map_record(self, record: Record) -> Mapped:
        """A record's columns; ``BadRecord``."""

    def apply(self, tx: PageTransaction, page: MappedPage, *, insert_since: datetime | None) -> Counts:
        """Write a page's rows."""


RESOURCES: Mapping[str, Resource] = {"products": products, "orders": orders}
