"""Host products whose keys are no integers: linked, created, decided on by hand, listed and explained as any others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import (
    CHAR,
    BigInteger,
    Column,
    LargeBinary,
    Numeric,
    String,
    TypeDecorator,
    Uuid,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql

from bigcommerce_integration.errors import ConfigError
from bigcommerce_integration.models.product_key import ProductKey, in_order, is_whole_number, key_answer, link_type
from bigcommerce_integration.sandbox import SandboxStore

from ..host_app import HostApp, bearer
from ..openapi.conformance import Document
from .conftest import Mirror, _connect
from .test_linking import add


class Hexadecimal(TypeDecorator[uuid.UUID]):
    """A UUID as text of 32 digits, as SQLAlchemy's documentation of types shows it."""

    impl = CHAR(32)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else (value if isinstance(value, uuid.UUID) else uuid.UUID(value)).hex

    def process_result_value(self, value: Any, dialect: Any) -> uuid.UUID | None:
        return None if value is None else uuid.UUID(value)


def text_key() -> str:
    return f"P-{uuid.uuid4().hex[:8]}"


def code_bases() -> Mapping[str, HostApp]:
    """By the kind of key of the host's products; each makes its own."""
    kinds: Mapping[str, tuple[Any, Callable[[], Any]]] = {
        "uuid": (Uuid(), uuid.uuid4),
        "uuid as text": (Uuid(native_uuid=False, as_uuid=False), lambda: str(uuid.uuid4())),
        "text": (String(36), text_key),
        "a type of the host's": (Hexadecimal(), uuid.uuid4),
    }
    return {
        name: HostApp(model_options={"Product": {"id": Column(kind, primary_key=True, default=make)}})
        for name, (kind, make) in kinds.items()
    }


CODE_BASES = code_bases()


@pytest.fixture(params=CODE_BASES)
def keyed(request: pytest.FixtureRequest, broker: StubBroker, database_kind: str, tmp_path: Path) -> Iterator[Any]:
    host_app = CODE_BASES[request.param]
    with host_app.databases.lent(database_kind, tmp_path) as url, ExitStack() as stack:
        yield _connect(stack, host_app, broker, url)


@pytest.mark.ci
def test_products_are_linked_created_and_decided_on(keyed: Any) -> None:
    store = SandboxStore(0, 0)
    ids = {sku: add(store, sku) for sku in ("linked", "twin", "created", "by-hand", "many")}
    mirror: Mirror = keyed(store, integration_settings__auto_create_products=True)
    keys = {sku: mirror.add_host_product(sku) for sku in ("linked", "twin")}
    mirror.add_host_product("twin")
    other = mirror.add_host_product("other")
    mirror.completed("products")
    rows = {row["sku"]: row for row in mirror.rows("variants")}
    host = mirror.host_products()
    assert (rows["linked"]["link_source"], rows["linked"]["host_product_id"]) == ("auto", keys["linked"])
    assert (rows["created"]["link_source"], host[rows["created"]["host_product_id"]]) == ("created", "created")
    assert str(key_answer(keys["twin"])) in rows["twin"]["link_conflict"]
    joined = select(func.count()).select_from(
        mirror.table("variants").join(
            mirror.host_app.Product, mirror.table("variants").c.host_product_id == mirror.host_app.Product.id
        )
    )
    assert mirror.transaction(lambda session: session.scalar(joined)) == 4

    client, headers = mirror.app.test_client(), bearer(mirror.app)
    url, other_text = f"/api/big-commerce/{mirror.instance_id}", key_answer(other)
    linked = client.post(
        f"{url}/variants/{ids['by-hand']}/link", json={"host_product_id": other_text}, headers=headers
    ).json["data"]
    assert (linked["host_product_id"], linked["link_source"]) == (other_text, "manual")
    body = [
        {"sku": "many", "host_product_id": other_text},
        {"bigcommerce_id": ids["linked"], "host_product_id": None},
    ]
    answer = client.put(f"{url}/variants/links", json=body, headers=headers)
    assert [row["host_product_id"] for row in answer.json["data"]] == [other_text, None]
    found = client.get(f"{url}/variants", query_string={"host_product_id": other_text}, headers=headers).json["data"]
    assert [row["sku"] for row in found] == ["by-hand", "many"]
    reasons = client.get(f"{url}/explain?sku=many", headers=headers).json["data"]["reasons"]
    assert reasons[0]["message"].startswith("It is linked to your product other (")
    changes = client.get(f"{url}/history", headers=headers).json["data"]
    assert str(other_text) in str(changes)

    unknown = key_answer(uuid.uuid4()) if other_text != host[other] and len(str(other_text)) == 36 else "nowhere"
    for wrong in (unknown, 7, 7.5, True, "", [], "\0", "x" * 300):
        refused = client.post(f"{url}/variants/{ids['many']}/link", json={"host_product_id": wrong}, headers=headers)
        assert (refused.status_code, set(refused.json["errors"])) == (422, {"host_product_id"}), wrong
    refused = client.get(f"{url}/variants", query_string={"host_product_id": "x" * 300}, headers=headers)
    assert set(refused.json["errors"]) == {"host_product_id"}
    # What is decided stays, and the next refresh finds nothing to change.
    before = mirror.rows("variants")
    mirror.again("products")
    assert mirror.rows("variants") == before
    assert client.delete(url, headers=headers).status_code == 202


