"""Faults on demand: rules that spoil chosen answers."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from random import Random
from threading import Lock
from typing import Any, Final

from . import answers
from .http_values import Answer, Request

KINDS: Final = {
    "status": "an error of `status` in the dialect of the path's version",
    "429": "rate limited, with the headers and `headers`",
    "429_bare": "rate limited, without any rate-limit header",
    "401": "the token is refused",
    "403": "a scope is missing",
    "html": "an HTML page with `status`",
    "redirect": "a 302 to the `Location` in `headers`, or to example.com",
    "empty_data": "a 200 that pretends there is nothing",
    "garbage": "a 200 whose JSON is not what was asked for",
    "reset": "the connection is reset, no answer",
    "cut": "half of the answer, then the connection closes",
    "cut_reset": "half of the answer, then the connection is reset",
    "cut_json": "a complete answer whose JSON stops in the middle",
    "delay": "the right answer after `delay_s`",
    "slow": "the right answer in small pieces over `delay_s`",
    "hang": "no answer for `delay_s`, then the connection closes",
}
_LIMIT_HEADER: Final = ("x-rate-limit-", "x-retry-after")


@dataclass(slots=True)
class Fault:
    """One rule. It spoils requests whose path (and query) match, from the one after the first `after`, `times` times.

    `times` None is for ever; `probability` below 1 leaves requests alone at random, by the store's seed. `body` takes
    the place of the one that a `status` or `html` has.
    """

    kind: str
    path: str = ""
    method: str = ""
    status: int = 500
    after: int = 0
    times: int | None = 1
    delay_s: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    probability: float = 1.0
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        re.compile(self.path)

    @property
    def wait_s(self) -> float:
        """How long to delay; a hang of no given length outlasts every timeout."""
        if self.delay_s is not None:
            return self.delay_s
        return 3600.0 if self.kind == "hang" else 1.0

    def matches(self, method: str, target: str) -> bool:
        """Whether the rule is for this request; `target` is the path with the query as it was sent."""
        return (not self.method or self.method == method) and re.search(self.path, target) is not None


class Faults:
    """The rules in force; the first that wants a request has it."""

    def __init__(self, seed: int) -> None:
        self._lock = Lock()
        self._rng = Random(seed)
        self._rules: list[Fault] = []

    def add(self, kind: str, path: str = "", **options: Any) -> Fault:
        """Put a rule behind the others; `path` is a regular expression searched in path and query."""
        return self.put(Fault(kind, path, **options))

    def put(self, fault: Fault) -> Fault:
        """Put a rule behind the others."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._rules.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        """The rules, with how often each matched and was applied."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def take(self, method: str, target: str) -> Fault | None:
        """The fault for this request, if any."""
        with self._lock:
            for rule in self._rules:
                if not rule.matches(method, target):
                    continue
                rule.seen += 1
                if rule.seen <= rule.after or (rule.times is not None and rule.done >= rule.times):
                    continue
                if rule.probability < 1 and self._rng.random() >= rule.probability:
                    continue
                rule.done += 1
                return rule
        return None


def from_json(rule: dict[str, Any]) -> Fault:
    """A rule as the control API takes it: `{"match": {"path", "method"}, "action": {"kind", …}}` or all in one object.

    Raises ValueError for what it does not know.
    """
    flat = {**rule.get("match", {}), **rule.get("action", {})}
    flat.update((name, value) for name, value in rule.items() if name not in ("match", "action"))
    try:
        return Fault(**flat)
    except (TypeError, re.error) as error:
        raise ValueError(str(error)) from None


def spoil(fault: Fault, request: Request, right: Answer) -> Answer:
    """The spoilt answer; delays and cuts are left to the sender, who gets the right one."""
    version = "v2" if "/v2/" in request.path else "v3"
    made = _made(fault, version, right)
    if made is not right and fault.body is not None:
        made.body = fault.body
    if made is not right:
        made.headers = {**right.headers, **made.headers}
    if fault.kind == "429_bare":
        made.headers = {name: text for name, text in made.headers.items() if not name.lower().startswith(_LIMIT_HEADER)}
    made.headers.update(fault.headers)
    return made


def _made(fault: Fault, version: str, right: Answer) -> Answer:
    made: dict[str, Callable[[], Answer]] = {
        "status": lambda: answers.error(version, fault.status, answers.reason(fault.status)),
        "429": answers.rate_limited,
        "429_bare": answers.rate_limited,
        "401": answers.unauthorized,
        "403": answers.scope_missing,
        "html": lambda: answers.html(fault.status),
        "redirect": lambda: Answer(302, headers={"Location": "https://example.com/"}),
        "empty_data": lambda: Answer(200, "[]" if version == "v2" else '{"data":[],"meta":{}}'),
        "garbage": lambda: Answer(200, '{"unexpected":"answer"}'),
        "cut_json": lambda: Answer(right.status, right.body[: len(right.body) // 2]),
    }
    return made[fault.kind]() if fault.kind in made else right
