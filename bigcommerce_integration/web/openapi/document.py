"""``/api/big-commerce/openapi.json``: the operations of an app in one document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apispec import APISpec
from flask import Flask, current_app, request, url_for

from ...app_state import state_of
from ...resources.values import INT64_MAX
from ...version import __version__
from . import refusals
from .fields import EACH_COLLECTION
from .fields_plugin import SchemaPlugin
from .next_steps import links_of
from .operation import RETRY_AFTER, Answer, Header, Operation
from .shapes import COLLECTION, HOST_PRODUCT_ID, ID, STRING, JSONSchema, one_of

_NAME = "/openapi.json"
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
_PARAMETER = re.compile(r"{(\w+)}")
_PARAMETERS = {
    "instance_id": "The id of the instance.",
    "refresh_id": "The id of the refresh.",
    "rejected_id": "The id of the rejected record.",
    "import_id": "The id of the link import.",
    "bigcommerce_id": "The id of the record in the store.",
    "number": "The number of the document, or of the batch.",
}
_DESCRIPTION = (
    "Connects BigCommerce stores, keeps their products and orders in the host's database, and shows what is there. "
    "Log in by the host's own JWT. An id of another tenant's instance answers as one that does not exist."
)

_SECURITY: list[dict[str, list[str]]] = [{"jwt": []}]


@dataclass(frozen=True)
class Outline:
    """What the document of an app depends on: ``operations`` by path and method, the keys of the host's products."""

    root: str
    operations: tuple[tuple[str, str, Operation], ...]
    collections: tuple[str, ...]
    key_schema: str
    key_example: int | str

    @classmethod
    def of(cls, app: Flask, endpoint: str, path: str, *, root: str = "") -> Outline:
        """Of the app that serves the document by this ``endpoint`` at ``path``, and itself at ``root``."""
        tables = state_of(app).tables
        key = tables.product_key
        return cls(
            root=root,
            operations=tuple(_operations(app, endpoint, path)),
            collections=tables.registry.names,
            key_schema=json.dumps(key.json_schema()),
            key_example=key.example(),
        )


def _operations(app: Flask, endpoint: str, path: str) -> Iterator[tuple[str, str, Operation]]:
    (own,) = app.url_map.iter_rules(endpoint)
    prefix, blueprint = own.rule.removesuffix(_NAME), endpoint.rpartition(".")[0]
    for rule in app.url_map.iter_rules():
        if rule.endpoint.rpartition(".")[0] != blueprint:
            continue
        operation: Operation | None = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is None:
            continue
        below = _VARIABLE.sub(r"{\1}", rule.rule.removeprefix(prefix))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield path.removesuffix(_NAME) + below, method, operation


@lru_cache(maxsize=16)
def document(outline: Outline) -> dict[str, Any]:
    """The document. Not to be changed."""
    spec = APISpec(
        title="BigCommerce integration",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[SchemaPlugin(outline.collections)],
        info={"description": _DESCRIPTION},
        servers=[{"url": outline.root or "/"}],
        security=_SECURITY,
    )
    spec.components.security_scheme("jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    key = json.loads(outline.key_schema) | {"description": "The key of a product of the host."}
    spec.components.schema(_named(HOST_PRODUCT_ID), key)
    names = one_of(outline.collections) | {"description": "A collection of the store that is mirrored."}
    spec.components.schema(_named(COLLECTION), names)
    for schema in refusals.NAMED:
        spec.components.schema(schema.__name__, schema=schema)
    for name, response in refusals.responses().items():
        spec.components.response(name, response)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in outline.operations:
        paths.setdefault(path, {})[method.lower()] = _described(path, operation, outline)
    for path, methods in paths.items():
        spec.path(path=path, operations=methods)
    made: dict[str, Any] = _fitted(spec.to_dict(), outline)
    return made


def _named(reference: dict[str, Any]) -> str:
    name: str = reference["$ref"].rpartition("/")[2]
    return name


def _fitted(part: Any, outline: Outline) -> Any:
    """With examples that have the keys and the collections of this app."""
    if isinstance(part, list):
        return [_fitted(inner, outline) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {}
    for name, inner in part.items():
        if name == "host_product_id" and isinstance(inner, int):
            made[name] = outline.key_example
        else:
            names = outline.collections if name == EACH_COLLECTION else (name,)
            made |= dict.fromkeys(names, _fitted(inner, outline))
    return made


def _described(path: str, operation: Operation, outline: Outline) -> dict[str, Any]:
    links = links_of(operation, [each for *_, each in outline.operations])
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [
            *map(_path_parameter, _PARAMETER.findall(path)),
            *(_header_parameter(each, STRING, is_required=False) for each in operation.headers),
            *(_header_parameter(*each, is_required=True) for each in operation.required_headers.items()),
        ],
        "responses": {str(status): _answer(answer, links) for status, answer in operation.answers.items()}
        | {str(status): name for status, name in _refusals(path, operation).items()},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.query is not None:
        described["parameters"].append({"in": "query", "schema": operation.query})
    if operation.body is not None:
        examples = {name: {"value": value} for name, value in operation.body_examples.items()}
        content = {operation.body_type: {"schema": operation.body, "examples": examples}}
        described["requestBody"] = {"required": operation.is_body_required, "content": content}
    if not operation.needs_login:
        described["security"] = [{}, *_SECURITY] if operation.tells_more else []
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    schema = ID | {"maximum": INT64_MAX}
    return {"in": "path", "name": name, "required": True, "description": _PARAMETERS[name], "schema": schema}


def _header_parameter(header: Header, shape: JSONSchema, *, is_required: bool) -> dict[str, Any]:
    name, description = header
    return {"in": "header", "name": name, "required": is_required, "description": description, "schema": shape}


def _answer(answer: Answer, links: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": answer.description,
        "content": {answer.media_type: {"schema": answer.schema, "example": answer.example}},
    }
    if answer.headers:
        described["headers"] = {
            header[0]: {"description": header[1], "required": header is not RETRY_AFTER, "schema": STRING}
            for header in answer.headers
        }
    return described | ({"links": links} if links else {})


def _refusals(path: str, operation: Operation) -> dict[int, str]:
    """Names of responses by status: those of the login, of the path's ids, of a body, and the operation's own."""
    if not operation.needs_login:
        return {each: refusals.response_name(each, validates=False) for each in (401, 422) if operation.tells_more}
    statuses = {401, 403, 422, 503, *operation.refusals}
    if _PARAMETER.search(path):
        statuses.add(404)
    if operation.body is not None:
        statuses |= {400, 413, 415}
    validates = operation.query is not None or operation.body is not None or 422 in operation.refusals
    return {status: refusals.response_name(status, validates=validates) for status in sorted(statuses)}


@Operation(
    id="getDocument",
    tag="Document",
    answers={
        200: Answer(
            "OpenAPI 3.1.",
            {"description": "The document.", "type": "object", "required": ["openapi", "info", "paths"]},
            {"openapi": "3.1.0", "info": {"title": "BigCommerce integration", "version": "0.2.0"}, "paths": {}},
        )
    },
    needs_login=False,
)
def get_openapi() -> dict[str, Any]:
    """This document."""
    path = url_for(".get_openapi").removeprefix(request.script_root)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return document(Outline.of(app, str(request.endpoint), path, root=request.script_root))
