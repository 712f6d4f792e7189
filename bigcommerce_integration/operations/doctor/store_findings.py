"""The check of the stores' mirrors: the findings, which pages and API show too, and nothing of its own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from ..context import Caller
from ..findings.finding import Action, Finding, FindingCode
from ..findings.gather import findings
from .deployment import Deployment
from .results import Outcome, Result

_NAME = "findings"
_FAILURES = frozenset(
    {
        FindingCode.TOKEN_REFUSED,
        FindingCode.STORE_NOT_FOUND,
        FindingCode.OTHER_STORE,
        FindingCode.SCOPE_MISSING,
        FindingCode.DELETION_HELD_BACK,
        FindingCode.REFRESH_FAILED,
        FindingCode.REFRESH_OVERDUE,
    }
)
"""Because of these something is not up to date, and stays so. The others are warnings."""
_CONNECTION = frozenset(
    {
        FindingCode.TOKEN_REFUSED,
        FindingCode.STORE_NOT_FOUND,
        FindingCode.OTHER_STORE,
        FindingCode.SCOPE_MISSING,
        FindingCode.STORE_UNREACHABLE,
    }
)

_REMEDIES: Mapping[Action, str] = {
    Action.ACKNOWLEDGE: "If it was meant, run `flask bigcommerce acknowledge {}`.",
    Action.OPEN_DOCUMENTS: "Run `flask bigcommerce accounting {} summary`.",
}
"""The commands that need nothing but the instance."""


def store_findings(deployment: Deployment) -> list[Result]:
    """The findings about each store, for its own tenant; without those that other checks have told just now."""
    state = deployment.state
    results: list[Result] = []
    with deployment.session() as session:
        stores = sorted(deployment.stores(session), key=lambda each: each.tenant)
        for tenant, its in groupby(stores, key=lambda each: each.tenant):
            caller = Caller(state, session, tenant, None, has_shell=True)
            found = findings(caller, list(its))
            results += [_result(each) for each in found if not _is_told(each, deployment)]
    return results or [Result(_NAME, "ok", f"Nothing needs a person ({len(stores)} stores).")]


def _is_told(finding: Finding, deployment: Deployment) -> bool:
    """By the check of the workers, or by that of the connections."""
    is_of_connection = finding.code in _CONNECTION and finding.instance_id in deployment.unreadable
    return finding.code is FindingCode.NO_WORKER or is_of_connection


def _result(finding: Finding) -> Result:
    outcome: Outcome = "failure" if finding.code in _FAILURES else "warning"
    whose = "" if finding.store is None else f"Instance {finding.instance_id} ({finding.store}): "
    return Result(
        _NAME,
        outcome,
        f"{whose}{finding.sentence}",
        _remedy(finding),
        can_wait=outcome == "warning",
        instance_id=finding.instance_id,
    )


def _remedy(finding: Finding) -> str | None:
    """The command for it where there is one."""
    if finding.action is Action.RETRY and finding.code is FindingCode.REFRESH_FAILED:
        return f"Run `flask bigcommerce retry --failed {finding.instance_id}`."
    if finding.action is Action.REFRESH and finding.resource is not None:
        return f"Run `flask bigcommerce refresh {finding.instance_id} {finding.resource}`."
    if finding.action is Action.REPAIR:
        return f"Run `flask bigcommerce reconcile {finding.instance_id} {finding.resource} --repair`."
    if finding.action is Action.ALLOW_DELETION and finding.resource is not None:
        command = f"flask bigcommerce refresh {finding.instance_id} {finding.resource} --full --allow-mass-delete"
        return f"If so much is really gone, run `{command}`."
    if finding.action in _REMEDIES:
        return _REMEDIES[finding.action].format(finding.instance_id)
    return None if finding.action is Action.NONE else finding.action.meaning
