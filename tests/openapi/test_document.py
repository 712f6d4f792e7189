"""The document is valid, complete, and its examples are what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq.brokers.stub import StubBroker
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from ..host_app import HostApp, bearer, new_instance
from .conformance import Document

URL = "/api/big-commerce"


def routes(app: Flask) -> set[tuple[str, str]]:
    """Those of our blueprint, as the document writes them."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("bigcommerce.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_is_in_the_document_and_nothing_else(app: Flask, document: Document) -> None:
    """An ``Operation`` decorates each view."""
    assert set(document.operations) == routes(app)


def media(content: Any) -> Iterator[dict[str, Any]]:
    """All media types that are described somewhere."""
    if isinstance(content, dict):
        for name, value in content.items():
            if name == "content" and "application/json" in value:
                yield from value.values()
            yield from media(value)
    elif isinstance(content, list):
        for value in content:
            yield from media(value)


def test_every_body_and_answer_has_an_example_that_is_valid(document: Document) -> None:
    found = list(media(document.content))
    assert len(found) > len(document.operations)
    for described in found:
        examples = [described["example"]] if "example" in described else []
        examples += [each["value"] for each in described.get("examples", {}).values()]
        assert examples, described
        for example in examples:
            assert not document.problems(described["schema"], example), example


def test_every_schema_is_a_valid_schema(document: Document) -> None:
    for schema in document.content["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for described in media(document.content):
        Draft202012Validator.check_schema(described["schema"])


def nameless(part: Any, place: str) -> Iterator[str]:
    """Where something in the document lacks its description."""
    if isinstance(part, list):
        for number, inner in enumerate(part):
            yield from nameless(inner, f"{place}/{number}")
    if not isinstance(part, dict):
        return
    for name, inner in part.items():
        if name in ("properties", "parameters", "responses", "headers", "schemas"):
            named = inner if isinstance(inner, dict) else {each["name"]: each for each in inner}
            for key, value in named.items():
                is_shared = value.get("$ref", "").startswith("#/components/responses/")
                if not value.get("description") and not is_shared:
                    yield f"{place}/{name}/{key}"
                yield from nameless(value, f"{place}/{name}/{key}")
        elif name not in ("example", "examples", "links"):
            yield from nameless(inner, f"{place}/{name}")


def test_everything_in_the_document_has_a_description(document: Document) -> None:
    assert list(nameless(document.content, "")) == []
    # What is meant for the readers of the code.
    assert "``" not in repr(document.content)


def test_every_reference_leads_somewhere(document: Document) -> None:
    text = repr(document.content)
    references = set(re.findall(r"'\$ref': '#/([^']+)'", text))
    assert references
    for reference in references:
        place: Any = document.content
        for step in reference.split("/"):
            place = place[step]
    ids = [operation["operationId"] for operation in document.operations.values()]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"'operationId': '(\w+)'", text)) == set(ids)


def test_every_link_can_be_followed_from_every_answer(document: Document) -> None:
    """What a link takes along is in each answer: none of an item of a list, which may be empty."""
    found = 0
    for (path, _), operation in document.operations.items():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                for expression in link["parameters"].values():
                    found += 1
                    where, _, name = expression.removeprefix("$request.").partition(".")
                    if expression.startswith("$response.header."):
                        assert expression.rpartition(".")[2] in response["headers"], expression
                        continue
                    if where == "path":
                        assert f"{{{name}}}" in path, expression
                        continue
                    shape = response["content"]["application/json"]["schema"]
                    for step in expression.removeprefix("$response.body#/").split("/"):
                        shape = document.resolved(shape)
                        assert step in shape["required"], (path, expression)
                        shape = shape["properties"][step]
    assert found > 80


def test_every_operation_says_how_it_refuses(document: Document) -> None:
    for (path, method), operation in document.operations.items():
        if "security" in operation:
            continue
        expected = {"401", "403", "422"}
        if "{" in path:
            expected.add("404")
        if "requestBody" in operation:
            expected |= {"400", "413", "415"}
        assert expected <= set(operation["responses"]), (path, method)


def test_only_the_document_and_health_need_no_login(document: Document, client: FlaskClient) -> None:
    assert document.content["security"] == [{"jwt": []}]
    assert document.content["components"]["securitySchemes"]["jwt"]["scheme"] == "bearer"
    for (path, method), operation in document.operations.items():
        status = client.open(re.sub(r"\{\w+\}", "1", path), method=method).status_code
        assert (status == 401) is ("security" not in operation), path


@pytest.mark.parametrize("url_prefix", ["/shops", "/api/v2/big-commerce"])
def test_the_paths_are_those_of_the_app(
    url_prefix: str, host_app: HostApp, broker: StubBroker, sqlite_url: str
) -> None:
    app = host_app.create_app(sqlite_url, broker=broker, url_prefix=url_prefix)
    document = Document(app.test_client().get(f"{url_prefix}/openapi.json").json)  # type: ignore[arg-type]
    assert set(document.operations) == routes(app)
    # Behind a server that gives the app a part of its paths.
    mounted = app.test_client().get(f"{url_prefix}/openapi.json", base_url="http://localhost/erp").json
    assert mounted["servers"] == [{"url": "/erp"}]  # type: ignore[index]
    assert set(mounted["paths"]) == set(document.content["paths"])  # type: ignore[index]
    host_app.dispose(app)


def test_answers_are_what_the_document_says(document: Document, app: Flask) -> None:
    """A few of them; the whole suite's are looked at in ``tests/conftest.py``, and schemathesis asks thousands."""
    client, headers = app.test_client(), bearer(app)
    created = client.post(URL, json=new_instance(), headers=headers)
    path = created.headers["Location"]
    document.check("POST", URL, created)
    refresh_id = created.json["data"]["refreshes"][0]["id"]  # type: ignore[index]
    for method, where in (
        ("GET", path),
        ("GET", f"{path}/refreshes"),
        ("GET", f"{path}/refreshes?page=x"),
        ("GET", f"{path}/refreshes/{refresh_id}"),
        ("POST", f"{path}/products/refresh"),
        ("POST", f"{path}/refreshes/{refresh_id}/cancel"),
        ("POST", f"{path}/refreshes/{refresh_id}/cancel"),
        ("POST", f"{path}/refreshes/{refresh_id}/retry"),
    ):
        document.check(method, where.partition("?")[0], client.open(where, method=method, headers=headers))


@pytest.mark.ci
def test_an_answer_that_departs_is_found(document: Document, app: Flask) -> None:
    answer = app.test_client().post(URL, json=new_instance(), headers=bearer(app))
    data = answer.json
    assert data is not None
    data["data"]["surprise"] = 1
    answer.set_data(app.json.dumps(data))
    with pytest.raises(AssertionError, match="surprise"):
        document.check("POST", URL, answer)
    answer.status_code = 418
    with pytest.raises(AssertionError, match="418"):
        document.check("POST", URL, answer)
