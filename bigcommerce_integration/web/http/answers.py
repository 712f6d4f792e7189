"""Answers: only plain JSON values, so that any host's JSON provider writes them alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from ...encryption import TokenCipher
from ...errors import ConfigError
from ...models.instances import IntegrationInstance
from ...models.refreshes import COUNTERS
from ...operations.health import Overview, Standing
from ...operations.queries import RefreshView, shown_trouble
from ...refresh.job import progress
from ...refresh.job.parameters import load_parameters
from ...refresh.job.progress import Speed, speed
from ..fields import MASK
from ..schemas import SETTINGS

logger = logging.getLogger(__name__)

# Four characters of a shorter token would be too much of it.
SHOW_END_FROM = 16

NO_WORKER = (
    "No worker is running, so this refresh waits. Start one with `dramatiq host.worker:broker`, "
    "where host.worker is your module that calls create_app() and exposes its broker."
)


def instance_answer(
    instance: IntegrationInstance, overview: Overview, cipher: TokenCipher, warnings: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The instance, nested as the request nests it."""
    settings = {name: getattr(instance, name) for name in SETTINGS}
    return {
        "id": instance.id,
        "name": instance.name,
        "integration_id": instance.integration_id,
        "connection_settings": {"access_token": _masked(instance, cipher)},
        "integration_settings": settings | {"start_date": instance.start_date.isoformat()},
        "is_automatic_sync_enabled": instance.is_automatic_sync_enabled,
        "status": instance.status,
        "status_message": instance.status_message,
        "created_at": moment_answer(instance.created_at),
        "updated_at": moment_answer(instance.updated_at),
        "refreshes": [refresh_answer(view) for view in overview.newest],
        "health": {
            **{standing.resource: _standing_answer(standing) for standing in overview.standings},
            "last_worker_tick_at": moment_answer(overview.last_worker_tick_at),
            "warnings": [dict(each) for each in warnings],
        },
    }


def _standing_answer(standing: Standing) -> dict[str, Any]:
    success, opened, failure = standing.last_success, standing.open_refresh, standing.last_failure
    return {
        "last_success_at": moment_answer(success.row.finished_at if success else None),
        "age_s": standing.age_s,
        "watermark": moment_answer(standing.watermark),
        "next_refresh_at": moment_answer(standing.next_refresh_at),
        "conflicts": success.row.conflicts if success else None,
        "refused": success.row.refused if success else None,
        "open_refresh": opened
        and {
            "id": opened.row.id,
            "status": opened.row.status,
            "progress_percentage": _percentage(opened.row._mapping),
        },
        "left_out": (
            standing.left_out
            and {
                "count": standing.left_out,
                "message": progress.left_out(standing.resource, standing.left_out, standing.left_out).capitalize(),
            }
        )
        or None,
        "trouble": None if opened is None else shown_trouble(opened.row._mapping),
        "last_failure": failure
        and {
            "id": failure.row.id,
            "message": failure.row.message,
            "error_code": failure.row.error_code,
            "finished_at": moment_answer(failure.row.finished_at),
        },
    }


def _percentage(row: RowMapping) -> int | None:
    """100 only once it is completed."""
    percentage: int | None = row["progress_percentage"]
    return percentage if percentage is None or row["status"] == "completed" else min(percentage, 99)


def refresh_answer(view: RefreshView) -> dict[str, Any]:
    """The refresh resource."""
    row = view.row._mapping
    pace = _speed(row)
    return {
        "id": row["id"],
        "resource": row["resource"],
        "mode": row["mode"],
        "parameters": load_parameters(row["parameters"]).as_dict(),
        "requested_by": row["requested_by"],
        "status": row["status"],
        "phase": row["phase"],
        "progress_percentage": _percentage(row),
        "message": NO_WORKER if view.lacks_worker else _message(row),
        "error_code": row["error_code"] if row["status"] == "failed" else None,
        "results": {name: row[name] for name in (*COUNTERS, "waited_s", "total")},
        "records_per_s": pace.records_per_s,
        "eta_s": pace.eta_s if row["status"] == "processing" else None,
        "quota_left": row["quota_left"],
        "created_at": moment_answer(row["created_at"]),
        "started_at": moment_answer(row["started_at"]),
        "finished_at": moment_answer(row["finished_at"]),
    }


def _message(row: RowMapping) -> str | None:
    """What is being done; and what has ended the tries before, which a page that went in since must not hide."""
    message: str | None = row["message"]
    trouble = shown_trouble(row)
    return message if trouble is None or trouble in (message or "") else f"{message or ''} {trouble}".strip()


def _speed(row: RowMapping) -> Speed:
    return speed(
        fetched=row["fetched"],
        total=row["total"],
        started_at=row["started_at"],
        now=row["finished_at"] or row["now"],
        waited_s=row["waited_s"],
    )


def moment_answer(moment: datetime | None) -> str | None:
    """A naive UTC time in ISO 8601."""
    return None if moment is None else f"{moment.isoformat(timespec='microseconds')}Z"


def _masked(instance: IntegrationInstance, cipher: TokenCipher) -> str | None:
    """The rest of the answer must not fail for a key that was taken out of the settings too early."""
    if not instance.access_token:
        return None  # wiped
    try:
        token = cipher.decrypt(instance.access_token).reveal()
    except ConfigError as error:
        logger.error(
            "BigCommerce instance %s: %s",
            instance.id,
            error,
            extra={"action": "decrypt_token", "instance_id": instance.id},
        )
        return MASK
    return MASK + token[-4:] if len(token) >= SHOW_END_FROM else MASK
