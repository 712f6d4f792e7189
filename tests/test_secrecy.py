"""The access token over the whole system: every failure is driven with all logging on, and the token is looked for.

In logs, answers, rows, messages, and in all that an error reporter could collect of an exception, the variables of
its frames included. Only the last four characters may be seen.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import LargeBinary, String, Table, make_url, select, text, update
from sqlalchemy.engine import Row

from bigcommerce_integration import instance_created, refresh_finished
from bigcommerce_integration.app_state import engine_of, state_of
from bigcommerce_integration.client.http import retry
from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.models import db_now
from bigcommerce_integration.models.instances import IntegrationInstance
from bigcommerce_integration.refresh.lifecycle.claim import Claimed, claim_refresh
from bigcommerce_integration.refresh.lifecycle.keys import KEYLESS
from bigcommerce_integration.refresh.read import slice as slices
from bigcommerce_integration.refresh.read.fetcher import Fetcher
from bigcommerce_integration.refresh.run import advance as advance_module
from bigcommerce_integration.sandbox import SandboxStore

from .hinting import Deaf, make_due, tick
from .host_app import ENCRYPTION_KEY, bearer
from .processes import wait_until
from .shop import ENDED, URL, Shop, opened
from .test_end_to_end import working
from .web.test_secrecy import everything_of

TOKEN = "Zq8-s3cret/token+of=the~store-Yx7W"
SEEN = TOKEN[-4:]


def forms_of(secret: str) -> set[str]:
    """The secret as it may be found: plain, encoded, without its visible end."""
    raw = secret.encode()
    encoded = {base64.b64encode(raw), base64.urlsafe_b64encode(raw), raw.hex().encode()}
    plain = {secret, secret[:-4], quote(secret, safe=""), *(each.decode().rstrip("=") for each in encoded)}
    # However the end of the base64 falls.
    return plain | {each[:-8] for each in plain if len(each) > 32}


SECRETS = forms_of(TOKEN) | {ENCRYPTION_KEY}


@dataclass
class Watch:
    """All that comes out of the system."""

    shop: Shop
    caplog: pytest.LogCaptureFixture
    said: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    def note(self, error: BaseException) -> None:
        """An exception, with everything that hangs on it."""
        self.raised.append(everything_of(error))

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """A request by the host's user."""
        answer = self.shop.app.test_client().open(path, method=method, headers=bearer(self.shop.app), **options)
        self.said += [answer.text, str(answer.headers)]
        return answer

    def post(self, **changes: Any) -> int:
        """Connect the store."""
        answer = self.ask("POST", f"{URL}?verify=false", json=self.shop.body(**changes))
        if answer.status_code == 201:
            self.shop.instances.append(answer.json["data"])
        status: int = answer.status_code
        return status

    def work(self, within_s: float = 30) -> None:
        """Let a worker try until every refresh has ended or waits."""
        with working(self.shop.broker):
            wait_until(lambda: all(is_settled(row) for row in self.shop.rows("refreshes")), within_s, "an end")
        for instance in self.shop.instances:
            self.ask("GET", f"{URL}/{instance['id']}")
            for refresh in instance["refreshes"]:
                self.ask("GET", f"{URL}/{instance['id']}/refreshes/{refresh['id']}")

    def places(self) -> Iterator[tuple[str, str]]:
        """Everything that was seen, with where."""
        for number, said in enumerate(self.said):
            yield f"answer {number}", said
        for number, raised in enumerate(self.raised):
            yield f"exception {number}", raised
        for record in self.caplog.records:
            yield f"log of {record.name}", record.getMessage() + repr(vars(record))
            if record.exc_info and record.exc_info[1]:
                yield f"logged exception of {record.name}", everything_of(record.exc_info[1])
        yield "log", self.caplog.text
        for dead in self.shop.broker.dead_letters:
            yield "dead letter", repr(dead) + dead.encode().decode()
            if getattr(dead, "_exception", None) is not None:
                yield "exception of a dead letter", everything_of(dead._exception)
        for name, queue in self.shop.broker.queues.items():
            yield f"queue {name}", b"".join(list(queue.queue)).decode()
        yield from self.columns()

    def columns(self) -> Iterator[tuple[str, str]]:
        """Every text and bytes column of every table, the host's own too."""
        db = self.shop.host_app.db
        with self.shop.app.app_context(), db.engine.connect() as connection:
            for table in db.metadata.sorted_tables:
                names = [each for each in table.columns if isinstance(each.type, String | LargeBinary)]
                if names and has_table(connection, table):
                    for row in connection.execute(select(*names)):
                        yield f"table {table.name}", text_of(row)
            path = Path(make_url(str(db.engine.url)).database or "")
        yield "database file", path.read_bytes().decode("latin-1")

    def assert_silent(self) -> None:
        """Nothing of it anywhere."""
        found = {(place, secret) for place, seen in self.places() for secret in SECRETS if secret in seen}
        assert not found


