"""``POST /api/big-commerce/check`` and ``POST /api/big-commerce/<id>/check``: ask the store, save nothing."""

from __future__ import annotations

from typing import Any

from flask import request

from ... import connection
from ...connection import Report, Store
from ...state import State, current_state
from ..access import ask, require_login, require_permission, tenant_of
from ..error_answers import encodable
from .checks import require_valid
from .draft import read_draft
from .trial import end_transaction


def check_draft() -> dict[str, Any]:
    """What a create with the same body would meet."""
    require_login()
    state = current_state()
    require_permission(state.host, "check", None)
    draft = read_draft(request, state.cipher)
    session = state.db.session()
    require_valid(draft, session=session, tables=state.tables, host=state.host, tenant=tenant_of(state.host))
    end_transaction(session)
    return _answer(state, Store(**{name: draft.columns[name] for name in Store.__dataclass_fields__}))


def check_instance(instance_id: str) -> dict[str, Any]:
    """How a connected store would answer a refresh now."""
    asked = ask("check", instance_id)
    end_transaction(asked.session)
    return _answer(asked.state, store_of(asked.instance))


def store_of(instance: Any) -> Store:
    """How the store of an instance (or of its row) is reached."""
    return Store(instance.store_hash, instance.access_token, instance.start_date)


def _answer(state: State, store: Store) -> dict[str, Any]:
    return {"data": report_answer(connection.check(state.config, state.cipher, store))}


def report_answer(report: Report) -> dict[str, Any]:
    """What was found out, and for each null the reason."""
    quota = report.quota
    return {
        "is_ready": report.is_ready,
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
