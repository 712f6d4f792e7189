"""schemathesis against a served app: every check, every phase, one seed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase

SEED = 20260131
CHAINS = "stateful"
# The instance that was there first, and an id that none has that was made meanwhile.
PREPARED, MOST_INSTANCES = 1, 100_000

# What no schema can say: what exists, what goes together, what the store answers, that 1.0 is no whole number.
SEMANTIC = re.compile(
    "There is no |Another integration already has this name|Must not be before |Cannot be combined with |"
    "Cannot be changed|BigCommerce store .* answered|does not accept the access token|"
    "Must be a BigCommerce id, or the meta.next |"
    "[Mm]ust be a whole number|Must be a real date|Must not name an? (id|line) twice|"
    "The first row must name the columns|The file has more than|"
    "And [0-9]+ more|Give exactly one of |variants have this SKU|names the same variant|This record cannot be retried|"
    "has no such line|were shipped and|Another return has this reference|Is given only where a flag "
)
# An instance that is being deleted shows itself, and just that, until its last row is gone (test_deletion.py).
SHOWS_ITSELF = "getInstance"
OPERATIONS = [{"include-operation-id": SHOWS_ITSELF, "checks": {"use_after_free": {"enabled": False}}}]


Known = Mapping[str, Sequence[Mapping[str, Any]]]
"""By the id of an operation: what of the prepared instance its requests can be about, by the name of a parameter."""
_known: dict[str, Sequence[Mapping[str, Any]]] = {}
_turns: Counter[str] = Counter()


@dataclass
class Report:
    """What was asked and what was wrong; ``statuses`` counts answers by operation and status."""

    problems: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return sum(self.phases.values())


@schemathesis.check
def refuses_what_is_valid_for_a_reason_beyond_the_schema(
    context: Any,
    response: Any,
    case: Any,
) -> None:
    """A 422 for a request that the document allows gives reasons that the document cannot express."""
    if response.status_code != 422 or not case.meta or not case.meta.generation.mode.is_positive:
        return
    errors = json.loads(response.content).get("errors", {})
    unexplained = [each for messages in errors.values() for each in messages if not SEMANTIC.search(each)]
    assert errors, "A request that the document allows was refused without a reason."
    assert not unexplained, f"The document could have told: {unexplained}"


@schemathesis.serializer("text/csv")
def csv_body(context: Any, value: Any) -> bytes:
    """What is no text is sent as what Python makes of it."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Let chains begin with something: made-up filters leave a list empty, a made-up instance has no next step.

    Nor is a body looked at beside a made-up version; those are asked with where there is no body.
    """
    meta = case.meta
    if not meta:
        return
    if case.method == "DELETE" and case.path_parameters == {"instance_id": PREPARED}:
        # All that comes after it would be about nothing.
        case.path_parameters["instance_id"] = MOST_INSTANCES
    header = meta.components.get(ParameterLocation.HEADER)
    if case.operation.body and header and header.mode.is_positive:
        case.headers.pop("If-Match", None)
    if not meta.generation.mode.is_positive:
        return
    _meet_something(case)
    if meta.phase.name is not TestPhase.STATEFUL:
        return
    if case.method == "GET":
        case.query.clear()
    if case.path_parameters.get("instance_id", 0) > MOST_INSTANCES:
        case.path_parameters["instance_id"] = PREPARED


def _meet_something(case: Any) -> None:
    """Let every other request that can be about something that is there be about it, each in its turn."""
    name = case.operation.definition.raw["operationId"]
    turn, known = _turns[name], _known.get(name)
    _turns[name] += 1
    if not known or turn % 2:
        return
    case.path_parameters["instance_id"] = PREPARED
    for parameter, value in known[turn // 2 % len(known)].items():
        places = (case.path_parameters, case.body if isinstance(case.body, dict) else {})
        place = next((each for each in places if parameter in each), case.headers)
        place[parameter] = value


def fuzz(url: str, headers: dict[str, str], *, examples: int, chained: int, known: Known) -> Report:
    """Ask in every way, then in chains along the links until ``chained`` requests were; ``url`` is the document's.

    A chain's requests depend on answers, which hypothesis does not forgive when it happens to replay one: it then ends,
    so that there are several rounds, each from its own seed.
    """
    report = Report()
    _turns.clear()
    _known.clear()
    _known.update(known)
    _ask(report, url, headers, SEED, {"generation": {"max-examples": examples, "database": "none"}})
    only_chains = {name: {"enabled": False} for name in ("examples", "coverage", "fuzzing")}
    for number in range(chained):
        if report.phases[CHAINS] >= chained or report.problems:
            break
        settings = {"generation": {"max-examples": 60, "database": "none"}, "phases": only_chains}
        _ask(report, url, headers, SEED + number + 1, settings)
    return report


def _ask(report: Report, url: str, headers: dict[str, str], seed: int, settings: dict[str, Any]) -> None:
    """``settings`` as in schemathesis.toml."""
    checks = {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "403", "404", "409", "412", "422"]},
        # A version that has passed is told before the body is looked at.
        "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "412", "415", "422", "428"]},
        "missing_required_header": {"expected-statuses": ["401", "404", "428"]},
    }
    fixed = {"seed": seed, "headers": headers, "workers": 1, "checks": checks, "operations": OPERATIONS}
    schema = schemathesis.openapi.from_url(url, config=SchemathesisConfig.from_dict(fixed | settings))
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(report, event)
            report.problems += _failures(event)
        elif isinstance(event, events.NonFatalError):
            report.problems.append(f"{event.label}: {event.info.format()}")
        elif isinstance(event, events.FatalError):
            raise event.exception


def _count(report: Report, event: events.ScenarioFinished) -> None:
    for case_id, interaction in event.recorder.interactions.items():
        if interaction.response is None:
            continue
        node = event.recorder.cases.get(case_id)
        label = node.value.operation.label if node else event.recorder.label
        # Methods that the document does not know are tried too.
        if label.startswith(f"{interaction.request.method} "):
            report.statuses[label, interaction.response.status_code] += 1
        report.phases[event.phase.value] += 1


def _failures(event: events.ScenarioFinished) -> Iterator[str]:
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                yield (
                    f"{event.phase.value} {event.recorder.label} {case_id} {check.name}: "
                    f"{check.failure_info.failure.title}\n{check.failure_info.failure.message}\n"
                    f"{check.failure_info.code_sample}"
                )
