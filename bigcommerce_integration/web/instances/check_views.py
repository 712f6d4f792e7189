"""``POST /api/big-commerce/check`` and ``POST /api/big-commerce/<id>/check``: ask the store, save nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request

from ...app_state import State, current_state
from ...errors import Invalid
from ...operations.warnings import Settled, of_instance, warning, warnings
from ...store_check import probe
from ...store_check.probe import Report, Store
from ..http.access import ask, require_login, require_permission, tenant_of
from ..http.error_answers import encodable
from .checks import NAME_TAKEN, require_valid
from .draft import read_draft
from .trial import end_transaction, store_of_columns


def check_draft() -> dict[str, Any]:
    """What a create with the same body would meet."""
    require_login()
    state = current_state()
    require_permission(state.host, "check", None)
    draft, tenant = read_draft(request, state.cipher), tenant_of(state.host)
    session = state.db.session()
    is_name_free = True
    try:
        require_valid(draft, session=session, tables=state.tables, host=state.host, tenant=tenant)
    except Invalid as refusal:
        # A name that is taken says nothing about the store: it is told, and the store is asked all the same.
        is_name_free = refusal.errors != {"name": [NAME_TAKEN]}
        if is_name_free:
            raise
    store = store_of_columns(draft.columns)
    (told,) = warnings(session, state.tables, state.host, tenant, [Settled(None, store.store_hash, store.start_date)])
    end_transaction(session)
    if not is_name_free:
        told.append(warning("name", "name_taken", NAME_TAKEN))
    return _answer(state, store, told)


def check_instance(instance_id: str) -> dict[str, Any]:
    """How a connected store would answer a refresh now."""
    asked = ask("check", instance_id)
    state, instance = asked.state, asked.instance
    (told,) = warnings(asked.session, state.tables, state.host, instance.tenant, [of_instance(instance)])
    end_transaction(asked.session)
    return _answer(state, store_of(instance), told)


def store_of(instance: Any) -> Store:
    """How the store of an instance (or of its row) is reached."""
    return Store(instance.store_hash, instance.access_token, instance.start_date)


def _answer(state: State, store: Store, told: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"data": report_answer(probe.check(state.config, state.cipher, store)), "warnings": list(told)}


def report_answer(report: Report) -> dict[str, Any]:
    """What was found out, and for each null the reason."""
    quota = report.quota
    return {
        "is_ready": report.is_ready,
        "message": report.message and encodable(report.message),
        "is_token_accepted": report.is_token_accepted,
        "is_store_hash_right": report.is_store_hash_right,
        "missing_scopes": report.missing_scopes,
        **{name: _text(getattr(report, name)) for name in ("store_name", "plan", "currency", "timezone")},
        "clock_skew_s": report.clock_skew_s,
        "quota": quota
        and {
            "limit": quota.limit,
            "left": quota.left,
            "window_s": quota.window_s,
            "resets_in_s": quota.reset_s,
        },
        "products": report.products,
        "orders": report.orders,
        "reasons": {name: encodable(reason) for name, reason in report.reasons.items()},
    }


def _text(value: str | None) -> str | None:
    return None if value is None else encodable(value)
