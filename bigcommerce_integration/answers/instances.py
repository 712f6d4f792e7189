"""Instances and the reports on their stores as JSON."""

from __future__ import annotations

import logging
from typing import Any

from ..app_state import current_state
from ..encryption import TokenCipher
from ..errors import ConfigError
from ..models.instances import SETTINGS, IntegrationInstance
from ..models.types import moment_text
from ..operations.findings.finding import Finding
from ..operations.health import ResourceHealth
from ..operations.instances.views import InstanceView
from ..refresh.job import progress
from ..schemas.fields import MASK
from ..store_check.report import Report
from .refreshes import refresh_answer
from .text import encodable

logger = logging.getLogger(__name__)

# Four characters of a shorter token would be too much of it.
SHOW_END_FROM = 16


def instance_answer(view: InstanceView, cipher: TokenCipher) -> dict[str, Any]:
    """The instance, nested as the request nests it."""
    instance, health = view.instance, view.health
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
        "store_timezone": instance.store_timezone,
        "store_currency": instance.store_currency,
        "created_at": moment_text(instance.created_at),
        "updated_at": moment_text(instance.updated_at),
        "refreshes": [refresh_answer(each) for each in health.newest],
        "health": {
            **{resource.resource: _resource_answer(resource) for resource in health.resources},
            "last_worker_tick_at": moment_text(health.last_worker_tick_at),
            "warnings": [dict(each) for each in view.warnings],
            "findings": [finding_answer(each) for each in view.findings],
        },
    }


def finding_answer(finding: Finding) -> dict[str, Any]:
    """What a person should know."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "can_wait": finding.can_wait,
        "since": moment_text(finding.since),
        "sentence": encodable(finding.sentence),
        "action": finding.action,
        "link": finding.link,
        "instance_id": finding.instance_id,
        "resource": finding.resource,
        "refresh_id": finding.refresh_id,
        "before": finding.before,
        "after": finding.after,
    }


def _resource_answer(resource: ResourceHealth) -> dict[str, Any]:
    success, opened, failure = resource.last_success, resource.open_refresh, resource.last_failure
    # Only where it can be: the others stop the store's connection.
    off = {} if current_state().tables.registry[resource.resource].required else {"off": resource.off_reason}
    return {
        **off,
        "last_success_at": moment_text(success.row.finished_at if success else None),
        "age_s": resource.age_s,
        "watermark": moment_text(resource.watermark),
        "next_refresh_at": moment_text(resource.next_refresh_at),
        "conflicts": success.row.conflicts if success else None,
        "refused": success.row.refused if success else None,
        "open_refresh": opened
        and {
            "id": opened.row.id,
            "status": opened.row.status,
            "progress_percentage": opened.percentage,
        },
        "left_out": (
            resource.left_out
            and {
                "count": resource.left_out,
                "message": progress.left_out(resource.resource, resource.left_out, resource.left_out).capitalize(),
            }
        )
        or None,
        "trouble": None if opened is None else opened.trouble,
        "last_failure": failure
        and {
            "id": failure.row.id,
            "message": failure.row.message,
            "error_code": failure.row.error_code,
            "finished_at": moment_text(failure.row.finished_at),
        },
    }


def _masked(instance: IntegrationInstance, cipher: TokenCipher) -> str | None:
    """The mask of the token; also where a key was removed from the settings too early, as the rest must be answered."""
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


def report_answer(report: Report) -> dict[str, Any]:
    """What was found out, and for each null the reason."""
    values = {name: encodable(each) if isinstance(each, str) else each for name, each in report.values().items()}
    return {
        **values,
        "message": report.message and encodable(report.message),
        "reasons": {name: encodable(reason) for name, reason in report.reasons.items()},
    }
