"""The walk with its client, without network and database: a store edited at any moment, answers that come in any order.

What is real: ``Walker``, ``Walk``, the checkpoint, the client with its checks. What is made up: the store behind the
client's transport, the transaction that keeps a page, and time. A schedule says what happens next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Literal

from bigcommerce_integration.client.api import StoreClient
from bigcommerce_integration.client.http.rate_limit import Quota
from bigcommerce_integration.client.http.transport import Answer, Call
from bigcommerce_integration.client.pages import IdRange
from bigcommerce_integration.client.records import Record
from bigcommerce_integration.config import Config
from bigcommerce_integration.errors import UnexpectedAnswer
from bigcommerce_integration.refresh.job.checkpoint import Checkpoint, load_checkpoint
from bigcommerce_integration.refresh.job.parameters import Parameters
from bigcommerce_integration.refresh.read.crash_guard import part_sizes
from bigcommerce_integration.refresh.read.fetcher import Fetch
from bigcommerce_integration.refresh.read.slice import Slice, SliceEnds
from bigcommerce_integration.refresh.read.walker import Walker
from bigcommerce_integration.refresh.run.behaviours import collections
from bigcommerce_integration.refresh.run.variant_checks import Unproved
from bigcommerce_integration.refresh.write.apply import Results, Step
from bigcommerce_integration.refresh.write.behaviour import Collection
from bigcommerce_integration.refresh.write.page import MappedPage
from bigcommerce_integration.resources.mapping import Mapped
from bigcommerce_integration.resources.registry import REGISTRY

Kind = Literal["V3", "V2 inclusive", "V2 exclusive"]
KINDS: tuple[Kind, ...] = ("V3", "V2 inclusive", "V2 exclusive")
Event = tuple[str, int]
NOON = datetime(2024, 1, 31, 12)
TICKS_A_SECOND = 3


class Killed(BaseException):
    """The process ends here; nothing of it may catch this."""


@dataclass
class Store:
    """What the store has: ids, each with a version that counts its edits; every event is one tick of its clock."""

    ids: dict[int, int]
    ticks: int = 0
    last_version: int = 0

    @property
    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.ticks // TICKS_A_SECOND)

    def edit(self, what: str, number: int) -> int | None:
        """Do it to the record that ``number`` chooses; its id, None if there was nothing to do."""
        self.ticks += 1
        self.last_version += 1
        chosen = sorted(self.ids)[number % len(self.ids)] if self.ids else None
        if what == "create":
            chosen = number
            self.ids.setdefault(number, self.last_version)
        elif what == "append":
            chosen = max(self.ids, default=0) + 1
            self.ids[chosen] = self.last_version
        elif chosen is not None and what == "change":
            self.ids[chosen] = self.last_version
        elif chosen is not None and what == "delete":
            del self.ids[chosen]
        return chosen


@dataclass
class Wire:
    """The transport: one store's answers, of whichever version, each computed some edits after it was asked for."""

    store: Store
    kind: Kind
    # What happens before the answer is computed; the most records that it may hold though more are there.
    meanwhile: Callable[[], int]
    store_hash: str = "abc123"
    requests: int = 0
    most: int = 250

    def get(self, call: Call) -> Answer:
        self.requests += 1
        asked_at = self.store.now
        self.most = self.meanwhile()
        text = self._v3(dict(call.params)) if call.path.startswith("v3") else self._v2(call.path, dict(call.params))
        status = 200 if text is not None else 404
        return Answer(status, (text or "").encode(), asked_at, 0.0, Quota(None, None, None, None), 0.0)

    def _v3(self, params: dict[str, str]) -> str:
        least, most = int(params.get("id:min", 0)), int(params.get("id:max", 10**18))
        found = sorted(each for each in self.store.ids if least <= each <= most)
        if params["direction"] == "desc":
            found.reverse()
        page = found[: min(int(params["limit"]), self.most)]
        pagination = {"total": len(found), "count": len(page)}
        return json.dumps({"data": self._records(page), "meta": {"pagination": pagination}})

    def _v2(self, path: str, params: dict[str, str]) -> str | None:
        last = path.rpartition("/")[2]
        if last == "count":
            return json.dumps({"count": len(self.store.ids)})
        if last != "orders":
            return json.dumps(self._records([int(last)])[0]) if int(last) in self.store.ids else None
        least = int(params.get("min_id", 0)) + (self.kind == "V2 exclusive")
        found = sorted((each for each in self.store.ids if each >= least), reverse=params["sort"] == "id:desc")
        # The neighbour below and one more: with less no walk could go on.
        found = found[: min(int(params["limit"]), max(2, self.most))]
        # No content when there is nothing.
        return json.dumps(self._records(found)) if found else ""

    def _records(self, ids: list[int]) -> list[dict[str, int]]:
        return [{"id": each, "version": self.store.ids[each]} for each in ids]


