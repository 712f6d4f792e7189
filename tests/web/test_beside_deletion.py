"""Requests beside the deletion of their store: none fails, none leaves anything behind, none keeps it from its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.operations import context
from bigcommerce_integration.refresh.removal.purge import purge

from ..host_app import bearer
from .mirrored import NOON, URL, Mirrored


def requests_of(mirrored: Mirrored, product: int, ended: int) -> dict[str, tuple[str, str, Any]]:
    """Every request that writes; ``ended`` is a refresh that was cancelled."""
    walk = next(row["id"] for row in mirrored.rows("refreshes", instance_id=mirrored.instance_id) if row["id"] != ended)
    (rejected,) = mirrored.rows("rejected_records", instance_id=mirrored.instance_id)
    return {
        "link": ("POST", "/variants/11/link", {"host_product_id": product}),
        "unlink": ("DELETE", "/variants/11/link", None),
        "links": ("PUT", "/variants/links", [{"sku": "B", "host_product_id": product}]),
        "refresh": ("POST", "/orders/refresh", {"mode": "ids", "ids": [1]}),
        "retry": ("POST", f"/refreshes/{ended}/retry", None),
        "cancel": ("POST", f"/refreshes/{walk}/cancel", None),
        "rejected": ("POST", f"/rejected/{rejected['id']}/retry", None),
        "patch": ("PATCH", "", {"name": f"Renamed {mirrored.instance_id}"}),
        "sync": ("PATCH", "", {"is_automatic_sync_enabled": True}),
        "token": ("PATCH", "?verify=false", {"connection_settings": {"access_token": "another-token"}}),
        "delete": ("DELETE", "", None),
    }


KINDS = ("link", "unlink", "links", "refresh", "retry", "cancel", "rejected", "patch", "sync", "token", "delete")


@pytest.fixture
def prepared(any_mirrored: Mirrored) -> dict[str, tuple[str, str, Any]]:
    any_mirrored.add(
        "variants",
        {"bigcommerce_id": 11, "sku": "A", "sku_key": "A", "host_product_id": 7, "link_source": "auto"},
        {"bigcommerce_id": 13, "sku": "B", "sku_key": "B"},
    )
    (product,) = any_mirrored.add_host_products("X")
    refreshes = any_mirrored.tables.refreshes
    mine = refreshes.c.instance_id == any_mirrored.instance_id
    orders = next(
        row["id"] for row in any_mirrored.rows("refreshes", instance_id=any_mirrored.instance_id, resource="orders")
    )
    any_mirrored.execute(
        update(refreshes).where(mine, refreshes.c.id == orders).values(status="cancelled", open_key=None),
        insert(any_mirrored.tables.rejected_records).values(
            instance_id=any_mirrored.instance_id,
            refresh_id=orders,
            resource="orders",
            bigcommerce_id=5,
            reason="No.",
            is_payload_cut=False,
            created_at=NOON,
        ),
    )
    return requests_of(any_mirrored, product, orders)


def asked(mirrored: Mirrored, request: tuple[str, str, Any]) -> Any:
    method, path, body = request
    client = mirrored.app.test_client()
    login = bearer(mirrored.app)
    return client.open(f"{URL}/{mirrored.instance_id}{path}", method=method, json=body, headers=login)


def removed(mirrored: Mirrored) -> None:
    """Delete the instance and remove the last of it, as another request and a worker do."""
    assert asked(mirrored, ("DELETE", "", None)).status_code == 202
    with mirrored.app.app_context():
        engine = engine_of(state_of(mirrored.app), Event())
        while mirrored.rows("instances", id=mirrored.instance_id):
            purge(engine)


def beside(work: Callable[[], None]) -> None:
    """In another thread, so that it has a session of its own; what fails there fails here."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


def assert_nothing_left(mirrored: Mirrored) -> None:
    for name in ("instances", "leases", "refreshes", "variants", "history", "rejected_records"):
        key = "id" if name == "instances" else "instance_id"
        assert mirrored.rows(name, **{key: mirrored.instance_id}) == [], name


