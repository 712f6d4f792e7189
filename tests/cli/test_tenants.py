"""Commands in an app of several tenants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import Context

import pytest
from dramatiq.brokers.stub import StubBroker

from bigcommerce_integration.host.tenancy import given_tenant

from ..test_tenants import Companies
from .conftest import run_in


@pytest.fixture
def companies(broker: StubBroker, sqlite_url: str) -> Iterator[Companies]:
    """Companies 1 and 2, each with a store of its own."""
    with ExitStack() as stack:
        yield Companies("numbers", sqlite_url, broker, stack)


def words(store_id: int, *more: str) -> list[str]:
    given = ["--name", "Main", "--store-hash", "abc123", "--start-date", "2026-01-01", "--store-id", str(store_id)]
    flags = ["--link", "--no-create", "--no-sync", "--no-verify", "--token-file", "-"]
    return ["connect", *given, *flags, *more]


def test_the_option_says_whose_store_it_is(companies: Companies) -> None:
    for tenant, store_id in (("1", 10), ("2", 20)):
        done = run_in(companies.app, *words(store_id, "--tenant", tenant), input="some-token\n")
        assert done.exit_code == 0, done.output
    refused = run_in(companies.app, *words(20, "--tenant", "1"), input="some-token\n")
    assert (refused.exit_code, "--store-id: There is no store with this id." in refused.stderr) == (2, True)
    assert given_tenant() is None, "a command leaves nothing behind"


def test_without_the_option_a_host_with_tenants_refuses(companies: Companies) -> None:
    done = Context().run(run_in, companies.app, *words(10), input="some-token\n")
    assert (done.exit_code, "--tenant" in done.stderr) == (1, True)


def test_list_has_all_tenants_or_one(companies: Companies) -> None:
    for tenant, store_id in (("1", 10), ("2", 20)):
        run_in(companies.app, *words(store_id, "--tenant", tenant), input="some-token\n")
    assert "TENANT" in run_in(companies.app, "list").stdout
    listed = json.loads(run_in(companies.app, "list", "--json").stdout)["data"]
    assert [(each["id"], each["tenant"]) for each in listed] == [(1, "1"), (2, "2")]
    assert "is also connected" not in run_in(companies.app, "list").stdout, "warnings are of the store's own tenant"
    (only,) = json.loads(run_in(companies.app, "list", "--tenant", "2", "--json").stdout)["data"]
    assert only["id"] == 2


def test_the_instance_gives_the_tenant(companies: Companies) -> None:
    run_in(companies.app, *words(20, "--tenant", "2"), input="some-token\n")
    assert run_in(companies.app, "cancel", "1").exit_code == 0
    assert "tenant            2" in run_in(companies.app, "show", "1").stdout
