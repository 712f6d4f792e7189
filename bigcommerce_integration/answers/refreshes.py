"""Refreshes as JSON."""

from __future__ import annotations

from typing import Any

from ..models.refreshes import COUNTERS
from ..models.types import moment_text
from ..operations.queries import RefreshView
from ..operations.reconciliation import Reconciliation
from ..refresh.drift import Totals
from ..refresh.job.parameters import load_parameters


def refresh_answer(view: RefreshView) -> dict[str, Any]:
    """The refresh resource."""
    row = view.row._mapping
    speed = view.speed
    return {
        "id": row["id"],
        "resource": row["resource"],
        "mode": row["mode"],
        "parameters": load_parameters(row["parameters"]).as_dict(),
        "requested_by": row["requested_by"],
        "status": row["status"],
        "phase": row["phase"],
        "progress_percentage": view.percentage,
        "message": view.message,
        "error_code": row["error_code"] if row["status"] == "failed" else None,
        "results": {name: row[name] for name in (*COUNTERS, "waited_s", "total")},
        "records_per_s": speed.records_per_s,
        "eta_s": speed.eta_s if row["status"] == "processing" else None,
        "quota_left": row["quota_left"],
        "created_at": moment_text(row["created_at"]),
        "started_at": moment_text(row["started_at"]),
        "finished_at": moment_text(row["finished_at"]),
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
        "totals": [_totals_answer(*key, drift.totals[key]) for key in sorted(drift.totals)],
    }


def _totals_answer(month: str, currency: str, totals: Totals) -> dict[str, Any]:
    return {
        "month": month,
        "currency": currency,
        "store": f"{totals.store:.4f}",
        "mirror": f"{totals.mirror:.4f}",
    }
