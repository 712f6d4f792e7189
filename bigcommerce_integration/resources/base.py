"""What a collection of the store is declared with: plain values, read by every room above.

From a ``Resource`` come its tables, what maps its records, its rows in answers and their description, its lease, its
actor and its routes. What a worker does for one collection alone is no declaration but code, in ``refresh/run``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal, Protocol

Mode = Literal["initial", "incremental", "full", "date_range", "ids", "create", "reconcile"]
Columns = dict[str, Any]
Notes = list[dict[str, str]]
Params = tuple[tuple[str, str], ...]

LONGEST_NAME = 16
"""Of a collection: as much as the column ``resource`` of its leases and refreshes holds."""
LARGEST_PAGE = 250
"""The most that a page may hold, in V3 (products_catalog.v3.yml) as in V2. More is never asked.

For orders it stood in the old docs of the V2 API and is what others use: the fact sheet, sections 3 and 5.
"""


class Kind(Enum):
    """What a column holds. Parsers are in ``columns``, the columns' types in ``models``, JSON schemas in ``web``."""

    MONEY = "an amount with four decimals"
    RATE = "an exchange rate with ten decimals"
    INTEGER = "a whole number of 64 bits"
    BOOLEAN = "true or false"
    CODE = "text of at most 255 characters"
    TEXT = "text of at most 16,383 characters"
    WORD = "one of our own words, of at most 16 characters"
    MOMENT = "a date and time in UTC"
    HOST_KEY = "the key of a product of the host"


class Sent(Protocol):
    """A record as the store sent it."""

    @property
    def id(self) -> int | None:
        """Its id, None if it has none that can be read."""

    @property
    def text(self) -> str:
        """Its own text."""

    @property
    def value(self) -> object:
        """What that text says."""

    @property
    def is_shaped(self) -> bool:
        """Whether the value holds only what is read of it, each of its kind (see ``columns.shape_of``)."""


@dataclass(frozen=True)
class Field:
    """A column, and the field of the record that it is read from (``source``, by default of the same name).

    A record with a ``vital`` field that cannot be read is rejected; any other field becomes null, or is cut, with a
    note. A ``derived`` one is not read but made: by ``derive``, or by the collection's behaviour.
    """

    name: str
    kind: Kind
    description: str
    source: str | None = None
    vital: bool = False
    # NOT NULL.
    required: bool = False
    derived: bool = False
    # In answers.
    shown: bool = True
    # Lists filter by it, so it has an index that ends in the id.
    indexed: bool = False
    # The only words that it holds, where these are our own.
    choices: tuple[str, ...] = ()
    # In the example of an answer.
    example: Any = None


@dataclass(frozen=True)
class Index:
    """An index beside those of ``Field.indexed``; its name ends in ``suffix``."""

    suffix: str
    columns: tuple[str, ...]


class Identity(Enum):
    """How a child is known again."""

    OWN_ID = "by its own id in the store, also with another owner"
    POSITION = "by its place within its owner, from 1 on: it has no id"


