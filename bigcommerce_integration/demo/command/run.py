"""The demo from start to end: store, host, workers, request, progress, comparison."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from dramatiq import Broker, Worker
from flask import Flask
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from ..errors import Interrupted
from ..host.app import USER_NAME, Rows, balances, close_connections, create_app, create_rows
from ..host.brokers import clear_away, make_broker, require_reachable, without_password
from ..host.company import company_products
from ..host.database import database_url, require_empty
from ..host.entrance import Entrance, entrance_of
from ..host.journal import Balance
from ..host.server import listen, serving
from ..host.settings import HostSettings
from . import summary
from .comparison import StoreRecords, compare, read_store
from .http import Api
from .processes import Sandbox, Workers, sandbox, workers
from .progress import watch
from .terminal import Terminal

# The made-up store's records go back some 400 days: what is older than this stays out, unless an order needs it.
_DAYS_BACK = 365
_OPENED_WITHIN_S = 20.0
_BOOKED_WITHIN_S = 300.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Options:
    """The command's arguments."""

    once: bool = False
    products: int = 500
    orders: int = 500
    seed: int = 1
    latency_ms: float = 0
    quota: int | None = None
    port: int = 0
    database_url: str | None = None
    broker_url: str | None = None
    worker_processes: int = 2

    def sandbox_arguments(self) -> list[str]:
        """Those that the store is started with."""
        arguments = ["--products", str(self.products), "--orders", str(self.orders), "--seed", str(self.seed)]
        arguments += ["--latency-ms", str(self.latency_ms)]
        return arguments if self.quota is None else [*arguments, "--quota", str(self.quota)]


def run(options: Options, terminal: Terminal) -> bool:
    """Whether all refreshes completed and the database is what the store is; serves on unless ``once``.

    Raises ``CannotStart`` before anything is begun, ``WentWrong`` later.
    """
    # The summary shows what could not be linked; a log in between would tear the progress bar apart.
    logging.getLogger("bigcommerce_integration").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bigcommerce-demo-")))
        url = database_url(options.database_url or f"sqlite:///{directory / 'host.db'}")
        require_empty(url)
        listener = listen(options.port)
        stack.callback(listener.close)
        if options.broker_url is not None:
            _require_broker(options.broker_url)
        terminal.print_line(f"Building a made-up store: {options.products:,} products, {options.orders:,} orders …")
        store = stack.enter_context(sandbox(options.sandbox_arguments(), directory / "sandbox.log"))
        records = read_store(store)
        settings = HostSettings(
            database_url=url.render_as_string(hide_password=False),
            api_url=store.api_url,
            broker_url=options.broker_url,
        )
        broker = make_broker(options.broker_url, settings.broker_namespace)
        stack.callback(clear_away, broker)
        app = create_app(settings, broker)
        stack.callback(close_connections, app)
        rows = create_rows(app, settings.password, company_products(records.products.values()))
        address = stack.enter_context(serving(app, listener))
        _say_where(terminal, store, address, url, options)
        scene = Scene(app, address, store, records, settings, rows, date.today() - timedelta(days=_DAYS_BACK))
        api, instance = _connect(scene, terminal)
        if not options.once:
            _invite(terminal, address, entrance_of(app))
        running = stack.enter_context(_working(options, settings, broker, directory))
        is_right = _watch_and_check(scene, terminal, running, api, instance)
        if not options.once:
            summary.curl_lines(terminal, address, settings.password, scene.request_body("Second look"))
            _serve_on(running)
            terminal.print_line()
            terminal.print_line("Stopped.")
        return is_right


@dataclass(frozen=True)
class Scene:
    """A store, and a host app that does not know it yet."""

    app: Flask
    address: str
    store: Sandbox
    records: StoreRecords
    settings: HostSettings
    rows: Rows
    start_date: date

    def request_body(self, name: str) -> dict[str, Any]:
        """What a user of the host fills in to connect the store."""
        return {
            "name": name,
            "integration_id": self.rows.integration_id,
            "connection_settings": {"access_token": self.store.access_token},
            "integration_settings": {
                "store_hash": self.store.store_hash,
                "start_date": self.start_date.isoformat(),
                "store_id": self.rows.store_id,
                "auto_link_products": True,
                "auto_create_products": True,
                "sales_nominal_code_id": self.rows.sales_nominal_code_id,
            },
        }


