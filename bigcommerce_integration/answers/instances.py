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
from ..operations.queries import RefreshView
from ..refresh.job import progress
from ..schemas.fields import MASK
from ..store_check.report import Report
from .refreshes import refresh_answer
from .text import encodable, plain, shown

logger = logging.getLogger(__name__)

# Four characters of a shorter token would be too much of it.
SHOW_END_FROM = 16
_FINDING = ("code", "severity", "can_wait", "since", "sentence", "action", "link", "instance_id", "resource")


def instance_answer(view: InstanceView, cipher: TokenCipher) -> dict[str, Any]:
    """The instance, nested as the request nests it."""
    instance, health = view.instance, view.health
    return {
        **shown(instance, "id", "name", "integration_id", "is_automatic_sync_enabled", "status", "status_message"),
        **shown(instance, "store_timezone", "store_currency", "created_at", "updated_at"),
        "connection_settings": {"access_token": _masked(instance, cipher)},
        "integration_settings": shown(instance, *SETTINGS),
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
    return shown(finding, *_FINDING, "refresh_id", "before", "after")


def _resource_answer(resource: ResourceHealth) -> dict[str, Any]:
    success, opened, failure = resource.last_success, resource.open_refresh, resource.last_failure
    # Only where it can be: the others stop the store's connection.
    off = {} if current_state().tables.registry[resource.resource].required else {"off": resource.off_reason}
    return {
        **off,
        "last_success_at": moment_text(success.row.finished_at if success else None),
        **shown(resource, "age_s", "watermark", "next_refresh_at", "conflicts", "refused"),
        "open_refresh": opened and open_refresh_answer(opened),
        "left_out": (
            resource.left_out
            and {
                "count": resource.left_out,
                "message": progress.left_out(resource.resource, resource.left_out, resource.left_out).capitalize(),
            }
        )
        or None,
        "trouble": None if opened is None else opened.trouble,
        "last_failure": failure and shown(failure.row, "id", "message", "error_code", "finished_at"),
    }


def open_refresh_answer(view: RefreshView) -> dict[str, Any]:
    """The walk that is open."""
    return {**shown(view.row, "id", "status"), "progress_percentage": view.percentage}


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
    return {
        **{name: plain(each) for name, each in report.values().items()},
        "message": plain(report.message),
        "reasons": {name: encodable(reason) for name, reason in report.reasons.items()},
    }
