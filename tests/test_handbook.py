"""What the handbook says, done as it stands there; and what it lists, compared with the code."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from sqlalchemy import select

import bigcommerce_integration
from bigcommerce_integration.accounting.facts import GoodsReturn, Order, Taxed
from bigcommerce_integration.config import Config
from bigcommerce_integration.operations.accounting.reasons import AccountingReason
from bigcommerce_integration.sandbox import SandboxServer, SandboxStore
from bigcommerce_integration.sandbox.pytest_plugin import bigcommerce_sandbox, bigcommerce_sandbox_factory

from .accounting.making import item, line, made, order, refund, said
from .host_app import ENCRYPTION_KEY, JWT_SECRET_KEY, HostApp, bearer, new_instance
from .mail_sink import mail_sink
from .processes import wait_until
from .stranger import (
    BLOCKS,
    CONNECT,
    DOCS,
    HOST,
    PAGES,
    README_BROKER,
    ROOT,
    START,
    Block,
    bash,
    changed,
    code_of,
    statuses,
    stranger_in,
)
from .test_end_to_end import working

__all__ = ["bigcommerce_sandbox", "bigcommerce_sandbox_factory"]

HTTP = (DOCS / "http.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
RUN_BY = {
    ("sh", ""): "test_the_commands_work_as_typed_in, and those of the README by test_readme.py and .ci/run",
    ("sh", "clone"): ".ci/run, in a fresh copy",
    ("python", "host.py"): "test_host_code_works_as_typed_in",
    ("python", "manage.py"): "test_the_commands_work_as_typed_in, which saves it",
    ("python", "test_shop.py"): "test_the_example_of_a_test_passes",
    ("ini", "bigcommerce.service"): "test_the_service_starts_what_the_readme_starts, as systemd may not be there",
    ("python", "bigcommerce_integration/resources/customers.py"): "test_added_collection.py",
    ("diff", "bigcommerce_integration/resources/registry.py"): "test_added_collection.py",
    ("python", "tests/refresh/test_customers.py"): "test_added_collection.py",
    ("yaml", "bigcommerce.rules.yml"): "test_metrics.py",
    ("text", ""): "nothing: a drawing",
}


def test_every_block_says_how_it_is_run() -> None:
    assert {(each.language, each.place) for each in BLOCKS} == set(RUN_BY)
    assert {each.page for each in BLOCKS if each.place == "clone"} == {"README.md"}, ".ci/run looks only there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_pages(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        other = page.parent / target if target else page
        assert other.is_file(), target
        headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
        assert anchor in ("", *(re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings)), anchor


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES[1:] if f"(bigcommerce_integration/docs/{page.name})" not in readme] == []


def test_every_setting_is_listed_with_its_default() -> None:
    section = OPERATIONS.split("## Settings")[1].split("\n## ")[0]
    listed: dict[str, str] = {}
    for row in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", section, flags=re.MULTILINE):
        names = re.findall(r"`(\w+)`", row[0])
        listed.update(zip(names, (value.strip().strip("`") for value in row[1].split(",")), strict=True))
    defaults = {
        item.name.upper(): "required" if item.default is MISSING else f"{item.default}" for item in fields(Config)
    }
    assert listed == defaults


def test_every_route_is_listed(app: Flask) -> None:
    listed = {
        (method, re.sub(r"<\w+>", "<>", path))
        for method, path in re.findall(r"^\| `([A-Z]+) (\S+)`", HTTP, re.MULTILINE)
    }
    routes = {
        (method, re.sub(r"<[\w:]+>", "<>", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("bigcommerce.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed == routes


def test_every_action_is_listed(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    listed = dict(re.findall(r"^\| `([A-Z]+ \S+)` \| (?:`(\w+)`|–)", HTTP, re.MULTILINE))
    asked: list[str] = []
    is_connected = False

    def may(action: str, instance: object) -> bool:
        asked.append(action)
        return not is_connected

    app = host_app.create_app(sqlite_url, broker=broker, host=host_app.host(may=may))
    host_app.create_rows(app)
    client, headers = app.test_client(), bearer(app)
    assert client.post("/api/big-commerce", json=new_instance(), headers=headers).status_code == 201
    is_connected = True
    for route, action in listed.items():
        asked.clear()
        method, path = route.split(" ")
        answer = client.open(re.sub(r"<\w+>", "1", path), method=method, headers=headers)
        assert asked == ([action] if action else []), route
        # Lists leave out what may not be read. No worker runs here.
        expected = {"GET /api/big-commerce": 200, "GET /api/big-commerce/health": 503}
        assert answer.status_code == expected.get(route, 403 if action else 200), route
    host_app.dispose(app)


def test_quoted_messages_are_those_of_the_code() -> None:
    code = "".join(path.read_text() for path in DOCS.parent.rglob("*.py"))
    # Long texts are written in several parts.
    said = re.sub(r'"\s+f?"', "", code)
    section = OPERATIONS.split("## Troubleshooting")[1].split("\n## ")[0]
    quoted = [part.strip() for quote in re.findall(r'"([^"]+)"', section) for part in quote.split("…")]
    assert len(quoted) > 10
    assert [part for part in quoted if part not in said] == []


def test_every_public_name_is_documented() -> None:
    told = (DOCS / "host.md").read_text()
    assert [name for name in bigcommerce_integration.__all__ if name not in told] == []


def test_every_room_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)/` \|", (DOCS / "development.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(path.parent.name for path in DOCS.parent.glob("*/__init__.py"))


# -- python, typed into the README's host app --------------------------------------------------------------------------

README_BROKER_CODE = (
    ("from dramatiq.brokers.redis import RedisBroker", "from dramatiq.brokers.stub import StubBroker"),
    (f'RedisBroker(url="{README_BROKER}")', "StubBroker()"),
)
MANAGER = {"role": "manager", "company_id": 1}
FULL_ORDER = 11
ALL_COMPLETED = dict.fromkeys(("products", "orders", "refunds"), "completed")


@dataclass(frozen=True)
class TypedIn:
    """A host app made of the README's code and a block; ``names`` are those of its module."""

    names: dict[str, Any]
    app: Flask
    body: dict[str, Any]
    store: SandboxStore

    def post(self, **claims: Any) -> Any:
        """Connect the sandbox's store."""
        return self.app.test_client().post("/api/big-commerce", json=self.body, headers=self.headers(claims))

    def get(self, path: str, **claims: Any) -> Any:
        return self.app.test_client().get(f"/api/big-commerce{path}", headers=self.headers(claims))

    def headers(self, claims: Mapping[str, Any]) -> Mapping[str, str]:
        return bearer(self.app, additional_claims=MANAGER | dict(claims))

    def add(self, *rows: Any) -> None:
        with self.app.app_context():
            self.names["db"].session.add_all(rows)
            self.names["db"].session.commit()

    def completed(self) -> TypedIn:
        """The store connected, and all of it read by a worker."""
        assert self.post().status_code == 201
        self.work()
        return self

    def refreshed(self, resource: str) -> TypedIn:
        """What the store has changed read by a worker."""
        path = f"/api/big-commerce/1/{resource}/refresh"
        assert self.app.test_client().post(path, headers=self.headers({})).status_code == 202
        self.work()
        return self

    def work(self) -> None:
        with working(self.names["broker"]):
            wait_until(lambda: self.statuses() == ALL_COMPLETED, 60, "all first refreshes, the refunds last")

    def statuses(self) -> dict[str, str]:
        return {each["resource"]: each["status"] for each in self.get("/1").json["data"]["refreshes"]}

    def rows(self, statement: Any) -> list[Any]:
        with self.app.app_context():
            return list(self.names["db"].session.execute(statement).all())

    def linked(self) -> dict[str, Any]:
        """The host's products by the SKU of the variants that are linked to them."""
        variants = self.get("/1/variants?linked=true").json["data"]
        return {each["sku"]: each["host_product_id"] for each in variants}


