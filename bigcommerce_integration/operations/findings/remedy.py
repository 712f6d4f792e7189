"""What to type in about a finding, for whoever has a shell."""

from __future__ import annotations

from datetime import datetime

from .finding import Action, Finding, FindingCode

_BY_CODE = {
    FindingCode.NO_WORKER: "Start a worker: `dramatiq`, with the module that exposes the app's broker.",
    FindingCode.BROKER_DOWN: "Start the broker, or open the way from the workers to it.",
    FindingCode.SYNC_OFF: "Switch automatic sync on in its settings, unless that is wanted.",
    FindingCode.KEY_MISSING: "`flask bigcommerce doctor` says which tokens the keys of a process open.",
    FindingCode.STORE_CONNECTED_TWICE: "The settings page of a store disconnects it, and so does `DELETE` in the API.",
    FindingCode.TOKEN_REFUSED: "Make a new token in the store and enter it in the settings of the instance.",
    FindingCode.RECORDS_REJECTED: (
        "Its page lists the rejected records with what to do: mend them in the store, then try again there."
    ),
    FindingCode.STORE_UNREACHABLE: "Nothing is to be done; `flask bigcommerce check {id}` asks the store now.",
}
_BY_ACTION = {
    Action.REFRESH: "Run `flask bigcommerce refresh {id} {resource}`.",
    Action.REPAIR: "Run `flask bigcommerce reconcile {id} {resource} --repair`.",
    Action.ACKNOWLEDGE: "If it was meant, run `flask bigcommerce acknowledge {id}`.",
    Action.OPEN_DOCUMENTS: "Run `flask bigcommerce accounting {id} summary`.",
    Action.ALLOW_DELETION: (
        "If so much is really gone, run `flask bigcommerce refresh {id} {resource} --full --allow-mass-delete`."
    ),
}


def remedy_of(finding: Finding) -> str | None:
    """The command for it where there is one, else what a person can do; None if there is nothing to be done."""
    if finding.action is Action.RETRY and finding.code is FindingCode.REFRESH_FAILED:
        return f"Mend that, then run `flask bigcommerce retry --failed {finding.instance_id}`."
    text = _BY_CODE.get(finding.code) or _BY_ACTION.get(finding.action)
    if text is not None:
        return text.format(id=finding.instance_id, resource=finding.resource)
    return None if finding.action is Action.NONE else finding.action.meaning


def since_text(since: datetime | None) -> str:
    """Since when, as a sentence; blank if nobody knows."""
    return "" if since is None else f"Since {since:%Y-%m-%d %H:%M} UTC."


def wait_text(*, can_wait: bool) -> str:
    """Whether it can wait, as a sentence."""
    return "It can wait: nothing is lost." if can_wait else "It cannot wait if somebody needs new records."
