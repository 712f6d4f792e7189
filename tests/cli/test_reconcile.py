"""``reconcile``: 3 if anything differs, 0 once it is repaired."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ..shop import Shop
from ..test_end_to_end import working
from .conftest import Run, connect


def test_without_watch_it_only_begins(read: Shop, run: Run) -> None:
    done = run("reconcile", "1", "orders", "--from", "2026-01-01")
    assert (done.exit_code, done.stdout) == (0, "Refresh 4 (orders) has begun.\n")
    (begun,) = (row for row in read.rows("refreshes") if row.id == 4)
    assert (begun.mode, begun.parameters) == ("reconcile", '{"date_from": "2026-01-01"}')


@pytest.mark.ci
def test_drift_is_3_and_repaired_is_0(read: Shop, run: Run) -> None:
    with working(read.broker):
        done = run("reconcile", "1", "products", "--watch")
        assert done.exit_code == 0, done.output
        assert "all products are as in the store" in done.stdout
        table = read.tables.products
        product_id = read.rows("products")[0].bigcommerce_id
        read.execute(update(table).where(table.c.bigcommerce_id == product_id).values(name="Another"))
        done = run("reconcile", "1", "products", "--watch")
        assert done.exit_code == 3, done.output
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(str(product_id)))
        assert line.split() == [str(product_id), "different", "name"]
        assert "flask bigcommerce reconcile 1 products --repair" in run("doctor", "--check", "findings").stdout
        done = run("reconcile", "1", "products", "--repair")
        assert done.exit_code == 0, done.output
        assert "(products) repairs." in done.stdout
        done = run("reconcile", "1", "products", "--watch")
        assert done.exit_code == 0, done.output


def test_wrong_days_are_2(shop: Shop, run: Run) -> None:
    connect(shop)
    done = run("reconcile", "1", "orders", "--from", "2026-02-01", "--to", "2026-01-01")
    assert done.exit_code == 2
    assert "--to: Must not be before date_from." in done.stderr
