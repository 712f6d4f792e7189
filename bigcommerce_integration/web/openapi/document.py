"""Put the subjects together into one document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from apispec import APISpec

from ...models.product_key import ProductKey
from ...resources.registry import Registry
from ...version import __version__
from ..mirror.row_answers import LINK
from . import (
    of_checks,
    of_document,
    of_explanations,
    of_instances,
    of_links,
    of_mirror,
    of_refreshes,
    of_rejected,
    refusals,
)
from .fields_plugin import marshmallow_plugin
from .next_steps import links_of
from .operation import Answer, Operation, Route, Subject
from .shapes import COLLECTION_NAME, HOST_PRODUCT_ID, PAGINATION, one_of, told

SUBJECTS: tuple[Subject, ...] = (
    of_instances.SUBJECT,
    of_checks.SUBJECT,
    of_refreshes.SUBJECT,
    of_mirror.SUBJECT,
    of_links.SUBJECT,
    of_rejected.SUBJECT,
    of_explanations.SUBJECT,
    of_document.SUBJECT,
)
OPERATIONS: Mapping[Route, Operation] = {
    route: operation for subject in SUBJECTS for route, operation in subject.operations.items()
}

_INT64_MAX = 2**63 - 1
_PARAMETER = re.compile(r"<(\w+)>")
_DESCRIPTION = (
    "Connects BigCommerce stores, keeps their products and orders in the host's database, and shows what is there. "
    "Log in by the host's own JWT. An id of another tenant's instance answers as one that does not exist."
)


@dataclass(frozen=True)
class KeyShape:
    """The JSON Schema of a key of the host's products, as text, and an example."""

    schema: str
    example: int | str

    @classmethod
    def of(cls, key: ProductKey) -> KeyShape:
        """Of those of an app."""
        return cls(json.dumps(key.json_schema()), key.example())


@cache
def document(prefix: str, root: str, key: KeyShape, registry: Registry) -> dict[str, Any]:
    """The document of a blueprint at ``prefix``, in an app that is served at ``root``. Not to be changed.

    ``key`` is what a key of the host's products looks like there, ``registry`` what is mirrored.
    """
    spec = APISpec(
        title="BigCommerce integration",
        version=__version__,
        openapi_version="3.1.0",
        plugins=[marshmallow_plugin()],
        info={"description": _DESCRIPTION},
        servers=[{"url": root or "/"}],
        security=[{"jwt": []}],
    )
    spec.components.security_scheme("jwt", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    key_schema = told(json.loads(key.schema), "The key of a product of the host.")
    shapes = {
        "Pagination": PAGINATION,
        HOST_PRODUCT_ID: key_schema,
        COLLECTION_NAME: one_of(registry.names),
        **refusals.SCHEMAS,
    }
    for name, shape in (*shapes.items(), *(item for subject in SUBJECTS for item in subject.schemas.items())):
        spec.components.schema(name, shape)
    for name, response in refusals.responses().items():
        spec.components.response(name, response)
    paths: dict[str, dict[str, Any]] = {}
    for (rule, method), operation in OPERATIONS.items():
        paths.setdefault(prefix + _PARAMETER.sub(r"{\1}", rule), {})[method.lower()] = _described(rule, operation)
    for path, methods in paths.items():
        spec.path(path=path, operations=methods)
    made: dict[str, Any] = _with_keys(spec.to_dict(), key.example)
    return made


def _with_keys(part: Any, example: int | str) -> Any:
    """The examples with a key that this app can have."""
    if isinstance(part, dict):
        return {
            name: example if name == LINK and isinstance(inner, int) else _with_keys(inner, example)
            for name, inner in part.items()
        }
    return [_with_keys(inner, example) for inner in part] if isinstance(part, list) else part


def _described(rule: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*map(_path_parameter, _PARAMETER.findall(rule)), *map(dict, operation.headers)],
        "responses": {
            str(status): _answer(answer, links_of(operation.id)) for status, answer in operation.answers.items()
        }
        | {str(status): name for status, name in _refusals(rule, operation).items()},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.query is not None:
        described["parameters"].append({"in": "query", "schema": operation.query})
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": {
                "application/json": {
                    "schema": operation.body,
                    "examples": {name: {"value": value} for name, value in operation.body_examples.items()},
                }
            },
        }
    if not operation.needs_login:
        described["security"] = []
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": _INT64_MAX}
    return {"in": "path", "name": name, "required": True, "schema": schema}


def _answer(answer: Answer, links: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": answer.description,
        "content": {"application/json": {"schema": answer.schema, "example": answer.example}},
    }
    if answer.headers:
        described["headers"] = {name: {"required": True, "schema": schema} for name, schema in answer.headers.items()}
    if links:
        described["links"] = links
    return described


def _refusals(rule: str, operation: Operation) -> dict[int, str]:
    """Names of responses by status: those of the login, of the path's ids, of a body, and the operation's own."""
    if not operation.needs_login:
        return {}
    statuses = {401, 403, 503, *operation.refusals}
    if _PARAMETER.search(rule):
        statuses.add(404)
    if operation.body is not None:
        statuses |= {400, 413, 415}
    validates = operation.query is not None or operation.body is not None or 422 in statuses
    found = {status: refusals.response_name(status) for status in sorted(statuses)}
    return found | {422: "Invalid" if validates else refusals.BAD_JWT}
