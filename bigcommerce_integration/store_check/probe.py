"""Probe whether a store can be mirrored: the one store call that a request may wait for, with no transaction open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..client.api import Reply, StoreClient
from ..config import Config
from ..encryption import TokenCipher
from ..errors import ConfigError, ConnectionBroken, Unconfirmed, UnexpectedAnswer
from ..refresh.job.modes import start_of_day
from ..resources.base import ALL_DATES, DateFilter, Resource, Span
from ..resources.registry import REGISTRY, Registry
from .queries import Answer, Store, StoreQueries, queries_to
from .report import Report, report_of


def check(
    config: Config, cipher: TokenCipher, store: Store, registry: Registry = REGISTRY, *, counts: bool = True
) -> Report:
    """Query the store, side by side, for ``ANSWERS_WITHIN_S`` seconds at most; never raises for what it answers.

    The report says what the store is and whether the token may read each resource; and, once its time zone tells when
    the start date begins there, how many records a refresh would bring (``counts``).
    """
    # A store whose token lacks the scope of another collection is connected all the same.
    required = [each for each in registry if each.required]
    try:
        with queries_to(config, cipher, store) as queries:
            answers = _confirmed(_gather(queries, store, required, counts=counts))
            return report_of(answers, queries, store, required, counts=counts)
    except ConfigError as error:
        return Report([each.name for each in required], message=str(error))


def _gather(queries: StoreQueries, store: Store, required: Sequence[Resource], *, counts: bool) -> dict[str, Answer]:
    """All answers by the names of their queries; ``…_since`` are the counts, ``zone`` the error that prevented them."""
    answers: dict[str, Answer] = {}
    queries.send("store", lambda client: client.store_info())
    for resource in required:
        queries.send(resource.name, _number(resource, ALL_DATES))
    while (answered := queries.next()) is not None:
        name, answer = answered
        answers[name] = answer
        if name == "store" and counts and isinstance(answer, Reply):
            try:
                since = start_of_day(store.start_date, answer.value.timezone)
            except UnexpectedAnswer as error:
                answers["zone"] = error
                continue
            for resource in required:
                dates = resource.dates("initial", Span(since, since))
                queries.send(f"{resource.name}_since", _number(resource, dates))
    return answers


def _number(resource: Resource, dates: DateFilter) -> Callable[[StoreClient], Reply[Any]]:
    """The query for the number of records of these dates, or for the highest id, with which it comes."""
    if resource.asked_by.counts_apart:
        return lambda client: client.count(resource, dates)
    return lambda client: client.highest(resource, dates)


def _confirmed(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers, with what an unconfirmed one means in its place where the others agree."""
    has_reply = any(isinstance(answer, Reply) for answer in answers.values())
    return {
        name: answer.verdict
        if isinstance(answer, Unconfirmed) and _is_confirmed(answer, answers, has_reply=has_reply)
        else answer
        for name, answer in answers.items()
    }


def _is_confirmed(answer: Unconfirmed, answers: Mapping[str, Answer], *, has_reply: bool) -> bool:
    """What concerns the whole store must be what ``/v2/store`` answers too, and be there twice if it is a web page."""
    if not isinstance(answer.verdict, ConnectionBroken):
        return answer.is_own
    same = {
        name
        for name, other in answers.items()
        if isinstance(other, Unconfirmed) and type(other.verdict) is type(answer.verdict)
    }
    is_agreed = "store" in same or "store" not in answers
    return not has_reply and is_agreed and (answer.is_own or len(same) > 1)