def check_may(host: TypedIn) -> None:
    assert host.post(role="clerk").status_code == 403
    assert host.post().status_code == 201
    assert host.get("/1", role="clerk").status_code == 200
    assert host.get("/1", role="nobody").status_code == 403


def check_tenants(host: TypedIn) -> None:
    store, product = host.names["CompanyStore"], host.names["CompanyProduct"]
    host.add(store(id=1, company_id=1), product(name="Cup", sku="FE1-78", company_id=2))
    host.add(product(name="Cup", sku="FE1-78", company_id=1))
    assert host.post(company_id=2).status_code == 422
    assert host.completed().linked() == {"FE1-78": 2}
    assert host.get("/1", company_id=2).status_code == 404


def check_products(host: TypedIn) -> None:
    host.body["integration_settings"]["auto_create_products"] = True
    host.completed()
    model = host.names["StockProduct"]
    found = host.rows(select(model.sku, model.sales_price, model.warehouse_id))
    assert found
    assert all(price is not None and warehouse == 1 for _, price, warehouse in found)


def check_added(host: TypedIn) -> None:
    host.completed()
    assert host.linked() == {"FE1-78": 1}
    with host.app.app_context():
        host.names["add_products"]([("BR4-83-1", "Broom"), ("LI8-77-1", "Light")])
    with working(host.names["broker"]):
        wait_until(lambda: host.linked() == {"FE1-78": 1, "BR4-83-1": 2, "LI8-77-1": 3}, 60, "the links")


