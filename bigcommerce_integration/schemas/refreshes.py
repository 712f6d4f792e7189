"""The request for a refresh, and for the job that makes products: what each needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast

from marshmallow.fields import Nested

from ..errors import LinkCode, RefreshCode
from ..models.refreshes import STATUSES
from ..operations.creation.selection import MOST_IDS as MOST_VARIANTS
from ..operations.creation.selection import Selection
from ..refresh.job.parameters import MODES, MOST_IDS, Mode, Parameters
from . import fields
from .base import ObjectSchema, load
from .query import PageQuery, QuerySearch, QueryText

FIELDS_OF: Mapping[Mode, tuple[str, ...]] = {
    "incremental": (),
    "full": ("allow_mass_delete",),
    "date_range": ("date_from", "date_to"),
    "ids": ("ids",),
    "reconcile": ("date_from", "date_to"),
}
"""The fields that each mode that can be requested takes beside its name."""
REQUIRED_OF: Mapping[Mode, tuple[str, ...]] = {"date_range": ("date_from", "date_to"), "ids": ("ids",)}
"""Those of them without which the mode means nothing."""


class RefreshListQuery(PageQuery):
    """Which refreshes to list."""

    resource = fields.CollectionName("The collection that they read.")
    status = fields.Choice("The status that they have.", STATUSES)
    mode = fields.Choice("The mode that they have.", MODES)
    error_code = fields.Choice("Why they failed.", RefreshCode)


class RefreshRequest(ObjectSchema):
    """The fields by themselves; which belong together is judged by ``load_refresh_request``."""

    mode = fields.Choice("What is read; without it, what was changed.", FIELDS_OF, load_default="incremental")
    allow_mass_delete = fields.Boolean("Whether more may be marked as deleted than a store plausibly deletes.")
    date_from = fields.Day("The first day, in the store's time zone.")
    date_to = fields.Day("The last day, in the store's time zone.")
    ids = fields.Ids("The ids of the records in the store.", MOST_IDS)


def load_refresh_request(body: Mapping[str, Any], *, start_date: date) -> tuple[Mode, Parameters]:
    """The mode and its parameters; ``Invalid`` with every bad field."""
    values, errors = load(RefreshRequest(), body)
    for path, message in (*_misplaced(body, errors), *_bad_dates(values, start_date)):
        errors.setdefault(path, []).append(message)
    errors.refuse()
    mode: Mode = values.pop("mode")
    return mode, Parameters(**values)


def _misplaced(body: Mapping[str, Any], errors: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "mode" in errors:
        return
    mode = cast(Mode, body.get("mode", "incremental"))
    for name in REQUIRED_OF.get(mode, ()):
        if name not in body:
            yield name, f"Mode {mode} needs this field."
    for name in dict.fromkeys(name for names in FIELDS_OF.values() for name in names):
        if name in body and name not in FIELDS_OF[mode]:
            other = next(other for other, names in FIELDS_OF.items() if name in names)
            yield name, f"Belongs to mode {other}, not to {mode}."


def _bad_dates(values: Mapping[str, Any], start_date: date) -> Iterator[tuple[str, str]]:
    date_from, date_to = values.get("date_from"), values.get("date_to")
    for name, day in (("date_from", date_from), ("date_to", date_to)):
        if day is not None and day < start_date:
            yield name, f"Must not be before the instance's start date, {start_date.isoformat()}."
    if date_from is not None and date_to is not None and date_to < date_from:
        yield "date_to", "Must not be before date_from."


# -- products of the host, on demand -------------------------------------------------------------------------------

WAYS = ("ids", "filters", "all")


class CreationFilters(ObjectSchema):
    """Which variants without a link, as their list has them."""

    q = QuerySearch("The beginning of a SKU or, if no SKU begins so, words of a product's name.")
    sku = QueryText("The SKU; blanks around it do not count.")
    product = fields.Integer("The id of their product in the store.")
    conflict = fields.Boolean("Whether something stands in the way of a link.")
    link_conflict_code = fields.Choice("What stands in the way of a link.", LinkCode)


class CreationRequest(ObjectSchema):
    """The fields by themselves; just one of ``ids``, ``filters`` and ``all`` is given."""

    ids = fields.Ids("The ids of the variants in the store.", MOST_VARIANTS)
    filters = Nested(CreationFilters)
    all = fields.Boolean("All variants without a link, but those that a person decided to leave.")
    preview = fields.Boolean("Whether nothing is to be stored.", load_default=False)


def load_creation(body: Mapping[str, Any]) -> tuple[Selection, bool]:
    """For which variants, and whether only a preview is wanted; ``Invalid`` with every bad field."""
    values, errors = load(CreationRequest(), body)
    given = [name for name in WAYS if name in body]
    if len(given) != 1:
        for name in given or WAYS:
            errors.setdefault(name, []).append("Give exactly one of ids, filters and all.")
    elif given == ["all"] and values.get("all") is False:
        errors.setdefault("all", []).append("Must be true.")
    elif given == ["filters"] and not errors and not values["filters"]:
        errors.setdefault("filters", []).append("Give a filter, or all.")
    errors.refuse()
    return Selection(values.get("ids"), values.get("filters")), values["preview"]