def is_settled(row: Row[Any]) -> bool:
    return row.status in ENDED or row.resume_at is not None or row.attempts > 1 or row.message == KEYLESS


def has_table(connection: Any, table: Table) -> bool:
    return bool(connection.dialect.has_table(connection, table.name))


def text_of(row: Row[Any]) -> str:
    return "\n".join(each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in row)


@pytest.fixture
def watch(
    sqlite_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, due_at_once: None
) -> Iterator[Watch]:
    """A shop in which everything is logged and each exception of the engine is noted, handled or not."""
    monkeypatch.setattr(retry, "_backoff_s", lambda attempt, random: 0.005)
    monkeypatch.setattr(slices, "HOST_TRIES", 2)
    broker = Deaf()
    broker.emit_after("process_boot")
    options = {
        "SQLALCHEMY_ENGINE_OPTIONS": {"echo": "debug", "echo_pool": "debug"},
        "SQLALCHEMY_RECORD_QUERIES": True,
        "TESTING": False,
        "PROPAGATE_EXCEPTIONS": False,
    }
    settings = {"concurrency": 2, "page_size": 5, "timeout_s": 1}
    store = SandboxStore(12, 8, access_token=TOKEN)
    with opened(sqlite_url, broker, store=store, settings=settings, options=options) as shop:
        caplog.set_level(logging.DEBUG)
        for name in ("urllib3", "sqlalchemy", "dramatiq", "bigcommerce_integration", "flask_jwt_extended"):
            caplog.set_level(logging.DEBUG, name)
        watch = Watch(shop, caplog)
        spy(monkeypatch, watch)
        yield watch
    broker.close()


