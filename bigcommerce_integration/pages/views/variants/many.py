"""One decision about many variants: what it would do is shown first, and then done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row
from werkzeug.datastructures import MultiDict

from ....errors import Invalid
from ....models.product_key import Key, key_answer
from ....operations.context import RequestContext
from ....operations.links.candidates import MOST_ALIKE, suggested
from ....operations.links.decisions import WantedLink, link_variants
from ....operations.lists import variants
from ....operations.lists.paging import page_after
from ....schemas.lists import VariantFilters
from ... import login
from ...forms import read_filters
from ...render import render
from .listing import STATES, columns

_TO_DO: dict[str, Any] = dict(STATES["unlinked"])
_STILL_OPEN: Mapping[str, Any] = {"linked": False, "left": False}


@dataclass(frozen=True)
class Step:
    """What a decision does with one variant: None is to leave it without a link."""

    variant: Row[Any]
    host_product_id: Key | None
    host_sku: str | None = None

    @property
    def pair(self) -> str:
        """As the form of the preview sends it back."""
        key = "" if self.host_product_id is None else key_answer(self.host_product_id)
        return f"{self.variant.bigcommerce_id}={key}"


def get_many(instance_id: int) -> Response:
    """What the decision would do with the variants that were chosen, or with those that pass the filters."""
    context = login.authorize("link", instance_id)
    does = _decision(request.args)
    chosen = numbers(request.args.getlist("ids")) if "ids" in request.args else None
    steps, has_more = _DECISIONS[does](context, read_filters(VariantFilters()), chosen)
    return render("many.html", instance=context.instance, does=does, steps=steps, has_more=has_more, most=MOST_ALIKE)


def post_many(instance_id: int) -> ResponseReturnValue:
    """Do what was shown, but for the variants that were changed meanwhile."""
    context = login.authorize("link", instance_id)
    shown = request.form.getlist("pair")
    chosen = numbers(each.partition("=")[0] for each in shown)
    steps, _ = _DECISIONS[_decision(request.form)](context, {}, chosen)
    same = [each for each in steps if each.pair in shown]
    if same:
        link_variants(context, [WantedLink(each.variant.bigcommerce_id, None, each.host_product_id) for each in same])
    done = "decided" if len(same) == len(shown) else "decided_in_part"
    return redirect(url_for(".get_variants", instance_id=instance_id, done=done, **_TO_DO), 303)


def _decision(given: MultiDict[str, str]) -> str:
    does = given.get("do", "")
    if does not in _DECISIONS:
        raise Invalid({"do": ["There is no such decision."]})
    return does


def numbers(texts: Iterable[str]) -> list[int]:
    """The numbers of at most as many variants as one decision may be about."""
    found = [int(each) for each in texts if each.isascii() and each.isdecimal() and len(each) < 19]
    return found[:MOST_ALIKE]


def _link(
    by_case: bool, context: RequestContext, query: Mapping[str, Any], chosen: Sequence[int] | None
) -> tuple[list[Step], bool]:
    pairs, has_more = suggested(context, query, chosen, by_case=by_case)
    return [Step(each.variant, each.product.host_product_id, each.product.sku) for each in pairs], has_more


def _leave(context: RequestContext, query: Mapping[str, Any], chosen: Sequence[int] | None) -> tuple[list[Step], bool]:
    wanted = variants.wanted_of(context, {**query, **_STILL_OPEN}, chosen)
    rows, cursor = page_after(context, wanted, columns(context), {"limit": MOST_ALIKE})
    return [Step(row, None) for row in rows], cursor is not None


_DECISIONS: Mapping[str, Callable[..., tuple[list[Step], bool]]] = {
    "link_alike": partial(_link, True),
    "use_suggested": partial(_link, False),
    "leave": _leave,
}
