"""Refreshes as JSON."""

from __future__ import annotations

from typing import Any

from ..models.refreshes import COUNTERS
from ..operations.queries import RefreshView
from ..operations.reconciliation import Reconciliation
from ..refresh.job.parameters import load_parameters
from .text import shown


def refresh_answer(view: RefreshView) -> dict[str, Any]:
    """The refresh resource."""
    row, speed = view.row, view.speed
    return {
        **shown(row, "id", "resource", "mode", "requested_by", "status", "phase"),
        "parameters": load_parameters(row.parameters).as_dict(),
        "progress_percentage": view.percentage,
        "message": view.message,
        "error_code": row.error_code if row.status == "failed" else None,
        "results": shown(row, *COUNTERS, "waited_s", "total"),
        "records_per_s": speed.records_per_s,
        "eta_s": speed.eta_s if row.status == "processing" else None,
        **shown(row, "quota_left", "created_at", "started_at", "finished_at"),
    }


def drift_answer(found: Reconciliation) -> dict[str, Any]:
    """What a reconciliation has found."""
    drift = found.drift
    return {
        "refresh_id": found.view.row.id,
        "resource": found.view.row.resource,
        "is_complete": found.is_over,
        "count": drift.count,
        "records": [
            {"bigcommerce_id": each.id, "kind": each.kind, "columns": list(each.columns)}
            for each in sorted(drift.records.values(), key=lambda one: one.id)
        ],
        "totals": [
            {"month": month, "currency": currency, **shown(totals, "store", "mirror")}
            for (month, currency), totals in sorted(drift.totals.items())
        ],
    }
