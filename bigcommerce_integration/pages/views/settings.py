"""Change the settings of a store, and disconnect it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import Invalid, StoreSilent, VersionMismatch
from ...models.instances import PATHS, TOKEN_PATH, IntegrationInstance
from ...operations.context import RequestContext
from ...operations.instances import verification
from ...operations.instances.change import change, changed_columns
from ...operations.instances.disconnect import disconnect
from ...schemas.instances import ReplacedInstance
from .. import login
from ..forms import Form, form_of, form_of_instance
from ..render import render
from . import instance_form
from .instance_form import INTEGRATION, VERSION

FIRST_DAY_INPUT = "bc-integration_settings-start_date"
"""Where a link leads that is for somebody who wants older orders."""
_CONFIRMATION = "confirmation"


def get_settings(instance_id: int) -> Response:
    """The form of what is stored; a ``day`` in the address is proposed as the first one if it is earlier."""
    instance = login.authorize("change", instance_id).instance
    texts = {
        **form_of_instance(instance).texts,
        instance_form.LINKING: instance_form.linking_of(instance),
        VERSION: str(instance.version),
    }
    proposed = _earlier_day(instance, request.args.get("day", ""))
    if proposed is not None:
        texts[PATHS["start_date"]] = proposed.isoformat()
    return _page(instance, Form(texts), proposed=proposed)


def _earlier_day(instance: IntegrationInstance, text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day < instance.start_date else None


def post_settings(instance_id: int) -> ResponseReturnValue:
    """Save them, or check the connection with them."""
    context = login.authorize("change", instance_id)
    sent = instance_form.read(ReplacedInstance(), {INTEGRATION: str(context.instance.integration_id)})
    typed, draft = sent.typed, sent.draft
    before = {name: getattr(context.instance, name) for name in ("version", "start_date", "status")}
    try:
        if request.form.get("do") == "check":
            context.require("check")
            return _checked(context, typed)
        verify = request.form.get("do") != "unchecked"
        changed = change(context, draft, verify=verify, versions={typed.get(VERSION, "")})
    except Invalid as refusal:
        form = form_of(typed, instance_form.plain(refusal))
        return _page(context.instance, form, status=422, is_skippable=instance_form.has_skip(refusal))
    except StoreSilent as refusal:
        silent = refusal.message.replace(verification.SKIP, "").strip()
        return _page(context.instance, form_of(typed), status=503, is_skippable=True, silent=silent)
    except VersionMismatch:
        return _changed_meanwhile(context, typed, draft.columns)
    done = _done(before, changed.view.instance, has_new_token=verify and "access_token" in draft.columns)
    return redirect(url_for(".get_settings", instance_id=instance_id, done=done), 303)


def _done(before: Mapping[str, Any], instance: IntegrationInstance, *, has_new_token: bool) -> str:
    """The word of what was saved, for the page to say what follows."""
    if instance.version == before["version"]:
        return "unchanged"
    if has_new_token:
        return "saved_reconnected" if before["status"] == "needs_attention" else "saved_token"
    is_earlier = instance.start_date < before["start_date"]
    return "saved_earlier" if is_earlier and instance.status == "active" else "saved"


def _checked(context: RequestContext, typed: dict[str, str]) -> Response:
    """The connection as it is stored: a new token is tried when it is saved."""
    report, warnings = verification.check_instance(context)
    if report.is_token_accepted is False:
        refused = {TOKEN_PATH: ["BigCommerce does not accept the token that is stored. Enter a new one."]}
        return _page(context.instance, form_of(typed, refused))
    return _page(context.instance, form_of(typed), report=report, warnings=warnings)


def _changed_meanwhile(context: RequestContext, typed: dict[str, str], columns: Mapping[str, Any]) -> Response:
    """What was typed, with the version that is stored now, so that it can be sent again by somebody who has seen it."""
    instance = context.instance
    stored = form_of_instance(instance).texts
    paths = [PATHS[name] for name in changed_columns(instance, columns)]
    others = [(path, stored.get(path, "")) for path in paths if path in stored]
    return _page(
        instance, form_of(typed | {VERSION: str(instance.version)}), status=409, others=others, is_conflict=True
    )


def _page(instance: IntegrationInstance, form: Form, *, status: int = 200, **values: Any) -> Response:
    offered = login.choices()
    given = instance_form.FIELDS | values
    return render("settings.html", status=status, instance=instance, form=form, choices=offered, **given)


def get_disconnect(instance_id: int) -> Response:
    """What goes and what stays."""
    return _disconnect_page(login.authorize("delete", instance_id).instance)


def post_disconnect(instance_id: int) -> ResponseReturnValue:
    """Disconnect it, if the store's name was typed."""
    context = login.authorize("delete", instance_id)
    if request.form.get(_CONFIRMATION, "").strip() != context.instance.name.strip():
        errors = {_CONFIRMATION: ["This is not the name of the store."]}
        return _disconnect_page(context.instance, form_of(request.form, errors), status=422)
    disconnect(context, None)
    return redirect(url_for(".get_stores", done="disconnected"), 303)


def _disconnect_page(instance: IntegrationInstance, form: Form | None = None, *, status: int = 200) -> Response:
    return render("disconnect.html", status=status, instance=instance, form=form or Form())