def check_keys(host: TypedIn) -> None:
    host.add(host.names["Item"](name="Cup", sku="FE1-78"))
    (key,) = host.completed().linked().values()
    assert UUID(key)


def check_sales(host: TypedIn) -> None:
    host.completed()
    model = host.names["SalesOrder"]
    orders = host.names["bigcommerce"].tables(host.names["db"]).orders
    stored = host.rows(select(orders.c.bigcommerce_id, orders.c.total_inc_tax).order_by(orders.c.bigcommerce_id))
    assert host.rows(select(model.bigcommerce_id, model.total).order_by(model.bigcommerce_id)) == stored
    assert len(stored) == 60


def check_words(host: TypedIn) -> None:
    host.completed()
    order_id = host.store.order_ids[0]
    here, word, *_ = host.get(f"/1/explain?order={order_id}").json["data"]["reasons"]
    assert (here["link"], word["message"]) == (f"/orders/{order_id}", "It goes to the books of store 1 tonight.")


def check_mails(host: TypedIn) -> None:
    host.completed()
    tables = host.names["bigcommerce"].tables(host.names["db"])

    def tick(*statements: Any) -> None:
        with host.app.app_context():
            for statement in statements:
                host.names["db"].session.execute(statement)
            host.names["db"].session.commit()
        assert host.app.test_cli_runner().invoke(args=["bigcommerce", "tick"]).exit_code == 0

    def earlier(column: Any) -> Any:
        return tables.alerts.update().values({column: datetime(2026, 1, 1)})

    with mail_sink() as sink, pytest.MonkeyPatch.context() as environment:
        environment.setenv("MAIL_SERVER", sink.address)
        tick(tables.instances.update().values(status="needs_attention", status_message="Enter a new token."))
        tick(earlier(tables.alerts.c.noticed_at))
        tick(tables.instances.update().values(status="active", status_message=None))
        tick(earlier(tables.alerts.c.gone_at))
        begun, over = [each for each in sink.mails if "Enter a new token." in each.get_payload()]
    name = host.body["name"]
    assert [each["Subject"] for each in (begun, over)] == [f"{name}: A person is needed.", f"{name}: it is over"]
    assert "Last brought up to date: 20" in begun.get_payload()


def check_tables(host: TypedIn) -> None:
    host.completed()
    with host.app.app_context():
        sold = host.names["sold_by_product"]()
    assert set(sold) == {"Cup"}
    assert sold["Cup"] > 0


def check_signals(host: TypedIn) -> None:
    host.completed()
    assert sorted(host.names["finished"]) == [1, 2, 3], "products, orders, refunds"


def check_plain(host: TypedIn) -> None:
    assert host.completed().linked() == {"FE1-78": 1, "BR4-83-1": 2}


def check_warehouse(host: TypedIn) -> None:
    host.add(host.names["Warehouse"](id=1, company_id=1))
    host.body["integration_settings"]["auto_create_products"] = True
    assert host.post(role="clerk").status_code == 403
    host.completed()
    with host.app.app_context():
        picks = host.names["pick_list"](1)
    assert any(name is not None for name, _ in picks)
    assert all(quantity > 0 for _, quantity in picks)
    pick = host.names["Pick"]
    order_ids = [order_id for (order_id,) in host.rows(select(pick.order_id).distinct().order_by(pick.order_id))]
    host.store.edit_order(order_ids[0], status_id=5)
    host.refreshed("orders")
    assert [row[0] for row in host.rows(select(pick.order_id).distinct().order_by(pick.order_id))] == order_ids[1:]