def spy(monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
    settle, fail, set_back = Fetcher._settle, advance_module.fail, advance_module._Run.set_back

    def settling(self: Fetcher, fetch: Any, result: Any, error: Exception | None) -> None:
        if error is not None:
            watch.note(error)
        settle(self, fetch, result, error)

    def failing(session: Any, job: Any, error: Any, *rest: Any) -> None:
        watch.note(error)
        fail(session, job, error, *rest)

    def setting_back(run: Any, error: Any) -> Any:
        watch.note(error)
        watch.said += [repr(run), repr(run.claimed.job), repr(run.client), repr(run.slice)]
        return set_back(run, error)

    monkeypatch.setattr(Fetcher, "_settle", settling)
    monkeypatch.setattr(advance_module, "fail", failing)
    monkeypatch.setattr(advance_module._Run, "set_back", setting_back)


def test_a_success_shows_four_characters(watch: Watch) -> None:
    assert watch.post() == 201
    watch.work()
    watch.shop.assert_exact()
    assert any(f"•{SEEN}" in said or f"\\u2022{SEEN}" in said for said in watch.said)
    loggers = {record.name.split(".")[0] for record in watch.caplog.records}
    assert {"sqlalchemy", "urllib3", "dramatiq", "bigcommerce_integration"} <= loggers
    watch.assert_silent()


def test_the_search_finds_what_is_there(watch: Watch) -> None:
    """A search that finds nothing proves nothing."""
    for secret in (TOKEN, f"x{TOKEN[:-4]}", base64.b64encode(TOKEN.encode()).decode(), ENCRYPTION_KEY):
        for hide in (watch.said.append, watch.raised.append, logging.getLogger("urllib3").debug):
            hide(secret)
            with pytest.raises(AssertionError):
                watch.assert_silent()
            watch.said.clear()
            watch.raised.clear()
            watch.caplog.clear()
    watch.post()
    watch.shop.execute(update(watch.shop.tables.refreshes).values(message=TOKEN))
    with pytest.raises(AssertionError):
        watch.assert_silent()


def fault(kind: str, **options: Any) -> Callable[[Shop], None]:
    def add(shop: Shop) -> None:
        shop.store.faults.add(kind, "/v[23]/", **{"times": None, **options})

    return add


def refuse_token(shop: Shop) -> None:
    shop.store.set_token("another-token-of-the-same-store")


def no_scopes(shop: Shop) -> None:
    shop.store.scopes = set()


def stop_store(shop: Shop) -> None:
    shop.server.stop()


def lose_key(shop: Shop) -> None:
    ciphertext = TokenCipher([generate_key()]).encrypt(TOKEN)
    shop.execute(update(shop.tables.instances).values(access_token=ciphertext))


def spoil_token(shop: Shop) -> None:
    shop.execute(update(shop.tables.instances).values(access_token=b"\x00 no ciphertext"))


def drop_table(shop: Shop) -> None:
    for name in ("bigcommerce_variants", "bigcommerce_order_lines"):
        shop.execute(text(f"DROP TABLE {name}"))


def break_host(shop: Shop) -> None:
    def refuse(session: Any, instance: Any, ids: Any) -> None:
        raise RuntimeError("the host's own failure")

    host: Any = state_of(shop.app).host
    host.products_changed = host.orders_changed = refuse


FAILURES = {
    "the token is refused": refuse_token,
    "scopes are missing": no_scopes,
    "401 in the middle": fault("401", after=2),
    "429": fault("429", times=1),
    "500": fault("status", status=500),
    "a redirect": fault("redirect", headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "resets": fault("reset"),
    "cut JSON": fault("cut_json"),
    "unreachable": stop_store,
    "the key is lost": lose_key,
    "a table is gone": drop_table,
    "the host refuses": break_host,
}
MORE_FAILURES = {
    "403": fault("403"),
    "404 in HTML": fault("html", status=404),
    "422": fault("status", status=422),
    "423": fault("status", status=423, times=3),
    "429 without headers": fault("429_bare", times=1),
    "503 in HTML": fault("html", status=503),
    "cut answers": fault("cut"),
    "garbage": fault("garbage"),
    "nothing there": fault("empty_data"),
    "no answer": fault("hang", times=2),
    "the token is spoilt": spoil_token,
}


@pytest.mark.parametrize(
    "fail",
    [
        *(pytest.param(fail, id=name) for name, fail in FAILURES.items()),
        *(pytest.param(fail, id=name, marks=pytest.mark.slow) for name, fail in MORE_FAILURES.items()),
    ],
)
def test_a_failing_refresh_shows_nothing(watch: Watch, fail: Callable[[Shop], None]) -> None:
    assert watch.post() == 201
    fail(watch.shop)
    watch.work(60)
    assert watch.raised or "This process has none of the keys" in watch.caplog.text
    watch.assert_silent()


@pytest.mark.ci
@pytest.mark.parametrize("place", ["write.apply.progress.message", "job.lease.Lease.renew", "read.walker.replace"])
def test_what_nobody_expected_shows_nothing(watch: Watch, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*args: Any, **options: Any) -> Any:
        raise RuntimeError("nobody expected this")

    assert watch.post() == 201
    monkeypatch.setattr(f"bigcommerce_integration.refresh.{place}", boom)
    with working(watch.shop.broker):
        wait_until(lambda: len(watch.shop.broker.dead_letters) >= 1, 20, "an exception in an actor")
    monkeypatch.undo()
    assert "nobody expected this" in "".join(dict(watch.places()).values())
    watch.assert_silent()


def test_a_mistake_in_the_mapping_shows_nothing(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*args: Any, **options: Any) -> Any:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr("bigcommerce_integration.resources.mapping.content_hash", boom)
    assert watch.post() == 201
    watch.work()
    store = watch.shop.store
    every = [*store.product_ids, *store.order_ids, *store.refund_ids]
    assert len(watch.shop.rows("rejected_records")) == len(every)
    watch.assert_silent()


@pytest.mark.ci
def test_a_broker_that_fails_shows_nothing(watch: Watch) -> None:
    watch.shop.broker.is_deaf = True
    assert watch.post() == 201
    make_due(watch.shop)
    assert tick(watch.shop) == 0
    watch.shop.broker.is_deaf = False
    watch.work()
    watch.assert_silent()


@pytest.mark.ci
def test_receivers_that_fail_show_nothing(watch: Watch) -> None:
    def boom(sender: Any, **values: Any) -> None:
        raise RuntimeError("the receiver's own failure")

    with instance_created.connected_to(boom), refresh_finished.connected_to(boom):
        assert watch.post() == 201
        watch.work()
    assert "the receiver's own failure" in watch.caplog.text
    watch.assert_silent()


def test_a_lost_lease_shows_nothing(watch: Watch) -> None:
    watch.post()
    watch.shop.server.pause()
    leases = watch.shop.tables.leases
    with working(watch.shop.broker):
        wait_until(lambda: watch.shop.server.most_in_flight, 10, "a request")
        watch.shop.execute(update(leases).values(owner="another", epoch=99, expires_at=db_now(60)))
        watch.shop.server.resume()
        wait_until(lambda: "has passed to another worker" in watch.caplog.text, 20, "the loss")
    watch.assert_silent()


@pytest.mark.ci
@pytest.mark.parametrize(
    "token",
    [f"{TOKEN} ", f"{TOKEN}é", f"{TOKEN}\n", TOKEN * 9, [TOKEN], {"token": TOKEN}],
    ids=lambda each: str(each)[:8],
)
def test_refused_requests_show_nothing(watch: Watch, token: Any) -> None:
    assert watch.post(connection_settings__access_token=token) == 422
    assert watch.post(connection_settings__access_token=token, name="", integration_id=99) == 422
    assert watch.post(connection_settings=TOKEN) == 422
    assert watch.post(integration_settings__start_date=TOKEN) == 422
    assert watch.post() == 201
    assert watch.post() == 422, "the name is taken"
    watch.assert_silent()


def test_reprs_show_nothing(watch: Watch) -> None:
    watch.post()
    shop = watch.shop
    state = state_of(shop.app)
    with shop.app.app_context():
        engine = engine_of(state, threading.Event())
        claimed = claim_refresh(engine, shop.instances[0]["refreshes"][0]["id"])
        assert isinstance(claimed, Claimed)
        client = engine.client(claimed.job.instance, claimed.job.clock)
        row = shop.host_app.db.session.execute(select(shop.tables.instances)).one()
        cipher = state.cipher
        parts = [state, state.config, cipher, IntegrationInstance.from_row(row), engine, claimed, claimed.job]
        parts += [
            client,
            client._wire.transport,
            client._wire.transport._token,
            shop.app.extensions,
            vars(client._wire.transport),
        ]
        shown = [shown for part in parts for shown in (repr(part), str(part), f"{part}")]
        client.close()
    watch.said += shown
    assert TOKEN not in repr(vars(cipher))
    watch.assert_silent()
