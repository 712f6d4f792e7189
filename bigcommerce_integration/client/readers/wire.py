"""What every question to a store shares: its name, its answer as a value, and people who are taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from ...errors import StoreUnavailable
from ...resources.base import LARGEST_PAGE, Params, Resource
from .. import checks
from ..damage import NO_ID
from ..http.rate_limit import Quota
from ..http.transport import Answer, Call, Transport
from ..pages import Highest, Page
from ..records import OnRecord, Pagination, Record, read_whole, split_v2, split_v3
from ..redaction import blanked, without

_T = TypeVar("_T")
_U = TypeVar("_U")
IsUnwanted = Callable[[Resource, object], bool]


@dataclass(frozen=True)
class Reply(Generic[_T]):
    """What was asked for, with the circumstances of its answer (see ``Answer``)."""

    value: _T
    observed_at: datetime
    quota: Quota | None
    elapsed_s: float
    received_at: float
    store_time: datetime | None = None

    def holding(self, value: _U) -> Reply[_U]:
        """The same answer, with what was made of its value."""
        return Reply(value, self.observed_at, self.quota, self.elapsed_s, self.received_at, self.store_time)


@dataclass(frozen=True)
class Wire:
    """The way to one store.

    ``is_unwanted`` says of a record (by its value) whether the data about people is to be taken out of it: here, so
    that nothing behind has ever seen it. None is the usual case, of none.
    """

    transport: Transport
    is_unwanted: IsUnwanted | None = None

    def name(self, resource: str) -> str:
        """What is asked for, with whose it is, for messages."""
        return f"{resource} of store {self.transport.store_hash}"

    def get(self, path: str, params: Params, resource: str, scope: str, *, is_single: bool = False) -> Answer:
        """One request."""
        return self.transport.get(Call(path, params, resource, scope, is_single))

    def on_blanked(self, resource: Resource, on_record: OnRecord | None) -> OnRecord | None:
        """What is to be done with each record once it is ``without_person``."""
        if on_record is None or not self.takes_out(resource):
            return on_record
        return lambda record: on_record(self.without_person(resource, record))

    def without_people(self, resource: Resource, page: Page) -> Page:
        """The page with each record ``without_person``."""
        if not self.takes_out(resource):
            return page
        return replace(page, records=[self.without_person(resource, record) for record in page.records])

    def without_person(self, resource: Resource, record: Record) -> Record:
        """The record without what is never stored, and blanked if it is about somebody who is not to be stored."""
        # What is not clean JSON may hold an address that is not known again.
        if (
            self.is_unwanted is not None
            and resource.keep is not None
            and (record.raw is not None or self.is_unwanted(resource, record.value))
        ):
            return blanked(record, resource.keep)
        return without(record, resource.never_stored) if resource.never_stored else record

    def takes_out(self, resource: Resource) -> bool:
        """Whether anything is taken out of such records before anybody sees them."""
        return self.is_unwanted is not None or bool(resource.never_stored)


@dataclass(frozen=True)
class CollectionReader:
    """One collection of one store, as all ways to read one see it."""

    wire: Wire
    resource: Resource

    @property
    def name(self) -> str:
        """What is asked for, with whose it is, for messages."""
        return self.wire.name(self.resource.name)

    def get(self, params: Params) -> Answer:
        """One request for the list."""
        return self.wire.get(self.resource.path, params, self.resource.name, self.resource.scope)

    def split(
        self, answer: Answer, on_record: OnRecord | None, *, is_v3: bool
    ) -> tuple[list[Record], Pagination | None]:
        """The records in the answer, which ``on_record`` sees without people, and what V3 says of their number."""
        if on_record is not None and not answer.is_cut and not self.wire.takes_out(self.resource):
            whole = read_whole(answer.body, self.resource, on_record, is_v3=is_v3)
            if whole is not None:
                return whole
        on_blanked = self.wire.on_blanked(self.resource, on_record)
        if is_v3:
            return split_v3(answer.body, self.name, on_blanked, is_cut=answer.is_cut)
        return split_v2(answer.body, self.name, on_blanked, is_cut=answer.is_cut), None

    def without_people(self, page: Page, on_record: OnRecord | None = None) -> Page:
        """The page with each record ``without_person``, if ``on_record`` has not seen to that."""
        return page if on_record else self.wire.without_people(self.resource, page)


def asked_ids(ids: Sequence[int]) -> list[int]:
    """Each once, lowest first; ``ValueError`` for none, more than one request takes, or what is no id."""
    asked = sorted(set(ids))
    if not 1 <= len(asked) <= LARGEST_PAGE or asked[0] < 1:
        raise ValueError(f"between 1 and {LARGEST_PAGE} ids above 0 can be asked for")
    return asked


def reply(answer: Answer, value: _T) -> Reply[_T]:
    """The value with the circumstances of its answer."""
    return Reply(value, answer.observed_at, answer.quota, answer.elapsed_s, answer.received_at, answer.store_time)


def highest(records: Sequence[Record], pagination: Pagination | None, resource: str) -> Highest:
    """Of records by id descending; one without an id is passed over for the next."""
    checks.at_most(records, 2, resource)
    checks.ids_descend(records, resource)
    found = next((record.id for record in records if record.id is not None), None)
    if found is None and (records or (pagination is not None and pagination.total > 0)):
        raise StoreUnavailable(f"The answer for the highest id of {resource} holds none.")
    return Highest(found, None if pagination is None else pagination.total)


def known_as(asked_id: int, record: Record) -> Record:
    """The one record that came when this id was asked for; it is not gone because its own id cannot be read."""
    return record if record.id is not None else replace(record, id=asked_id, damage=record.damage or NO_ID)


def possible(limit: int) -> int:
    """A limit that the store takes."""
    return min(max(limit, 1), LARGEST_PAGE)