@dataclass
class Row:
    """What is kept of a record: which version, of an answer that was asked for when."""

    version: int
    observed_at: datetime


@dataclass
class Kept:
    """What outlives a process: rows, the checkpoint and what a refresh brought and missed."""

    rows: dict[int, Row] = field(default_factory=dict)
    checkpoint: str | None = None
    brought: set[int] = field(default_factory=set)
    unseen: set[int] = field(default_factory=set)
    fetched: int = 0
    total: int | None = None

    def keep(self, page: MappedPage, after: Checkpoint) -> None:
        """A page's transaction."""
        for record in page.records:
            row, version = self.rows.get(record.id), record.columns["version"]
            if row is not None:
                # Stricter than what classify makes sure of: in one walk after the other no older state comes at all.
                assert version >= row.version, f"{record.id} is applied older than it was"
                assert page.observed_at >= row.observed_at
            if row is None or row.version != version:
                self.rows[record.id] = Row(version, page.observed_at)
            self.brought.add(record.id)
        if page.covers is not None:
            lo, hi = page.covers
            self.unseen |= {each for each in self.rows if lo <= each <= hi and each not in page.seen}
        self.fetched += len(page.records)
        self.checkpoint = after.dump()


@dataclass
class Questions:
    """Stands for the fetcher: which answer comes next is for the schedule to say."""

    width: int
    waiting: list[Fetch] = field(default_factory=list)
    arriving: list[tuple[Fetch, Any]] = field(default_factory=list)
    wants_smaller_page: bool = False

    @property
    def has_room(self) -> bool:
        return len(self.waiting) + len(self.arriving) < self.width

    def add(self, fetch: Fetch) -> None:
        self.waiting.append(fetch)

    def start_due(self) -> float:
        """It starts when the schedule says so."""
        return 0.0


COLLECTIONS = collections(REGISTRY)


class TestedSlice(Slice):
    """A slice whose time, store and transactions are those of a ``Run``."""

    run: Run

    @property
    def map_record(self) -> Callable[[Record], Mapped]:
        return _mapped

    def settle(self, fill: Callable[[], None]) -> None:
        self.run.settle(self, fill)

    def commit(self, step: Step) -> None:
        raise AssertionError("a walk has no step but its pages")

    def commit_page(self, page: MappedPage, write: Any, after: Checkpoint, part_after: Any) -> None:
        self.run.commit_page(self, page, after, part_after)


def _mapped(record: Record) -> Mapped:
    assert record.id is not None
    assert isinstance(record.value, dict)
    return Mapped(record.id, record.text, record.text, {"version": record.value["version"]}, {})


@dataclass(frozen=True)
class _Instance:
    id: int = 1
    store_hash: str = "abc123"
    auto_link_products: bool = False
    auto_create_products: bool = False


@dataclass(frozen=True)
class _Engine:
    config: Config

    def transaction(self, work: object) -> Unproved:
        """Nothing is stored that a page could leave in doubt: that is another test's matter."""
        return Unproved()


@dataclass
class _Job:
    engine: _Engine
    resource: str
    mode: str = "full"
    parameters: Parameters = field(default_factory=Parameters)
    instance: _Instance = field(default_factory=_Instance)
    lease: None = None
    is_over: bool = False
    is_reconciliation: bool = False
    walk_mode: str = "full"

    @property
    def collection(self) -> Collection:
        return COLLECTIONS[self.resource]


class _Walker(Walker):
    """The walker, without a database to ask what is stored as it is."""

    def _stored_hashes(self, ids: IdRange) -> dict[int, str]:
        return {}