@dataclass(frozen=True)
class Child:
    """Records within a collection's records, in a table of their own: variants of a product, lines of an order.

    ``owner`` is the column with the id of the record that it belongs to. One with an id of its own in the store is
    found again if it changes its owner; one without is known by its place within it (``identity``). ``records`` finds
    them in a record, and says whether these are all; ``lacks`` says of the owner's columns and the children's rows
    whether there must be more.
    """

    name: str
    noun: str
    owner: str
    records: Callable[[Sent], tuple[Sequence[Any], bool]]
    fields: tuple[Field, ...]
    # In the answers and in reasons.
    shown_as: str
    identity: Identity = Identity.OWN_ID
    # Of the type of one of them, the fields of a record in which ``records`` finds them, with all that it looks at and
    # no place where it would find more (see ``shape_of``). Without it, their records are parsed as a whole.
    found_in: Callable[[Any], Mapping[str, Any]] | None = None
    derive: Callable[[Columns, Notes], None] | None = None
    lacks: Callable[[Columns, Mapping[int, Columns]], bool] | None = None
    # Part of its content hash, as that of the collection is part of the records'; None is the same.
    version: int | None = None
    # The columns that the content hash is made of, in this order for ever; by default the owner and all that is read.
    hashed: tuple[str, ...] | None = None
    # Whether a child that is fetched by itself keeps its own text.
    has_payload: bool = False
    # One that is taken out of its record is marked as deleted, or (False) removed.
    keeps_removed: bool = True
    # Whether a child is deleted with its record.
    ends_with_owner: bool = True
    # Whether it goes with the data about people of its record.
    is_personal: bool = True
    indexes: tuple[Index, ...] = ()

    @property
    def place(self) -> str:
        """The column that tells it from others, at least from those of the same owner."""
        return "bigcommerce_id" if self.identity is Identity.OWN_ID else "position"

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell it from all others of its store."""
        return (self.place,) if self.identity is Identity.OWN_ID else (self.owner, self.place)

    @property
    def read_fields(self) -> tuple[Field, ...]:
        """Those that are read from the record."""
        return tuple(field for field in self.fields if not field.derived)

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """What the content hash is made of."""
        return self.hashed or (self.owner, *(field.name for field in self.read_fields))


@dataclass(frozen=True)
class DateFilter:
    """When a record was created and last modified: from ``…_since`` on and before ``…_until``; None is no limit.

    All are naive UTC in whole seconds, as the dates of the records are.
    """

    created_since: datetime | None = None
    created_until: datetime | None = None
    modified_since: datetime | None = None
    modified_until: datetime | None = None


ALL_DATES = DateFilter()


@dataclass(frozen=True)
class Span:
    """What a refresh is to read: ``since`` is the begin of the instance's start date, ``first`` and ``end`` those of
    the days asked for, ``changed_since`` where the last refresh began (None: never). All are naive UTC.
    """

    since: datetime
    first: datetime
    end: datetime | None = None
    changed_since: datetime | None = None


def all_dates(mode: Mode, span: Span) -> DateFilter:  # noqa: ARG001
    """For a collection that cannot be asked for by dates: always all of it."""
    return ALL_DATES


# How the records of a collection are asked for: values, which the client knows how to follow.


@dataclass(frozen=True)
class CatalogRanges:
    """V3 by ranges of ids (``id:min``, ``id:max``): the total proves the end, and ``id:in`` takes many ids at once."""

    ids_a_request: int = LARGEST_PAGE
    counts_apart: bool = False
    # Whether a range is one of ids, so that an answer shows which ids it covers.
    by_id: bool = True


@dataclass(frozen=True)
class V2Ranges:
    """V2 by ranges of ids (``min_id``), counted apart; dates are asked for a second wider, as bounds may not count."""

    ids_a_request: int = 1
    counts_apart: bool = True
    by_id: bool = True


@dataclass(frozen=True)
class Pages:
    """V3 by page numbers: it promises less, as a record that comes or goes moves others from page to page.

    A list whose total moved while it was read is walked again, three times at most. What is gone shows only where it is
    asked for by its id (``id:in``).

    One that ``grows_at_end`` is ascending by id, and records are only ever added to it: nothing moves while it is read,
    and an answer need not tell the total.
    """

    grows_at_end: bool = False
    ids_a_request: int = LARGEST_PAGE
    counts_apart: bool = False
    by_id: bool = False


Reader = CatalogRanges | V2Ranges | Pages


@dataclass(frozen=True)
class After:
    """A collection that is brought up to date whenever a refresh of another one has moved that one's watermark.

    What the sweeps and a changed start date want of it is begun as of any other.
    """

    collection: str


@dataclass(frozen=True, eq=False)
class Resource:
    """A collection of the store that is mirrored: one row for each record."""

    # The table is bigcommerce_<name>; the lease, the actor, the routes and the host's method are named by it too.
    name: str
    # "product", for sentences.
    noun: str
    description: str
    scope: str
    path: str
    fields: tuple[Field, ...]
    # How it is asked for; None is a collection that is not read: it only goes out, or comes by hints from outside. It
    # has a table and a list, and no lease, refreshes or actor.
    reader: Reader | None = None
    # The columns with the dates by which the store can be asked.
    created: str | None = None
    modified: str | None = None
    # Always asked with.
    params: Params = ()
    # Part of every content hash: raise it when a change of the mapping must rewrite rows that did not change.
    version: int = 1
    derive: Callable[[Columns, Notes], None] | None = None
    children: tuple[Child, ...] = ()
    indexes: tuple[Index, ...] = ()
    # Without the scope: a store is not connected at all, or (False) this collection is off for it.
    required: bool = True
    # When it is brought up to date, if automatic sync is on: by itself (None), or after another.
    begins: After | None = None
    # The version that brought it; None is the first one, so that workers of every version know it.
    since: str | None = None
    dates: Callable[[Mode, Span], DateFilter] = all_dates
    # How far back a sweep reads; None is everything.
    sweep: timedelta | None = None
    # The modes in which a stored row that the walk did not bring may be gone from the store.
    detects_deletions: frozenset[Mode] = frozenset()
    # A column that is true of what lists may not show though the store has it.
    hidden: str | None = None
    # What of a record stays once its data about people is not to be stored; None is all, as it has none.
    keep: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    # Members of a record, at any depth, that are never stored.
    never_stored: frozenset[str] = frozenset()
    # Whom a record is about, as ``person_data.customer`` and ``email`` name them; None of one with data about people
    # does not say, so it may be about anybody.
    people: Callable[[dict[str, Any]], Iterable[str]] | None = None
    permission: str = "read"
    # To see the records' own text; None is the same permission.
    payload_permission: str | None = None

    @property
    def created_source(self) -> str:
        """What the store calls the date of its creation."""
        return next((each.source or each.name for each in self.fields if each.name == self.created), "date_created")

    @property
    def asked_by(self) -> Reader:
        """The reader of a collection that has one."""
        if self.reader is None:
            raise ValueError(f"{self.name} are not read from the store")
        return self.reader