def check_pages(host: TypedIn) -> None:
    client = host.app.test_client()
    login = client.get("/big-commerce/").headers["Location"]
    assert login == "/login?next=%2Fbig-commerce%2F"
    assert client.post(login).headers["Location"] == "/big-commerce/"
    assert "No store is connected yet." in client.get("/big-commerce/").text
    assert client.post("/login?next=//evil.example").headers["Location"] == "/big-commerce/"


def check_metrics(host: TypedIn) -> None:
    host.completed()
    metrics = host.app.test_client().get("/metrics").text
    assert re.search(
        r'^bigcommerce_freshness_seconds{collection="orders",instance_id="1",store="[^"]+"} ', metrics, re.M
    )


def check_books(host: TypedIn) -> None:
    host.completed()
    documents = host.names["bigcommerce"].tables(host.names["db"]).accounting_documents
    orders = host.names["bigcommerce"].tables(host.names["db"]).orders

    def is_done() -> bool:
        assert host.app.test_cli_runner().invoke(args=["bigcommerce", "tick"]).exit_code == 0
        statuses = {status for (status,) in host.rows(select(documents.c.status).distinct())}
        return "posted" in statuses and "pending" not in statuses

    with working(host.names["broker"]):
        wait_until(is_done, 60, "the postings")
    with host.app.app_context():
        balance = host.names["trial_balance"]()
    assert balance
    assert set(balance.values()) == {0}
    line, posted = host.names["JournalLine"], documents.c.status == "posted"
    ((number, order_id), *_) = host.rows(
        select(documents.c.number, documents.c.bigcommerce_order_id)
        .where(posted, documents.c.kind == "sales_order_invoice")
        .order_by(documents.c.number)
    )
    booked = host.rows(select(line.account, line.amount).where(line.posting == f"1-document-{number}"))
    ((total, tax),) = host.rows(
        select(orders.c.total_inc_tax, orders.c.total_tax).where(orders.c.bigcommerce_id == order_id)
    )
    assert ("receivable", total) in booked
    assert tax == 0 or ("tax", -tax) in booked
    assert sum(amount for _, amount in booked) == 0


CHECKS: Mapping[str, Callable[[TypedIn], None]] = {
    "A worked example: a small journal": check_books,
    "Say who may do what": check_may,
    "Keep tenants apart": check_tenants,
    "Products that need more than a SKU and a name": check_products,
    "Say which products you have added": check_added,
    "Products whose keys are not integers": check_keys,
    "Make your own sales orders": check_sales,
    "Say what became of an order": check_words,
    "Send an e-mail when a person is needed": check_mails,
    "Read the tables": check_tables,
    "Be notified after a commit": check_signals,
    "A host without SQLAlchemy models of its own": check_plain,
    "A worked example: what the warehouse has to pick": check_warehouse,
    "Metrics for Prometheus": check_metrics,
    "Register them": check_pages,
}
HOST_BLOCKS = [each for each in BLOCKS if each.place == "host.py" and each.page != "README.md"]


def test_every_host_block_is_tried() -> None:
    assert [each.section for each in HOST_BLOCKS] == list(CHECKS)


@pytest.mark.ci
@pytest.mark.parametrize("block", HOST_BLOCKS, ids=str)
def test_host_code_works_as_typed_in(
    block: Block, bigcommerce_sandbox: SandboxServer, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SQLALCHEMY_DATABASE_URI": sqlite_url,
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
        "BIGCOMMERCE_ENCRYPTION_KEYS": json.dumps([ENCRYPTION_KEY]),
        "BIGCOMMERCE_API_URL": bigcommerce_sandbox.api_url,
    }.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    code = HOST
    for old, new in README_BROKER_CODE:
        code = changed(code, old, new)
    names: dict[str, Any] = {"__name__": "host"}
    exec(compile(code + block.code, f"host.py of {block}", "exec"), names)
    app = names["create_app"]()
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    body = json.loads(CONNECT.split("<<'JSON'\n")[1].split("\nJSON\n")[0])
    body["connection_settings"]["access_token"] = bigcommerce_sandbox.access_token
    body["integration_settings"]["store_hash"] = bigcommerce_sandbox.store_hash
    try:
        CHECKS[block.section](TypedIn(names, app, body, bigcommerce_sandbox.store))
    finally:
        with app.app_context():
            names["db"].session.remove()
            names["db"].engine.dispose()
        names["broker"].close()


