"""A request, an answer, and the route between them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def raw_query(self) -> str:
        """The query as it was sent."""
        return self.target.partition("?")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query, `+` as a blank; of a name given twice the last one counts."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body's object, `{}` if there is none; raises ValueError."""
        value = json.loads(self.body) if self.body else {}
        if not isinstance(value, dict):
            raise ValueError("the body has to be a JSON object")
        return value


@dataclass(slots=True)
class Answer:
    """One answer; `body` is text until it is sent."""

    status: int
    body: str = ""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """Answers `GET /{version}{path}` for tokens with the scope `store_v2_{scope}` or `store_v2_{scope}_read_only`.

    `path` is a regular expression whose groups are ids. `answer` is called with the store, the decoded query and the
    ids, while the store is locked; a ValueError of it becomes the API's answer to a bad query.
    """

    version: str
    path: str
    scope: str
    answer: Callable[..., Answer]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path, compiled."""
        return re.compile(self.path)
