"""The access token is looked for everywhere, with every failure driven."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask, got_request_exception, request
from sqlalchemy import make_url, text

from bigcommerce_integration import instance_created
from bigcommerce_integration.app_state import current_state
from bigcommerce_integration.encryption import generate_key
from bigcommerce_integration.errors import RequestRefused
from bigcommerce_integration.operations.context import caller_named
from bigcommerce_integration.operations.instances.validation import require_valid
from bigcommerce_integration.web.instances.bodies import read_draft

from ..host_app import ACCESS_TOKEN, HostApp, bearer, new_instance

URL = "/api/big-commerce"
SECRETS = (ACCESS_TOKEN, ACCESS_TOKEN[:12])


@pytest.fixture
def loud_app(
    host_app: HostApp, broker: StubBroker, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> Iterator[Flask]:
    """An app that logs all it can: every logger at DEBUG, each statement with its parameters and rows."""
    caplog.set_level(logging.DEBUG)
    settings = {
        "SQLALCHEMY_ENGINE_OPTIONS": {"echo": "debug"},
        "SQLALCHEMY_RECORD_QUERIES": True,
        "PROPAGATE_EXCEPTIONS": False,
    }
    app = host_app.create_app(sqlite_url, broker=broker, settings=settings)
    app.testing = False
    app.debug = False
    host_app.create_rows(app)
    yield app
    host_app.dispose(app)


def everything_of(error: BaseException) -> str:
    """What an error reporter could collect: the chain with all frames' variables, arguments and attributes."""
    parts: list[str] = []
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        parts += traceback.TracebackException.from_exception(each, capture_locals=True).format()
        parts += [str(each), repr(each), repr(each.args), repr(vars(each))]
        pending += [each.__cause__, each.__context__]
    return "\n".join(parts)


