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
    is_of_connection = finding.code in CONNECTION and finding.instance_id in deployment.unreadable
    return finding.code is FindingCode.NO_WORKER or is_of_connection


def _result(finding: Finding) -> Result:
    outcome: Outcome = "warning" if finding.can_wait else "failure"
    whose = "" if finding.store is None else f"Instance {finding.instance_id} ({finding.store}): "
    text = " ".join(filter(None, (f"{whose}{finding.sentence}", since_text(finding.since))))
    return Result(_NAME, outcome, text, remedy_of(finding), can_wait=finding.can_wait, instance_id=finding.instance_id)
