"""``refresh``, ``cancel``, ``retry`` and ``watch``."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from bigcommerce_integration.cli.refreshes import watch as watching

from ..shop import Shop
from ..test_end_to_end import working
from .conftest import Run, connect


def newest(shop: Shop) -> Any:
    return max(shop.rows("refreshes", "id", "resource", "mode", "status", "parameters", "requested_by"))


@pytest.mark.parametrize(
    ("words", "mode", "parameters"),
    [
        ((), "incremental", None),
        (("--full",), "full", None),
        (("--full", "--allow-mass-delete"), "full", '{"allow_mass_delete": true}'),
        (("--from", "2026-01-01", "--to", "2026-01-31"), "date_range", '{"date_from": "2026-01-01", "date_to": '),
        (("--ids", "101, 102"), "ids", '{"ids": [101, 102]}'),
    ],
    ids=["incremental", "full", "mass delete", "days", "ids"],
)
def test_options_choose_the_mode(read: Shop, run: Run, words: tuple[str, ...], mode: str, parameters: str) -> None:
    done = run("refresh", "1", "orders", *words)
    assert (done.exit_code, done.stdout) == (0, "Refresh 4 (orders) has begun.\n")
    begun = newest(read)
    assert (begun.id, begun.resource, begun.mode, begun.status) == (4, "orders", mode, "pending")
    assert begun.requested_by.startswith("cli:")
    assert (begun.parameters or "").startswith(parameters or "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("orders", "--full", "--ids", "1"), "exclude each other"),
        (("orders", "--from", "2026-01-01"), "--to: Mode date_range needs this field."),
        (("orders", "--from", "1999-01-01", "--to", "2026-01-01"), "--from: Must not be before the instance's start"),
        (("orders", "--ids", "1,x"), "--ids: Must be a whole number above 0."),
        (("orders", "--allow-mass-delete"), "--allow-mass-delete: Belongs to mode full"),
        (("customers",), "'customers' is not one of 'products', 'orders'"),
    ],
)
def test_wrong_options_are_2_and_begin_nothing(shop: Shop, run: Run, words: tuple[str, ...], said: str) -> None:
    connect(shop)
    done = run("refresh", "1", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert newest(shop).id == 2


def test_a_walk_that_is_open_is_named_with_1(shop: Shop, run: Run) -> None:
    connect(shop)
    done = run("refresh", "1", "orders")
    assert (done.exit_code, done.stderr.startswith("Error: Refresh 2 of the orders is open already")) == (1, True)


def test_a_cancelled_refresh_is_retried(shop: Shop, run: Run) -> None:
    connect(shop)
    assert "Refresh 2 (orders) is cancelled." in run("cancel", "2").stdout
    assert run("cancel", "2").exit_code == 1
    assert run("retry", "2").stdout == "Refresh 2 (orders) goes on.\n"
    assert newest(shop).status == "pending"
    assert run("retry", "2").exit_code == 1


def test_retry_failed_takes_all_that_has_failed(shop: Shop, run: Run) -> None:
    connect(shop)
    assert run("retry", "--failed", "1").stdout == "Nothing has failed since the last success.\n"
    refreshes = shop.tables.refreshes
    shop.execute(update(refreshes).values(status="failed", open_key=None, error_code="store_unavailable"))
    done = run("retry", "--failed", "1")
    assert done.stdout == "Refresh 1 (products) goes on.\nRefresh 2 (orders) goes on.\n"
    assert shop.statuses() == ["pending", "pending"]
    assert run("retry").exit_code == run("retry", "1", "--failed", "1").exit_code == 2


def test_watch_ends_with_0_once_all_is_completed(shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LINE_EVERY_S", 0.0)
    connect(shop)
    with working(shop.broker):
        done = run("watch", "1")
        assert done.exit_code == 0, done.output
        assert "Refresh 1 (products) completed. Completed." in done.stdout
        assert "Refresh 2 (orders) completed. Completed." in done.stdout
        assert run("refresh", "1", "orders", "--full", "--watch").exit_code == 0
        shop.wait()
    assert run("watch", "1").stdout == "No refresh is open.\n"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_watch_ends_with_1_if_a_refresh_does_not_complete(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    connect(shop)
    ended = update(shop.tables.refreshes).values(status=status, message="The host refused it.")
    # While the command waits for the next look.
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: shop.execute(ended))
    done = run("watch", "1")
    assert done.exit_code == 1
    assert f"Refresh 1 (products) {status}. The host refused it." in done.stdout


def test_watch_says_that_no_worker_runs(shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(shop)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", interrupted)
    done = run("watch", "1")
    assert done.exit_code == 130
    assert "No worker is running" in done.stderr
    assert "bigcommerce watch 1" in done.stderr
    assert shop.statuses() == ["pending", "pending"]