class Watch:
    """Posts, and gathers all that came out of it but the rows."""

    def __init__(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        self.app, self.caplog = app, caplog
        self.raised: list[str] = []
        self.said: list[str] = []

    def on_exception(self, sender: Any, exception: BaseException) -> None:
        self.raised.append(everything_of(exception))

    def post(self, body: Any = None, **options: Any) -> int:
        given = {"json": new_instance() if body is None else body} if "data" not in options else {}
        with got_request_exception.connected_to(self.on_exception, self.app):
            answer = self.app.test_client().post(URL, headers=bearer(self.app), **given, **options)
        self.said += [answer.text, str(answer.headers)]
        return answer.status_code

    def assert_silent(self) -> None:
        logged = [record.getMessage() + repr(vars(record)) for record in self.caplog.records]
        errors = [everything_of(record.exc_info[1]) for record in self.caplog.records if has_error(record)]
        for place in (*self.said, *self.raised, *logged, *errors, self.caplog.text):
            assert not any(secret in place for secret in SECRETS)


def has_error(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and record.exc_info[1])


@pytest.fixture
def watch(loud_app: Flask, caplog: pytest.LogCaptureFixture) -> Watch:
    return Watch(loud_app, caplog)


def test_create_leaves_the_token_in_no_log_answer_or_message(
    watch: Watch, broker: StubBroker, sqlite_url: str, loud_app: Flask
) -> None:
    assert watch.post() == 201
    assert len([record for record in watch.caplog.records if record.name.startswith("sqlalchemy")]) > 10
    answer = loud_app.test_client().get(f"{URL}/1", headers=bearer(loud_app))
    watch.said.append(answer.text)
    watch.assert_silent()
    assert ACCESS_TOKEN.encode() not in Path(make_url(sqlite_url).database or "").read_bytes()
    for queue in broker.queues.values():
        assert ACCESS_TOKEN.encode() not in b"".join(list(queue.queue))


BODIES: list[Any] = [
    {"data": f'{{"access_token": "{ACCESS_TOKEN}", oops', "content_type": "application/json"},
    {"data": f'{{"access_token": "{ACCESS_TOKEN}\xff"'.encode("latin-1"), "content_type": "application/json"},
    {"data": f'{{"{ACCESS_TOKEN[:5]}": 1, "a": "{ACCESS_TOKEN}", "a": 2}}', "content_type": "application/json"},
    {"data": f'["{ACCESS_TOKEN}"]', "content_type": "application/json"},
    {"data": f'{{"a": "{ACCESS_TOKEN}", "b": NaN}}', "content_type": "application/json"},
    {"data": ACCESS_TOKEN, "content_type": "text/plain"},
    {"data": ACCESS_TOKEN * 5000, "content_type": "application/json"},
    {"body": new_instance(connection_settings__access_token=f"{ACCESS_TOKEN} ")},
    {"body": new_instance(connection_settings__access_token=[ACCESS_TOKEN])},
    {"body": new_instance(connection_settings=ACCESS_TOKEN)},
    {"body": new_instance(integration_settings=ACCESS_TOKEN)},
    {"body": new_instance(integration_settings__start_date=ACCESS_TOKEN)},
    {"body": new_instance(integration_settings__store_hash=ACCESS_TOKEN + "é")},
    {"body": new_instance(name="", integration_id=99)},
]


@pytest.mark.parametrize("options", BODIES)
def test_a_refused_request_does_not_show_it(watch: Watch, options: dict[str, Any]) -> None:
    assert 400 <= watch.post(**options) < 500
    assert not watch.raised
    watch.assert_silent()


@pytest.mark.parametrize("options", BODIES)
def test_a_refusal_carries_none_of_the_body_along(app: Flask, options: dict[str, Any]) -> None:
    given = {"json" if key == "body" else key: value for key, value in options.items()}
    with app.test_request_context(URL, method="POST", **given):
        error = refusal()
    if error is not None:
        assert not any(secret in everything_of(error) for secret in SECRETS)


def refusal() -> RequestRefused | None:
    """What reading the current request raises, or what its draft is refused with."""
    state = current_state()
    try:
        draft = read_draft(request, state.cipher)
        require_valid(caller_named(state, None), draft)
    except RequestRefused as error:
        return error
    return None


def boom(*args: Any, **options: Any) -> Any:
    raise RuntimeError("the host's own failure")


@pytest.mark.parametrize(
    "broken",
    [
        "bigcommerce_integration.SQLAlchemyHost.missing",
        "bigcommerce_integration.SQLAlchemyHost.name_taken",
        "bigcommerce_integration.SQLAlchemyHost.earliest_start_date",
        "bigcommerce_integration.SQLAlchemyHost.tenant",
        "bigcommerce_integration.operations.instances.connect.start_instance",
        "bigcommerce_integration.operations.instances.connect.health_of_new",
        "bigcommerce_integration.web.instances.views.instance_answer",
        "bigcommerce_integration.web.instances.views.url_for",
        "sqlalchemy.orm.Session.commit",
        "bigcommerce_integration.operations.instances.connect.inserted",
    ],
)
def test_a_failure_on_the_way_does_not_show_it(watch: Watch, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken, boom)
    assert watch.post() == 500
    assert "the host's own failure" in watch.raised[0]
    watch.assert_silent()


def test_a_failing_statement_does_not_show_it(watch: Watch, host_app: HostApp, loud_app: Flask) -> None:
    with loud_app.app_context():
        host_app.db.session.execute(
            text(
                "CREATE TRIGGER failing BEFORE INSERT ON bigcommerce_leases BEGIN "
                "SELECT RAISE(ABORT, 'a failing statement'); END"
            )
        )
        host_app.db.session.commit()
    assert watch.post() == 500
    assert "a failing statement" in watch.raised[0]
    watch.assert_silent()


def test_a_failing_receiver_does_not_show_it(watch: Watch) -> None:
    with instance_created.connected_to(boom, watch.app):
        assert watch.post() == 201
    assert any(has_error(record) for record in watch.caplog.records)
    watch.assert_silent()


def test_token_no_key_opens_is_masked_whole_and_logged(
    watch: Watch, loud_app: Flask, host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    assert watch.post() == 201
    other = host_app.create_app(
        sqlite_url, broker=broker, settings={"BIGCOMMERCE_ENCRYPTION_KEYS": [generate_key()], "SECRET_KEY": "x"}
    )
    answer = other.test_client().get(f"{URL}/1", headers=bearer(other))
    host_app.dispose(other)
    assert answer.json["data"]["connection_settings"] == {"access_token": "••••••••"}
    (record,) = [each for each in watch.caplog.records if getattr(each, "action", "") == "decrypt_token"]
    assert record.levelname == "ERROR"
    watch.assert_silent()