@pytest.mark.parametrize("is_purged", [True, False], ids=["purged", "marked"])
@pytest.mark.parametrize("kind", KINDS)
def test_store_deleted_before_the_transaction_is_404(
    kind: str, is_purged: bool, any_mirrored: Mirrored, prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request has seen the instance alive; then it is deleted, and perhaps all of it removed."""
    permitted = context._permitted
    is_first = [True]

    def then_deleted(*args: Any, **options: Any) -> Any:
        found = permitted(*args, **options)
        if is_first:
            is_first.clear()
            beside(lambda: removed(any_mirrored) if is_purged else asked(any_mirrored, ("DELETE", "", None)))
        return found

    monkeypatch.setattr(context, "_permitted", then_deleted)
    answer = asked(any_mirrored, prepared[kind])
    expected = 202 if kind == "delete" and not is_purged else 404
    assert (answer.status_code, answer.mimetype) == (expected, "application/json"), answer.text
    if is_purged:
        assert_nothing_left(any_mirrored)
    else:
        statuses = {row["status"] for row in any_mirrored.rows("refreshes", instance_id=any_mirrored.instance_id)}
        assert statuses == {"cancelled"}
        (variant,) = any_mirrored.rows("variants", instance_id=any_mirrored.instance_id, bigcommerce_id=11)
        assert (variant["host_product_id"], variant["link_source"]) == (7, "auto")


@pytest.fixture
def after_commit(any_mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What is to be done once, right after the request's next commit."""
    work: list[Callable[[], None]] = []
    main = threading.get_ident()
    session_class = any_mirrored.host_app.db.session.session_factory.class_
    commit = session_class.commit

    def committed(session: Any) -> None:
        commit(session)
        if work and threading.get_ident() == main:
            beside(work.pop())

    monkeypatch.setattr(session_class, "commit", committed)
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_store_removed_right_after_the_commit_changes_no_answer(
    kind: str, any_mirrored: Mirrored, prepared: Any, after_commit: list[Callable[[], None]]
) -> None:
    after_commit.append(lambda: removed(any_mirrored))
    answer = asked(any_mirrored, prepared[kind])
    assert not after_commit, "there was a commit"
    expected = 202 if kind in ("refresh", "retry", "rejected", "delete") else 200
    assert answer.status_code == expected, answer.text
    assert_nothing_left(any_mirrored)


@pytest.mark.parametrize("shared_app", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_requests_without_end_do_not_starve_the_deletion(any_mirrored: Mirrored, prepared: Any) -> None:
    """They follow each other without a gap, so that the lease is hardly ever free."""
    ended, answers = Event(), []

    def go_on(kinds: list[str]) -> None:
        while not ended.is_set():
            for kind in kinds:
                answers.append((kind, asked(any_mirrored, prepared[kind]).status_code))

    with ThreadPoolExecutor(8) as threads:
        going = [
            threads.submit(go_on, kinds) for kinds in [["link", "unlink"]] * 5 + [["patch"], ["refresh", "cancel"]]
        ]
        while len(answers) < 30 and not any(each.done() for each in going):
            ended.wait(0.05)
        answer = asked(any_mirrored, ("DELETE", "", None))
        ended.set()
        for each in going:
            each.result()
    assert answer.status_code == 202, answer.text
    assert {status for _, status in answers} <= {200, 202, 404, 409, 503}
    statuses = {row["status"] for row in any_mirrored.rows("refreshes", instance_id=any_mirrored.instance_id)}
    assert statuses == {"cancelled"}
    refreshes = any_mirrored.tables.refreshes
    removed_ids = select(refreshes.c.id).where(refreshes.c.instance_id == any_mirrored.instance_id)
    assert any_mirrored.host_app.scalars(any_mirrored.app, removed_ids)