def _connect(scene: Scene, terminal: Terminal) -> tuple[Api, dict[str, Any]]:
    """POST; the new instance."""
    api = Api(scene.address)
    api.log_in(USER_NAME, scene.settings.password)
    instance: dict[str, Any] = api.post("/api/big-commerce", scene.request_body("Demo store"))["data"]
    terminal.heading(f"POST /api/big-commerce made instance {instance['id']}; its refreshes:")
    return api, instance


def _invite(terminal: Terminal, address: str, entrance: Entrance) -> None:
    """Show the link that logs in once; a person at a terminal has a moment to open it before the import begins."""
    terminal.print_line(f"  To watch in a browser, open this link, which logs in once: {address}{entrance.path}")
    if terminal.is_live:
        terminal.print_line(f"  The import begins when you open it, or in {_OPENED_WITHIN_S:.0f} seconds.")
        entrance.opened.wait(_OPENED_WITHIN_S)


def _watch_and_check(
    scene: Scene, terminal: Terminal, workers: Workers | None, api: Api, instance: dict[str, Any]
) -> bool:
    """Watch, and compare: the database is read by an engine of its own, not through the app."""
    path = f"/api/big-commerce/{instance['id']}/refreshes"
    watch(scene.app, terminal, instance["id"], workers)
    refreshes = sorted(api.get(f"{path}?per_page=100")["data"], key=lambda refresh: refresh["id"])
    with create_engine(scene.settings.database_url, poolclass=NullPool).connect() as connection:
        summary.print_summary(terminal, refreshes, connection, instance["id"])
        in_store = {name: len(getattr(scene.records, name)) for name in ("products", "orders", "refunds")}
        summary.print_counts(terminal, refreshes, in_store, scene.start_date)
        report = compare(connection, scene.records, instance_id=instance["id"], start_date=scene.start_date)
    summary.print_report(terminal, report)
    books = _books(scene, api, instance["id"])
    summary.print_books(terminal, *books)
    is_even = all(each.is_even for each in books[0])
    return all(refresh["status"] == "completed" for refresh in refreshes) and not report.differences and is_even


def _books(scene: Scene, api: Api, instance_id: int) -> tuple[list[Balance], list[dict[str, Any]]]:
    """The company's trial balance and what is not in its books, once all that is due was handed over."""
    path, until = f"/api/big-commerce/{instance_id}", time.monotonic() + _BOOKED_WITHIN_S
    while not _is_booked(api, path) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    with scene.app.app_context():
        return balances(), api.get(f"{path}/accounting-summary")["data"]["awaiting"]


def _is_booked(api: Api, path: str) -> bool:
    """Whether documents were made of all orders, and all is handed over but for the batches of this month."""
    figures = api.get(f"{path}/accounting-summary")["data"]
    if not figures["is_complete"] or any(
        each["status"] == "pending" and not each["is_batched"] for each in figures["awaiting"]
    ):
        return False
    # A month more, as the store's time zone may be another.
    last_month = (date.today() - timedelta(days=31)).isoformat()
    batches = api.get(f"{path}/accounting-batches?per_page=100")["data"]
    return not any(
        each["status"] == "pending" or (each["status"] == "open" and each["date"] < last_month) for each in batches
    )


def _require_broker(url: str) -> None:
    broker = make_broker(url, "bigcommerce-demo")
    require_reachable(broker, url)
    with contextlib.suppress(Exception):
        broker.close()


@contextlib.contextmanager
def _working(options: Options, settings: HostSettings, broker: Broker, directory: Path) -> Iterator[Workers | None]:
    """Workers that run meanwhile; None is a thread of this process: it lives as long as we do, and logs where we do."""
    if options.broker_url is not None:
        with workers(settings, options.worker_processes, directory / "workers.log") as processes:
            yield processes
        return
    worker = Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    try:
        yield None
    finally:
        worker.stop()


def _say_where(terminal: Terminal, store: Sandbox, address: str, url: URL, options: Options) -> None:
    terminal.print_line(f"  store     {store.api_url}")
    terminal.print_line(f"  host app  {address}")
    terminal.print_line(f"  database  {url.render_as_string(hide_password=True)}")
    if options.broker_url is None:
        running = "a thread of this process, broker in memory"
    else:
        running = f"{options.worker_processes} processes of dramatiq, broker {without_password(options.broker_url)}"
    terminal.print_line(f"  workers   {running}")


def _serve_on(workers: Workers | None) -> None:
    """Until Ctrl-C; ``WentWrong`` if the workers end before, as they all do when one is killed."""
    with contextlib.suppress(Interrupted):
        while True:
            if workers is not None:
                workers.require_alive()
            time.sleep(1)
