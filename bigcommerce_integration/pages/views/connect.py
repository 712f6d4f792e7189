"""Connect a store: the form, the check of the connection, and the first import."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from ...errors import Invalid
from ...models.instances import PATHS, SETTINGS
from ...operations.choices import choices
from ...operations.instances import verification
from ...operations.instances.connect import connect
from ...operations.instances.draft import Draft, draft_of
from ...schemas.base import load
from ...schemas.instances import NewInstance
from ...store_check.report import Report
from .. import login
from ..forms import ON, Form, body_of, form_of
from ..render import render

ACCOUNTING = SETTINGS[SETTINGS.index("auto_create_products") + 1 :]
NAME, INTEGRATION, STORE_HASH = "name", "integration_id", "integration_settings.store_hash"
LINKING = "linking"
"""One question for two settings: ``LINKING_ANSWERS`` has what each answer means."""
LINKING_ANSWERS: Mapping[str, tuple[bool, bool]] = {
    "link": (True, False),
    "create": (True, True),
    "none": (False, False),
}
_RECORDS_PER_S = 40
"""Rather slow, so that the import is done sooner than was said."""
FIELDS = {"shown": [*PATHS.values()], "accounting_paths": [PATHS[name] for name in ACCOUNTING]}
"""What the template of the form has to know of its fields."""
_FIRST = {
    "is_automatic_sync_enabled": ON,
    LINKING: "link",
    "integration_settings.sync_sales_order_invoices_to_accounting": ON,
    "integration_settings.sync_sales_credit_to_accounting": ON,
}


def get_connect() -> Response:
    """The empty form."""
    login.caller().require_permission("create")
    return _page(Form(_FIRST))


def post_connect() -> ResponseReturnValue:
    """Check what was typed, or connect the store."""
    caller = login.caller()
    does = request.form.get("do")
    caller.require_permission("check" if does == "check" else "create")
    typed = MultiDict(request.form)
    body = new_body(typed)
    try:
        if does == "check":
            return _checked(typed, body)
        view = connect(caller, _draft(body), verify=does != "unchecked")
    except Invalid as refusal:
        return _page(form_of(typed, plain(refusal)), status=422, is_skippable=has_skip(refusal))
    return redirect(url_for(".get_store", instance_id=view.instance.id, done="connected"), 303)


def new_body(typed: MultiDict[str, str]) -> dict[str, Any]:
    """The body of the API for this form."""
    offered = choices(login.caller()).integrations
    if offered is not None and len(offered) == 1:
        typed[INTEGRATION] = str(offered[0][0])
    body = body_of(NewInstance(), typed)
    links, creates = LINKING_ANSWERS.get(typed.get(LINKING, ""), (False, False))
    body["integration_settings"] |= {"auto_link_products": links, "auto_create_products": creates}
    return body


def plain(refusal: Invalid) -> dict[str, list[str]]:
    """The errors at their fields, without advice on HTTP: the page has a button for that."""
    return {
        path: [each.replace(verification.SKIP, "").strip() for each in messages]
        for path, messages in refusal.errors.items()
    }


def has_skip(refusal: Invalid) -> bool:
    """Whether the store alone refuses, so that the form can be saved all the same."""
    return any(verification.SKIP in each for messages in refusal.errors.values() for each in messages)


def _draft(body: Mapping[str, Any]) -> Draft:
    values, errors = load(NewInstance(), body)
    return draft_of(values, errors, login.caller().state.cipher)


def _checked(typed: MultiDict[str, str], body: dict[str, Any]) -> Response:
    """The form again with what the store says; a name that was not given yet is the store's own."""
    has_name = NAME in body
    if not has_name:
        body[NAME] = body["integration_settings"].get("store_hash") or "A store"
    report, warnings = verification.check_draft(login.caller(), _draft(body))
    if not has_name and report.store_name:
        typed[NAME] = report.store_name
    typed[STORE_HASH] = body["integration_settings"]["store_hash"]
    found = [each for each in warnings if has_name or each["code"] != "name_taken"]
    return _page(form_of(typed), report=report, warnings=found, takes_s=_takes_s(report))


def _takes_s(report: Report) -> float | None:
    """Roughly how long the first import takes; None if the store did not say how much there is."""
    known = [each for each in report.counts.values() if each is not None]
    return math.ceil(sum(known) / _RECORDS_PER_S / 60) * 60 if known else None


def _page(form: Form, *, status: int = 200, **values: Any) -> Response:
    return render("connect.html", status=status, form=form, choices=choices(login.caller()), **FIELDS, **values)
