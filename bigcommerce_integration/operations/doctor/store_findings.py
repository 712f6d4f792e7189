"""The check of the stores' mirrors: the findings, which pages and API show too, and nothing of its own."""

from __future__ import annotations

from itertools import groupby

from ..context import Caller
from ..findings.finding import CONNECTION, Finding, FindingCode
from ..findings.gather import findings
from ..findings.remedy import remedy_of, since_text
from .deployment import Deployment
from .results import Outcome, Result

_NAME = "findings"
_DISCONNECT = (
    "To disconnect this one: its page /{id}/settings › Disconnect, or DELETE /api/big-commerce/{id}. Its mirrored "
    "records are removed; your own products stay. If both are wanted, there is nothing to do."
)
_CHECKED = {FindingCode.NO_WORKER: "workers", FindingCode.BROKER_DOWN: "broker"}


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
    return results or [_nothing(deployment, len(stores))]


def _nothing(deployment: Deployment, count: int) -> Result:
    """All is well only if the other checks say so too."""
    whose = f"({count} {'store' if count == 1 else 'stores'})"
    is_well = all(each.outcome in ("ok", "skipped") or each.is_advice for each in deployment.found)
    text = f"Nothing needs a person {whose}." if is_well else f"No finding beyond the checks above {whose}."
    return Result(_NAME, "ok", text)


def _is_told(finding: Finding, deployment: Deployment) -> bool:
    """By the check of the workers, of the broker, of the keys, or of the connections: one cause counts once."""
    if finding.code in _CHECKED:
        failed = {each.check for each in deployment.found if each.outcome == "failure"}
        return _CHECKED[finding.code] in failed
    if finding.code is FindingCode.KEY_MISSING:
        return finding.instance_id in deployment.keyless
    return finding.code in CONNECTION and finding.instance_id in deployment.unreadable


def _result(finding: Finding) -> Result:
    outcome: Outcome = "warning" if finding.can_wait else "failure"
    whose = "" if finding.store is None else f"Instance {finding.instance_id} ({finding.store}): "
    text = " ".join(filter(None, (f"{whose}{finding.sentence}", since_text(finding.since))))
    is_twice = finding.code is FindingCode.STORE_CONNECTED_TWICE
    remedy = _DISCONNECT.format(id=finding.instance_id) if is_twice else remedy_of(finding)
    return Result(_NAME, outcome, text, remedy, can_wait=finding.can_wait, instance_id=finding.instance_id)
