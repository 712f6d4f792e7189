"""Verify the credentials of a store before they are stored, or report on a connected one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from ...app_state import State
from ...errors import Invalid, StoreSilent
from ...models.instances import PATHS, TOKEN_PATH, IntegrationInstance
from ...refresh.job.regional import Regional, is_known, note_regional
from ...store_check import probe
from ...store_check.queries import Store
from ...store_check.report import Report
from ..context import Caller, RequestContext
from ..transactions import commit, end_transaction
from ..warnings import Settled, warning, warnings
from .draft import Draft
from .validation import NAME_TAKEN, require_valid
from .views import warnings_of

SKIP = "To store it unverified, send the same request with ?verify=false."
"""The end of a refusal that ``verify=False`` avoids."""
_REFUSED = "BigCommerce does not accept the access token. Copy it again: it must be complete, and of this store."


def check_draft(caller: Caller, draft: Draft) -> tuple[Report, list[dict[str, str]]]:
    """What connecting a store with this draft would meet, with the warnings; stores nothing.

    A name that is taken has nothing to do with the store: it is a warning, and the store is queried all the same.
    """
    is_name_free = True
    try:
        require_valid(caller, draft)
    except Invalid as refusal:
        is_name_free = refusal.errors != {"name": [NAME_TAKEN]}
        if is_name_free:
            raise
    store = store_of_columns(draft.columns)
    (found,) = warnings(caller, [Settled(None, store.store_hash, store.start_date)])
    if not is_name_free:
        found.append(warning("name", "name_taken", NAME_TAKEN))
    end_transaction(caller.session)
    return _checked(caller.state, store), found


def check_instance(context: RequestContext) -> tuple[Report, list[dict[str, str]]]:
    """How a connected store would answer a refresh now, with the warnings.

    Stores nothing but a time zone or a default currency that is another one than is known, committed.
    """
    found = warnings_of(context, context.instance)
    end_transaction(context.session)
    report = report_on(context.state, context.instance)
    note_report(context.state, context.session, context.instance, report)
    return report, found


def note_report(state: State, session: Session, instance: IntegrationInstance, report: Report) -> None:
    """Note, and commit, what the store now says otherwise of its time zone and its currency."""
    said = regional_in(report)
    if instance.store_timezone is None or is_known(instance, said):
        # What is seen for the first time is noted by the first refresh.
        return
    commit(session, lambda: note_regional(session, state.tables, instance.id, said))


def regional_in(report: Report) -> Regional:
    """What a report says of them; nothing unless the store itself has answered, in a way that a refresh accepts."""
    is_sure = report.is_store_hash_right is True and "timezone" not in report.reasons
    return Regional(report.timezone, report.currency) if is_sure else Regional(None, None)


def report_on(state: State, instance: IntegrationInstance, *, counts: bool = True) -> Report:
    """What the store of an instance answers; no transaction may be open meanwhile."""
    return _checked(state, store_of(instance), counts=counts)


def _checked(state: State, store: Store, *, counts: bool = True) -> Report:
    return probe.check(state.config, state.cipher, store, state.tables.registry, counts=counts)


def store_of(instance: IntegrationInstance) -> Store:
    """How the store of an instance is reached."""
    return Store(instance.store_hash, instance.access_token, instance.start_date)


def store_of_columns(columns: Mapping[str, Any]) -> Store:
    """How the store of a draft is reached."""
    return Store(**{name: columns[name] for name in Store.__dataclass_fields__})


def verify_credentials(state: State, store: Store) -> str | None:
    """None if the store accepts the token for all that is read; the reason if that could not be found out.

    Raises ``Invalid`` if the store refuses the token or a scope is missing.
    """
    report = _checked(state, store, counts=False)
    refusal = refusal_of(report)
    if refusal:
        raise Invalid(refusal)
    if not report.is_token_accepted or "missing_scopes" in report.reasons:
        reason = report.message or report.reasons.get("is_token_accepted") or report.reasons["missing_scopes"]
        return f"The token could not be verified. {reason}"
    return None


def require_reachable(state: State, store: Store) -> None:
    """Raises ``Invalid`` as ``verify_credentials`` does, ``StoreSilent`` if the store did not answer in time."""
    unreached = verify_credentials(state, store)
    if unreached is not None:
        raise StoreSilent(f"{unreached} Nothing was changed. {SKIP}")


def refusal_of(report: Report) -> dict[str, list[str]]:
    """Why the store's answers forbid to connect it, by the path of the field that is wrong; empty if they do not."""
    if report.is_store_hash_right is False:
        return {PATHS["store_hash"]: [f"{report.reasons['is_store_hash_right']} {SKIP}"]}
    if report.is_token_accepted is False:
        return {TOKEN_PATH: [f"{_REFUSED} {SKIP}"]}
    if report.missing_scopes:
        missing = ", ".join(report.missing_scopes)
        text = f"The token lacks what a refresh needs: {missing}. Use one of an API account with these scopes. {SKIP}"
        return {TOKEN_PATH: [text]}
    return {}
