"""What a fault makes of the right answer."""

from collections.abc import Callable

from . import answers
from .faults import Fault
from .http_values import Answer, Request

_LIMIT_HEADER = ("x-rate-limit-", "x-retry-after")


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