@dataclass
class Run:
    """One refresh after the other over one store, with what the schedule lets happen in between."""

    store: Store
    kind: Kind
    page_size: int
    width: int
    events: Iterator[Event]
    kept: Kept = field(default_factory=Kept)
    # Ids that the store has had since the refresh began.
    lasting: set[int] = field(default_factory=set)
    begun_with: dict[int, int] = field(default_factory=dict)
    is_after_death: bool = False
    wire: Wire = field(init=False)

    def __post_init__(self) -> None:
        self.wire = Wire(self.store, self.kind, self._meanwhile)

    def walk(self) -> None:
        """A refresh from its begin to its end, over as many processes and slices as it takes."""
        self._begin()
        for _ in range(500):
            try:
                self._process()
            except (Killed, SliceEnds) as end:
                self.is_after_death = isinstance(end, Killed)
                continue
            except UnexpectedAnswer:
                # Each time that one looked there were others, all of them gone when they were asked for.
                assert not self.lasting
                self._begin()
                continue
            return
        raise AssertionError("the walk does not end")

    def _begin(self) -> None:
        self.kept = Kept(rows=self.kept.rows)
        self.lasting, self.begun_with, self.wire.requests = set(self.store.ids), dict(self.store.ids), 0

    def _process(self) -> None:
        checkpoint = load_checkpoint(self.kept.checkpoint)
        if self.is_after_death:
            checkpoint = replace(checkpoint, suspects=tuple(sorted(checkpoint.walk.ranges)))
        resource = "products" if self.kind == "V3" else "orders"
        # Not Config(...): a page of less than the setting's minimum is what trouble makes of it.
        config: Any = type("Settings", (), {"page_size": self.page_size})()
        slice_: Any = TestedSlice(
            job=_Job(_Engine(config), resource),  # type: ignore[arg-type]
            client=StoreClient(self.wire),  # type: ignore[arg-type]
            fetcher=Questions(1 if self.is_after_death else self.width),  # type: ignore[arg-type]
            checkpoint=checkpoint,
            results=Results({"fetched": self.kept.fetched}, self.kept.total),
            page_size=self.page_size,
            width=self.width,
        )
        slice_.run = self
        if self.is_after_death:
            slice_.part, slice_.opens_singly = 2, len(self.kept.brought) % 2 == 1
        _Walker(slice_, checkpoint.page_size or self.page_size).run()

    # -- what may happen ---------------------------------------------------------------------------------------

    def _event(self) -> Event:
        # At the end of the schedule all that waits is asked, then answers come in that order.
        return next(self.events, ("nothing", 0))

    def _edit(self, what: str, number: int) -> None:
        touched = self.store.edit(what, number)
        if what == "delete" and touched is not None:
            self.lasting.discard(touched)

    def _meanwhile(self) -> int:
        what, number = self._event()
        if what in EDITS:
            self._edit(what, number)
        return 1 + number % 12 if what == "stint" else 250

    def settle(self, slice_: Any, fill: Callable[[], None]) -> None:
        questions: Questions = slice_.fetcher
        while True:
            if not slice_.job.is_over:
                fill()
            if not questions.waiting and not questions.arriving:
                return
            what, number = self._event()
            if what in EDITS:
                self._edit(what, number)
            elif what == "kill":
                raise Killed
            elif what == "end":
                # The slice's time is up: what is in flight comes, what waits is still asked, nothing is added.
                slice_.job.is_over = True
            elif what == "fail" and questions.arriving:
                fetch, _ = questions.arriving.pop(number % len(questions.arriving))
                questions.waiting.append(fetch)
                questions.wants_smaller_page = number % 2 == 1
            elif questions.waiting and (what != "arrive" or not questions.arriving):
                fetch = questions.waiting.pop(0)
                questions.arriving.append((fetch, fetch.ask()))
            else:
                self._arrive(slice_, questions, number)

    def _arrive(self, slice_: Any, questions: Questions, number: int) -> None:
        fetch, result = questions.arriving.pop(number % len(questions.arriving))
        fetch.then(result)
        self.kept.total = slice_.results.total
        if slice_.job.is_over and not questions.waiting and not questions.arriving:
            # As the engine does when a slice ends: what it knows of the walk is kept, with or without a page.
            self.kept.checkpoint = slice_.checkpoint.dump()

    def commit_page(self, slice_: Any, page: MappedPage, after: Checkpoint, part_after: Callable[..., Any]) -> None:
        for size in part_sizes(slice_.part, opens_singly=slice_.opens_singly):
            if len(page.records) <= size:
                break
            # A process may end between two parts, as after any page.
            lower, page = page.split(size)
            self._commit_part(slice_, lower, part_after(lower), part_after)
        self._commit_part(slice_, page, after, part_after)

    def _commit_part(self, slice_: Any, page: MappedPage, after: Checkpoint, part_after: Callable[..., Any]) -> None:
        what, number = self._event()
        if what == "kill" and number % 2:
            raise Killed
        if what == "refuse" and len(page.records) > 1:
            # The database refuses the page: it goes in by halves, and the process may end between them.
            lower, upper = page.halves()
            self._commit_part(slice_, lower, part_after(lower), part_after)
            self._commit_part(slice_, upper, after, part_after)
            return
        self.kept.keep(page, after)
        slice_.checkpoint = after
        slice_.results.values["fetched"] = self.kept.fetched
        if what == "kill":
            raise Killed

    # -- what must be so ---------------------------------------------------------------------------------------

    def assert_exact(self) -> None:
        """Nothing that was there is missing or staler than when the walk began, or thought gone; what is gone, is."""
        assert self.lasting <= self.kept.brought
        for each in self.lasting:
            assert self.kept.rows[each].version >= self.begun_with[each]
        assert not self.kept.unseen & self.lasting
        top = load_checkpoint(self.kept.checkpoint).walk.top or 0
        ever = self.lasting | set(self.begun_with) | self.kept.brought | set(self.store.ids)
        assert {each for each in self.kept.rows if each <= top} - ever <= self.kept.unseen

    def most_requests(self, count: int) -> int:
        """The formula of design.md for so many records; one request of it is for the store's information."""
        return ceil(count / max(1, self.page_size - 2)) + self.width + 4 - 1


EDITS = ("create", "append", "change", "delete")