@pytest.mark.slow
def test_the_example_of_a_test_passes(tmp_path: Path) -> None:
    (code,) = code_of("host.md", "python", "test_shop.py")
    (tmp_path / "test_shop.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


# -- commands, typed in beside the README's host app -------------------------------------------------------------------

# Operations come last: they end with other keys than those of the running processes.
PAGES_WITH_COMMANDS = ("http.md", "accounting.md", "refreshes.md", "privacy.md", "operations.md")


def test_the_service_starts_what_the_readme_starts() -> None:
    ((code,), commands) = code_of("operations.md", "ini", "bigcommerce.service"), START.splitlines()
    unit = ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(code)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert f"{Path(program).name} {arguments[0]}" in [each.partition(" > ")[0] for each in commands]
    assert arguments[1:] == ["--processes", "2"]


def worked_example() -> Order:
    # Its four pieces as the API would give them, with both discounts on the line.
    sold = Taxed(Decimal("62.6793"), Decimal("67.84"), Decimal("4.40"))
    one = line(11, quantity=4, total=sold, discounted_total_inc_tax=Decimal("57.84"))
    return order(
        one,
        total=Taxed(Decimal("64.53"), Decimal("69.84"), Decimal("5.31")),
        shipping=Taxed(Decimal("11.09"), Decimal("12.00"), Decimal("0.91")),
        is_tax_inclusive_pricing=True,
        discount_amount=Decimal(10),
    )


def test_the_worked_example_is_what_the_rules_say() -> None:
    [invoice, *_] = made(worked_example())
    section = (DOCS / "accounting.md").read_text().split("## A worked example")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]*) ?\| ([\d.]*) ?\|", section, re.MULTILINE)
    shown = [(role, "debit" if debit else "credit", debit or credit) for role, debit, credit in rows]
    assert (invoice.status, shown) == ("pending", said(invoice))


def test_what_follows_the_worked_example_is_what_the_rules_say() -> None:
    returned = GoodsReturn("RMA-7", date(2026, 3, 9), {11: 1})
    days = [date(2026, 3, day) for day in range(1, 10)]
    costs = {(day, 911): (Decimal("4.20"), "USD") for day in days}
    given_back = refund("14.46", "1.10", item(id=11, quantity=1))
    invoice, *others = made(worked_example(), [given_back], costs=costs, returns=[returned])
    assert {each.status for each in (invoice, *others)} == {"pending"}
    wanted = [(each.kind, f"{each.date.day} {each.date:%B}", *lines) for each in others for lines in said(each)]
    section = (DOCS / "accounting.md").read_text().split("## A worked example")[1].split("\n## ")[0]
    shown: list[tuple[str, ...]] = []
    row = re.compile(r"^\| (?:`(\w+)` \| (.+) )?\|? ?\| `(\w+)` \| ([\d.]*) ?\| ([\d.]*) ?\|$", re.MULTILINE)
    for kind, day, role, debit, credit in row.findall(section):
        first = (kind, day) if kind else shown[-1][:2]
        shown.append((*first, role, "debit" if debit else "credit", debit or credit))
    assert shown == wanted


def test_every_reason_stands_in_the_chapter_on_accounting() -> None:
    text = (DOCS / "accounting.md").read_text()
    assert [each for each in AccountingReason if f"`{each}`" not in text] == []


def test_every_page_with_commands_is_typed_in() -> None:
    pages = {each.page for each in BLOCKS if (each.language, each.place) == ("sh", "")}
    assert pages == {"README.md", *PAGES_WITH_COMMANDS}


@pytest.mark.slow
def test_the_commands_work_as_typed_in(tmp_path: Path) -> None:
    stranger = stranger_in(tmp_path)
    stranger.type_in(HOST)
    (tmp_path / "manage.py").write_text(*code_of("operations.md", "python", "manage.py"))
    ready = stranger.set_up()
    with ready.processes():
        bash(ready.connect, ready.environment, tmp_path)
        for page in PAGES_WITH_COMMANDS:
            for code in code_of(page, "sh"):
                ready.wait()
                ready.run(code)
            # It was switched on, and a refresh that begins by itself would be in the way of the next.
            ready.run("""api /1 -X PATCH -d '{"is_automatic_sync_enabled": false}'""")
        assert "is_ready: true" in ready.run("flask --app host bigcommerce check"), "with the new key alone"
    assert statuses(tmp_path / "host.db") <= {"completed", "cancelled"}
