"""The resources by name: each is a module with the same parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Table

from ..client.api import Highest, Reply, StoreClient
from ..client.pages import IdRange, Page
from ..client.records import Each, Record
from ..resources.base import DateFilter
from ..resources.mapping import Mapped
from .run import orders, products
from .write.page import Counts, MappedPage
from .write.rows import Gone, PageTransaction


class Resource(Protocol):
    """What the walk needs to know of a collection."""

    NAME: str
    IDS_A_REQUEST: int

    def survey(self, client: StoreClient, dates: DateFilter) -> Reply[Highest]:
        """One request for the highest id."""

    def ask(self, client: StoreClient, ids: IdRange, limit: int, dates: DateFilter, each: Each) -> Reply[Page]:
        """One request for a page of a range; ``each`` gets the records as they are parsed."""

    def ask_ids(self, client: StoreClient, ids: Sequence[int]) -> Reply[Page]:
        """One request for at most ``IDS_A_REQUEST`` records by their ids; those that are gone are not in the page."""

    def listed(self, table: Table) -> tuple[Any, ...]:
        """Which stored rows lists are sure to show while the store has them."""

    def expected(self, table: Table, dates: DateFilter) -> tuple[Any, ...]:
        """Which stored rows a walk with these dates should bring."""

    def mark_gone(self, tx: PageTransaction, gone: Sequence[Gone]) -> None:
        """Mark rows as deleted and tell the host."""

    def map_record(self, record: Record) -> Mapped:
        """A record's columns; ``BadRecord``."""

    def whole_hash(self, text: str) -> str:
        """The content hash of a record with this text, of which nothing has to be asked for apart."""

    def apply(self, tx: PageTransaction, page: MappedPage, *, insert_since: datetime | None) -> Counts:
        """Write a page's rows."""


RESOURCES: Mapping[str, Resource] = {"products": products, "orders": orders}
