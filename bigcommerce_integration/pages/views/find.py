"""One box over all stores: what is known of an order, a refund or a SKU, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from ...operations.explain.find import LONGEST, Verdict, find
from ...operations.explain.reasons import Reason, ReasonCode
from ...operations.findings.finding import Action
from .. import login
from ..render import TOKEN_INPUT, render
from .settings import FIRST_DAY_INPUT

_PAGES: Mapping[Action, tuple[str, str, str]] = {
    Action.FETCH: ("refresh", "get_refresh_form", "Start a refresh"),
    Action.REFRESH: ("refresh", "get_refresh_form", "Start a refresh"),
    Action.RETRY: ("read", "get_refreshes", "Look at the refreshes"),
    Action.OPEN_SETTINGS: ("change", "get_settings", "Open the settings"),
    Action.OPEN_DOCUMENTS: ("read_accounting", "get_accounting_documents", "Look at its documents"),
    Action.NEW_TOKEN: ("change", "get_settings", "Open the settings"),
}
"""Where something is done: what a person must be allowed to, the page, and what its link says."""
_OF_VARIANTS: Mapping[Action, tuple[str, str, str, str]] = {
    Action.LINK: ("link", "get_variant", "Link it", "variant_id"),
    Action.CREATE_PRODUCTS: ("create_products", "get_creation", "Create a product for it", "ids"),
}
"""The same of one variant, with the parameter that names it."""
_ABOUT_FIRST_DAY = (ReasonCode.BEFORE_START_DATE, ReasonCode.PERHAPS_BEFORE_START_DATE)


@dataclass(frozen=True)
class Step:
    """What a person can do: a button that does it at once (``is_post``), or the page where it is done."""

    text: str
    address: str
    is_post: bool = False


def get_find() -> Response:
    """What the person may mean by ``q``, with a verdict and what to do about it."""
    text = request.args.get("q", "").strip()
    found = find(login.caller(), text)
    return render(
        "find.html",
        text=text,
        is_too_long=len(text) > LONGEST,
        found=found,
        verdicts=[(each, _steps(each)) for each in found.verdicts],
    )


def _steps(verdict: Verdict) -> list[Step]:
    """Those that the person may take, each once; the first belongs to the verdict itself."""
    steps = [step for reason in verdict.reasons if (step := _step(verdict, reason)) is not None]
    if verdict.is_here:
        steps.append(_to_record(verdict))
    by_address: dict[str, Step] = {}
    for step in steps:
        by_address.setdefault(step.address, step)
    return list(by_address.values())


def _to_record(verdict: Verdict) -> Step:
    instance_id, number = verdict.instance.id, verdict.bigcommerce_id
    if verdict.kind == "order":
        return Step("Show the order", url_for(".get_order", instance_id=instance_id, order_id=number))
    if verdict.kind == "refund":
        if ReasonCode.ORDER_NOT_HERE in [reason.code for reason in verdict.reasons]:
            address = url_for(".get_refunds", instance_id=instance_id, bigcommerce_id=number, deleted="any")
            return Step("Show the refund", address)
        anchor = f"bc-refund-{number}"
        address = url_for(".get_order", instance_id=instance_id, order_id=verdict.order_id, _anchor=anchor)
        return Step("Show the refund", address)
    return Step("Show the variant", url_for(".get_variant", instance_id=instance_id, variant_id=number))


def _step(verdict: Verdict, reason: Reason) -> Step | None:
    return _at_once(verdict, reason) or _elsewhere(verdict, reason)


def _at_once(verdict: Verdict, reason: Reason) -> Step | None:
    """What one button does, here."""
    of_store: dict[str, Any] = {"instance_id": verdict.instance.id}
    if not _may("refresh", verdict):
        return None
    if reason.action == Action.FETCH and verdict.kind == "order":
        return Step("Fetch it now", url_for(".post_order", order_id=verdict.bigcommerce_id, **of_store), is_post=True)
    if reason.action == Action.RETRY and reason.rejected_id is not None:
        address = url_for(".post_rejected_retry", rejected_id=reason.rejected_id, **of_store)
        return Step("Fetch it again", address, is_post=True)
    return None


def _elsewhere(verdict: Verdict, reason: Reason) -> Step | None:
    """The page where it is done."""
    instance_id = verdict.instance.id
    if reason.action in _OF_VARIANTS:
        permission, view, text, name = _OF_VARIANTS[reason.action]
        if not verdict.is_here or not _may(permission, verdict):
            return None
        which: dict[str, Any] = {name: verdict.bigcommerce_id}
        return Step(text, url_for(f".{view}", instance_id=instance_id, **which))
    if reason.action not in _PAGES:
        return None
    permission, view, text = _PAGES[reason.action]
    asked: dict[str, Any] = {}
    if reason.code in _ABOUT_FIRST_DAY:
        text, asked = "Change first day", {"day": reason.day, "_anchor": FIRST_DAY_INPUT}
    elif reason.action == Action.OPEN_DOCUMENTS:
        asked = {"bigcommerce_order_id": verdict.order_id}
    elif reason.action == Action.NEW_TOKEN:
        asked = {"_anchor": TOKEN_INPUT}
    address = url_for(f".{view}", instance_id=instance_id, **asked)
    return Step(text, address) if _may(permission, verdict) else None


def _may(action: str, verdict: Verdict) -> bool:
    return login.caller().may(action, verdict.instance)
