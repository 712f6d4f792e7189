"""Errors that nobody expected: the lease is let go, they are shown, and they end."""

from __future__ import annotations

from typing import Any

import pytest

from bigcommerce_integration.refresh.job import context
from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.lifecycle.setbacks import MOST_ERRORS, Setbacks, after_error, described
from bigcommerce_integration.refresh.read import walker
from bigcommerce_integration.resources.registry import REGISTRY
from bigcommerce_integration.sandbox import SandboxStore
from bigcommerce_integration.worker.heartbeat import note_worker

from ..host_app import bearer
from .conftest import Connect, Mirror


def with_worker(mirror: Mirror) -> Mirror:
    """As if a worker process were running."""
    with mirror.app.app_context():
        note_worker(mirror.engine, "one that runs")
    return mirror


def told(mirror: Mirror) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the API answers for the refresh of products and for the health of products."""
    client, headers = mirror.app.test_client(), bearer(mirror.app)
    place = f"/api/big-commerce/{mirror.instance_id}"
    refresh = client.get(f"{place}/refreshes/{mirror.refreshes['products']}", headers=headers).json["data"]
    return refresh, client.get(place, headers=headers).json["data"]["health"]["products"]


def test_an_error_before_the_first_request_lets_the_lease_go(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = with_worker(connect(SandboxStore(3, 0)))

    def broken(*_: object, **__: object) -> None:
        raise TypeError

    monkeypatch.setattr(context, "transport_to", broken)
    for attempt in (1, 2):
        with pytest.raises(TypeError):
            mirror.advance("products")
        assert {lease["owner"] for lease in mirror.rows("leases")} == {None}
        assert mirror.refresh("products")["attempts"] == attempt
        mirror.let_time_pass("products")
    refresh, health = told(mirror)
    for said in (refresh["message"], health["trouble"]):
        assert "TypeError at refresh/job/context.py:" in said
    monkeypatch.undo()
    mirror.completed("products")
    assert told(mirror)[1]["trouble"] is None


@pytest.mark.ci
def test_an_error_is_shown_from_the_second_try_on(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = with_worker(connect(SandboxStore(70, 0, awkward=False), settings={"page_size": 10, "concurrency": 1}))
    secret = mirror.store.access_token
    original, calls = walker.Walker.store, [0]

    def shaky(*args: Any) -> None:
        calls[0] += 1
        if calls[0] % 2 == 0:
            raise RuntimeError(secret)
        original(*args)

    monkeypatch.setattr(walker.Walker, "store", shaky)
    for count in (1, 2, 3):
        with pytest.raises(RuntimeError):
            mirror.advance("products")
        refresh, health = told(mirror)
        assert "RuntimeError at refresh/read/walker.py:" in refresh["message"]
        assert f"try {count}." in refresh["message"]
        assert secret not in refresh["message"]
        assert (health["trouble"] is None) == (count == 1)
        mirror.let_time_pass("products")
    # A page that goes in does not hide it.
    monkeypatch.setattr(walker.Walker, "store", original)
    seen: list[str] = []
    mirror.host.products_changed = lambda session, instance, ids: seen.append(told(mirror)[0]["message"])
    mirror.completed("products")
    assert len(seen) >= 2
    assert " of 70. Something went wrong" in seen[-1]
    assert told(mirror)[1]["trouble"] is None


@pytest.mark.ci
def test_errors_with_progress_between_them_end(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = connect(SandboxStore(3 * MOST_ERRORS, 0, awkward=False), settings={"page_size": 1, "concurrency": 1})
    original, calls = walker.Walker.store, [0]

    def shaky(*args: Any) -> None:
        calls[0] += 1
        if calls[0] % 2 == 0:
            raise RuntimeError
        original(*args)

    monkeypatch.setattr(walker.Walker, "store", shaky)
    for _ in range(MOST_ERRORS):
        assert mirror.refresh("products")["status"] != "failed"
        with pytest.raises(RuntimeError):
            mirror.advance("products")
        mirror.let_time_pass("products")
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "RuntimeError at refresh/read/walker.py:" in refresh["message"]
    assert refresh["created"] >= MOST_ERRORS


@pytest.mark.parametrize("answer", [None, 5, [("A", [1])], {"A": 5}, {5: [1]}, {"A": ["1"]}, {"A": "1"}, {"A": [None]}])
def test_nonsense_from_the_host_ends_and_names_its_method(connect: Connect, answer: Any) -> None:
    mirror = connect(SandboxStore(3, 0, awkward=False), integration_settings__auto_link_products=True)
    mirror.engine.stopping.wait = lambda timeout=None: False  # type: ignore[method-assign]
    mirror.host.products_by_sku = lambda session, instance, skus: answer
    assert mirror.advance("products") is Outcome.ENDED
    refresh = mirror.refresh("products")
    assert refresh["status"] == "failed"
    assert "The host's products_by_sku returned" in refresh["message"]


@pytest.mark.parametrize("answer", [None, ["A"], {"A": "x"}, {5: 5}, {"A": None}, {"A": True}])
def test_nonsense_from_create_products_leaves_a_reason(connect: Connect, answer: Any) -> None:
    mirror = connect(SandboxStore(3, 0, awkward=False), integration_settings__auto_create_products=True)
    mirror.host.create_products = lambda session, instance, drafts: answer
    mirror.completed("products")
    conflicts = {row["link_conflict"] for row in mirror.rows("variants")}
    assert all("The host's create_products returned" in each for each in conflicts), conflicts


def test_error_text_names_type_and_our_deepest_line_and_no_value() -> None:
    try:
        REGISTRY.mappers["products"].map_record(None)  # type: ignore[arg-type]
    except AttributeError as error:
        said = described(error)
    assert "AttributeError at resources/mapping.py:" in said
    assert "NoneType" not in said
    setback = after_error(ValueError("secret"), Setbacks(errors=3), attempts=5, has_progressed=True, random=lambda: 1.0)
    assert (setback.attempts, setback.setbacks.errors, setback.is_final) == (1, 4, False)
    assert "ValueError at a place that is not known" in setback.message