@pytest.mark.ci
def test_the_document_says_what_a_key_is(keyed: Any) -> None:
    client = keyed().app.test_client()
    document = Document(client.get("/api/big-commerce/openapi.json").json)
    shape = document.content["components"]["schemas"]["HostProductId"]
    assert shape["type"] == "string"
    example = document.content["paths"]["/api/big-commerce/{instance_id}/variants/{bigcommerce_id}/link"]["post"]
    (given,) = example["requestBody"]["content"]["application/json"]["examples"].values()
    assert isinstance(given["value"]["host_product_id"], str)
    assert not document.problems(shape, given["value"]["host_product_id"])


def test_integers_of_any_width_keep_the_column_as_it_was() -> None:
    from sqlalchemy import Integer, SmallInteger

    for kind in (None, Integer, SmallInteger(), BigInteger().with_variant(Integer(), "sqlite")):
        assert type(link_type(kind)) is BigInteger
    assert is_whole_number(Numeric(20, 0))
    assert not is_whole_number(Hexadecimal())


@pytest.mark.parametrize("wrong", [str, "Uuid", 36, Column(Uuid())])
def test_a_key_type_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="product_key_type must be a SQLAlchemy type"):
        link_type(wrong)


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        (BigInteger(), 7, 7),
        (Uuid(), uuid.UUID(int=7), str(uuid.UUID(int=7))),
        (Uuid(as_uuid=False), str(uuid.UUID(int=7)), str(uuid.UUID(int=7))),
        (postgresql.UUID(), uuid.UUID(int=7), str(uuid.UUID(int=7))),
        (String(5), "é-1", "é-1"),
        (LargeBinary(16), b"\x00\xff", "00ff"),
        (Hexadecimal(), uuid.UUID(int=7), str(uuid.UUID(int=7))),
    ],
)
def test_a_key_goes_through_json_and_back(kind: Any, key: Any, text: Any) -> None:
    product_key = ProductKey(link_type(kind))
    assert key_answer(key) == text
    assert product_key.read(text, postgresql.dialect()) == key
    assert product_key.takes(key)
    for wrong in (None, True, 1.5, [], "", "\ud800", "x" * 256):
        with pytest.raises(ValueError, match="Must be"):
            product_key.read(wrong, postgresql.dialect())


def test_keys_have_an_order_whatever_they_are() -> None:
    assert in_order([10, 9, 10]) == [9, 10]
    assert in_order(["b", 1, "a"]) == [1, "a", "b"]


def test_host_key_of_undeclared_type_fails_the_refresh(host_app: HostApp, broker: StubBroker, sqlite_url: str) -> None:
    store = SandboxStore(0, 0)
    add(store, "A")
    with ExitStack() as stack:
        mirror = _connect(stack, host_app, broker, sqlite_url)(store)
        mirror.host.products_by_sku = lambda session, instance, skus: {"A": [uuid.UUID(int=1)]}
        mirror.run("products")
        refresh = mirror.refresh("products")
        assert refresh["status"] == "failed"
        assert "product_key_type" in refresh["message"]
        assert mirror.rows("rejected_records") == []


@pytest.mark.parametrize(
    ("model", "argument"), [("Integration", "integration"), ("Store", "store"), ("NominalCode", "nominal_code")]
)
@pytest.mark.parametrize("kind", [Uuid(), String(36)])
def test_the_contracts_own_ids_must_be_integers(model: str, argument: str, kind: Any) -> None:
    host_app = HostApp(model_options={model: {"id": Column(kind, primary_key=True)}})
    with pytest.raises(
        ConfigError, match=rf"{model}\.id .* whole number\. Name an integer column with {argument}_id=…"
    ):
        host_app.host()


def test_the_column_is_the_database_s_own_uuid(broker: StubBroker, database_url: str) -> None:
    host_app = CODE_BASES["uuid"]
    app = host_app.create_app(database_url, broker=broker)
    host_app.create_rows(app)
    with app.app_context():
        columns = {
            table: {each["name"]: each["type"] for each in inspect(host_app.db.engine).get_columns(table)}
            for table in ("product", "bigcommerce_variants")
        }
    assert repr(columns["bigcommerce_variants"]["host_product_id"]) == repr(columns["product"]["id"])
    host_app.dispose(app)
