"""Faults that an engineer on call meets, each planted in a site that is well."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import make_url

from bigcommerce_integration.encryption import generate_key

from ..processes import wait_until
from .site import Site

WITHIN_S = 60.0


@dataclass(frozen=True)
class Fault:
    """``plant`` returns the site's deployment as people at the command line have it.

    ``cause`` and ``cure`` are words of the doctor's last line. ``can_wait`` is None where that depends on more than the
    doctor knows. ``names_store`` is false for what concerns all stores.
    """

    name: str
    plant: Callable[[Site], Any]
    cause: Sequence[str]
    cure: Sequence[str]
    can_wait: bool | None
    names_store: bool = True


def _refreshes(site: Site) -> list[dict[str, Any]]:
    said = site.api("/1/refreshes")
    found: list[dict[str, Any]] = json.loads(said.text)["data"] if said.code == 200 else []
    return found


def _wait_failed(site: Site) -> None:
    wait_until(lambda: any(each["status"] == "failed" for each in _refreshes(site)), WITHIN_S, "a failed refresh")


def _run(site: Site, statement: str) -> None:
    with closing(sqlite3.connect(make_url(site.deployment.database_url).database or "", timeout=30)) as connection:
        connection.execute(statement)
        connection.commit()


def token_revoked(site: Site) -> None:
    site.server.store.set_token()
    _wait_failed(site)


def scope_missing(site: Site) -> None:
    site.server.store.scopes = {"store_v2_products_read_only", "store_v2_information_read_only"}
    _wait_failed(site)


def key_lost(site: Site) -> None:
    settings = {**site.deployment.settings, "BIGCOMMERCE_ENCRYPTION_KEYS": [generate_key()]}
    site.restart(site.web, settings=settings)
    site.restart(site.worker, settings=settings)
    site.deployment = replace(site.deployment, settings=settings)


def column_missing(site: Site) -> None:
    _run(site, "ALTER TABLE bigcommerce_refreshes DROP COLUMN trouble")


def broker_down(site: Site) -> None:
    site.broker.turn("closed")


def no_worker(site: Site) -> None:
    site.worker.end()


def other_settings(site: Site) -> None:
    site.restart(site.worker, settings={**site.deployment.settings, "BIGCOMMERCE_MAX_DELETED_SHARE": 0.9})
    wait_until(
        lambda: "MAX_DELETED_SHARE" in site.command("doctor", "--check", "workers").text, WITHIN_S, "the other worker"
    )


def clock_wrong(site: Site) -> None:
    site.server.store.clock_offset_s = 5400.0


def host_refuses(site: Site) -> None:
    site.restart(site.worker, refuses_orders=True)
    site.server.store.edit_order(site.server.store.order_ids[0], staff_notes="changed")
    _wait_failed(site)


def deletion_held_back(site: Site) -> None:
    for each in list(site.server.store.product_ids):
        site.server.store.delete_product(each)

    def is_begun() -> bool:
        # An automatic one may be open just now.
        return site.api("/1/products/refresh", method="POST", json={"mode": "full"}).code == 202

    wait_until(is_begun, WITHIN_S, "the full refresh")
    _wait_failed(site)


def record_rejected(site: Site) -> None:
    site.server.store.edit_order(site.server.store.order_ids[0], total_inc_tax="on request")

    def is_rejected() -> bool:
        said = site.api("/1/rejected")
        return said.code == 200 and bool(json.loads(said.text)["data"])

    wait_until(is_rejected, WITHIN_S, "the rejected record")


def connected_twice(site: Site) -> None:
    body = json.loads(site.api("/1").text)["data"]
    wanted = ("integration_id", "integration_settings", "is_automatic_sync_enabled")
    again = {name: body[name] for name in wanted} | {"name": "Second shop"}
    again["connection_settings"] = {"access_token": site.server.access_token}
    made = site.api("", method="POST", json=again)
    assert made.code == 201, made.text
    wait_until(site.is_read, WITHIN_S, "the refreshes")


FAULTS = (
    Fault("token_revoked", token_revoked, ("does not accept the access token",), ("Make a new token",), False),
    Fault("scope_missing", scope_missing, ("store_v2_orders_read_only",), ("Give its API account",), False),
    Fault("key_lost", key_lost, ("no key of this process opens",), ("BIGCOMMERCE_ENCRYPTION_KEYS",), False),
    Fault(
        "column_missing",
        column_missing,
        ("bigcommerce_refreshes.trouble", "a migration is missing"),
        ("flask db upgrade",),
        False,
        names_store=False,
    ),
    Fault("broker_down", broker_down, ("cannot be reached",), ("Start the broker",), True, names_store=False),
    Fault("no_worker", no_worker, ("No worker runs",), ("dramatiq",), False, names_store=False),
    Fault(
        "other_settings",
        other_settings,
        ("another value of BIGCOMMERCE_MAX_DELETED_SHARE",),
        ("restart it",),
        True,
        names_store=False,
    ),
    Fault("clock_wrong", clock_wrong, ("its clock is 90 min ahead of", "which agree"), ("nothing to do",), True),
    Fault(
        "host_refuses",
        host_refuses,
        ("The last refresh of orders failed", "your own code"),
        ("retry --failed 1",),
        False,
    ),
    Fault(
        "deletion_held_back",
        deletion_held_back,
        ("far more is gone", "The store has no products at all, and 8 are stored"),
        ("--allow-mass-delete",),
        True,
    ),
    Fault("record_rejected", record_rejected, ("could not be stored",), ("rejected",), True),
    Fault("connected_twice", connected_twice, ("also connected as",), ("Disconnect",), True),
)
