"""One route of the API, and further ones that a test gives a store."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ..http_values import Answer


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
