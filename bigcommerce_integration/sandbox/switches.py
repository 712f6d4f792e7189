"""What is not known of the real API, or differs between stores: one switch each (fact sheet, section 14)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Switches:
    """How this store behaves where the documentation leaves it open; set them at any moment."""

    min_id_inclusive: bool = True
    """Whether V2's `min_id` includes its bound."""
    max_id_inclusive: bool = True
    dates_inclusive: bool = True
    """Whether V2's `min_date_…` and `max_date_…` include theirs; V3's always do."""
    list_archived: bool = True
    """Whether order lists show archived orders without the filter `is_deleted`."""
    consignments: str = "array_by_default"
    """array_by_default, as the real API: the array around the object unless `consignment_structure=object` asks for the
    object alone (fact sheet, section 5); object (never the array) or array (`consignment_structure` is ignored)."""
    included_variants: str = "all"
    """What `include=variants` shows of them: all, empty, null or missing; their own lists show them in any case."""
    catalog_edits_move_date: bool = False
    """Whether variant and stock edits move the product's `date_modified`."""
    ignored_filters: frozenset[str] = frozenset()
    """Names of query parameters, of either version, that the store accepts and does not apply."""
    reject_unknown_v2_filters: bool = False
    lower_case_headers: bool = False
    rate_limit_headers: bool = True
    retry_after: bool = True
    """Whether a 429 carries `X-Retry-After`."""
    concurrency_cap: int | None = None
    """Requests in flight an endpoint; the one more gets a 429 without rate-limit headers."""
    byte_order_mark: bool = False
    """Whether each answer begins with one."""
    refunds_pagination: bool = True
    """Whether the list of refunds tells its total: the documentation leaves `meta` empty."""
    too_many: bool = False
    """Whether V3's pagination has the extra member `too_many`."""

    def update(self, values: Mapping[str, Any]) -> None:
        """Set the named switches; raises ValueError for one that does not exist or a value of another type."""
        known = {field.name: field.default for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no switch {name!r}; there are {', '.join(known)}")
            if name == "ignored_filters":
                self.ignored_filters = frozenset(value)
                continue
            expected = (int, type(None)) if name == "concurrency_cap" else (type(known[name]),)
            if type(value) not in expected:
                raise ValueError(f"{name} is of type {expected[0].__name__}")
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """All switches, as JSON has them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "ignored_filters": sorted(self.ignored_filters)}
