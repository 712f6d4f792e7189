"""Page numbers and limits, as both versions take them."""

import math
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import urlencode

from ...records.jsontext import dumps

DEFAULT_LIMIT = 50
MAX_LIMIT = 250


class BadLimit(ValueError):
    """The limit is above the maximum: 413 (docs/start/about/status-codes.mdx)."""


@dataclass(frozen=True, slots=True)
class Paging:
    """One page: the `limit` records after `start`."""

    page: int
    limit: int

    @property
    def start(self) -> int:
        return (self.page - 1) * self.limit


def require_known(query: dict[str, str], known: Container[str]) -> None:
    """Raises ValueError for a parameter that a V3 list does not take."""
    if names := [name for name in query if name not in known]:
        raise ValueError(f"The filter(s): {','.join(names)} are not valid filter parameter(s).")


def read_paging(query: dict[str, str], cap: int = MAX_LIMIT) -> Paging:
    """The page asked for, at most `cap` records long; raises ValueError, BadLimit above the API's maximum."""
    page, limit = int(query.get("page", "1")), int(query.get("limit", str(DEFAULT_LIMIT)))
    if page < 1 or limit < 1:
        raise ValueError("page and limit have to be positive")
    if limit > MAX_LIMIT:
        raise BadLimit(f"limit is at most {MAX_LIMIT}")
    return Paging(page, min(limit, cap))


def envelope(texts: list[str], total: int, paging: Paging, query: dict[str, str], *, too_many: bool) -> str:
    """A V3 list answer; its links are query strings, missing at the ends."""
    pages = math.ceil(total / paging.limit)

    def link(page: int) -> str:
        return "?" + urlencode({**query, "page": page, "limit": paging.limit})

    links = {"current": link(paging.page)}
    if paging.page > 1:
        links["previous"] = link(paging.page - 1)
    if paging.page < pages:
        links["next"] = link(paging.page + 1)
    pagination = {
        "total": total,
        "count": len(texts),
        "per_page": paging.limit,
        "current_page": paging.page,
        "total_pages": pages,
        "links": links,
    }
    if too_many:
        pagination["too_many"] = False
    return f'{{"data":[{",".join(texts)}],"meta":{dumps({"pagination": pagination})}}}'
