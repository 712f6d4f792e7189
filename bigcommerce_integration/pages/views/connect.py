"""Connect a store: the form, the check of the connection, and the first import."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from ...errors import Invalid
from ...models.instances import PATHS
from ...operations.instances import verification
from ...operations.instances.connect import connect
from ...operations.instances.draft import Draft, FieldErrors
from ...schemas.fields import Name
from ...schemas.instances import NewInstance
from ...store_check.report import Report
from .. import login
from ..forms import ON, Form, form_of
from ..render import render
from . import instance_form
from .instance_form import INTEGRATION, LINKING, Sent

_NAME, _STORE_HASH, _START_DATE = "name", "integration_settings.store_hash", "integration_settings.start_date"
_NAMELESS = "A store without a name yet"
_CHECKED = ("access_token", "store_hash", "start_date", "name")
"""The columns that a check of the connection reads."""
_RECORDS_PER_S = 40
"""Rather slow, so that the import is done sooner than was said."""
_FIRST = {
    "is_automatic_sync_enabled": ON,
    LINKING: "link",
    "integration_settings.sync_sales_order_invoices_to_accounting": ON,
    "integration_settings.sync_sales_credit_to_accounting": ON,
}


def get_connect() -> Response:
    """The form, with what most stores want; the first day is that of the year."""
    login.caller().require_permission("create")
    return _page(Form({**_FIRST, _START_DATE: _first_day()}))


def _first_day() -> str:
    return date.today().replace(month=1, day=1).isoformat()


def post_connect() -> ResponseReturnValue:
    """Check what was typed, or connect the store."""
    caller = login.caller()
    does = request.form.get("do")
    caller.require_permission("check" if does == "check" else "create")
    offered = login.choices().integrations
    known = {INTEGRATION: str(offered[0][0])} if offered is not None and len(offered) == 1 else {}
    is_asked = does != "unchecked"
    defaults = ({_NAME: _NAMELESS} if is_asked else {}) | ({_START_DATE: _first_day()} if does == "check" else {})
    sent = instance_form.read(NewInstance(), known, defaults=defaults)
    try:
        if does == "check":
            return _checked(sent)
        view = connect(caller, _named(sent) if is_asked else sent.draft, verify=is_asked)
    except Invalid as refusal:
        form = form_of(sent.typed, instance_form.plain(refusal))
        return _page(form, status=422, is_skippable=instance_form.has_skip(refusal))
    return redirect(url_for(".get_store", instance_id=view.instance.id, done="connected"), 303)


def _named(sent: Sent) -> Draft:
    """The draft with its name, or that of the store where none was typed; ``Invalid`` if the store says none."""
    if sent.typed.get(_NAME, "").strip():
        return sent.draft
    caller = login.caller()
    report, _ = verification.check_draft(caller, sent.draft)
    if report.store_name is None:
        # The token may be the reason.
        verification.verify_credentials(caller.state, verification.store_of_columns(sent.draft.columns))
    try:
        name = Name().read(report.store_name or "")
    except ValidationError:
        raise Invalid({_NAME: ["Type a name: the store did not say one that can be used."]}) from None
    return replace(sent.draft, columns=sent.draft.columns | {_NAME: name})


def _checked(sent: Sent) -> Response:
    """The form again with what the store says; a name that was not given yet is the store's own."""
    draft = _connection_of(sent.draft)
    report, warnings = verification.check_draft(login.caller(), draft)
    typed = sent.typed | {_STORE_HASH: draft.columns["store_hash"]}
    notes = {"is_path_taken": typed[_STORE_HASH] != sent.typed[_STORE_HASH].strip()}
    if report.is_token_accepted is False:
        refusal = Invalid(verification.refusal_of(report))
        return _page(form_of(typed, instance_form.plain(refusal)), **notes)
    has_name = bool(typed.get(_NAME, "").strip())
    if not has_name and report.store_name:
        typed[_NAME] = report.store_name
    found = [each for each in warnings if has_name or each["code"] != "name_taken"]
    takes_s = _takes_s(report)
    return _page(form_of(typed), report=report, warnings=found, takes_s=takes_s, ask_token_again=True, **notes)


def _connection_of(draft: Draft) -> Draft:
    """What a check needs of the draft: what else is wrong or missing can wait until the store is connected."""
    errors = FieldErrors({PATHS[name]: draft.errors[PATHS[name]] for name in _CHECKED if PATHS[name] in draft.errors})
    return Draft({name: draft.columns[name] for name in _CHECKED if name in draft.columns}, errors)


def _takes_s(report: Report) -> float | None:
    """Roughly how long the first import takes; None if the store did not say how much there is."""
    known = [each for each in report.counts.values() if each is not None]
    return math.ceil(sum(known) / _RECORDS_PER_S / 60) * 60 if known else None


def _page(form: Form, *, status: int = 200, **values: Any) -> Response:
    given = instance_form.FIELDS | values
    return render("connect.html", status=status, form=form, choices=login.choices(), **given)
