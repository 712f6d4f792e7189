"""Try how a store is to be reached before the old way is given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from ...app_state import State
from ...errors import Invalid, StoreSilent
from ...store_check import probe
from ...store_check.probe import Report, Store
from .differences import PATHS, TOKEN_PATH

_SKIP = "To store it untried, send the same request with ?verify=false."


def end_transaction(session: Session) -> None:
    """Nothing of ours is pending; what the host had in its session is kept. A store may take its time."""
    session.commit()


def store_of_columns(columns: Mapping[str, Any]) -> Store:
    """How the store of a draft is reached."""
    return Store(**{name: columns[name] for name in Store.__dataclass_fields__})


def try_store(state: State, store: Store) -> str | None:
    """None if the store accepts the token for all that is read; why that is not known, if it is not.

    Raises ``Invalid`` if the store refuses the token or a scope is missing.
    """
    report = probe.check(state.config, state.cipher, store, counts=False)
    refusal = _refusal(report)
    if refusal:
        raise Invalid(refusal)
    if not report.is_token_accepted or "missing_scopes" in report.reasons:
        why = report.message or report.reasons.get("is_token_accepted") or report.reasons["missing_scopes"]
        return f"The token could not be tried. {why}"
    return None


def require_reachable(state: State, store: Store) -> None:
    """Raises ``Invalid`` as ``try_store`` does, ``StoreSilent`` if the store did not answer in time."""
    unreached = try_store(state, store)
    if unreached is not None:
        raise StoreSilent(f"{unreached} Nothing was changed. {_SKIP}")


def _refusal(report: Report) -> dict[str, list[str]]:
    if report.is_store_hash_right is False:
        return {PATHS["store_hash"]: [f"{report.reasons['is_store_hash_right']} {_SKIP}"]}
    if report.is_token_accepted is False:
        return {TOKEN_PATH: [f"{report.reasons['is_token_accepted']} {_SKIP}"]}
    if report.missing_scopes:
        missing = ", ".join(report.missing_scopes)
        told = f"The token lacks what a refresh needs: {missing}. Use one of an API account with these scopes. {_SKIP}"
        return {TOKEN_PATH: [told]}
    return {}
