"""Judge answers by the document: which operation they are of, and whether they are what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True)
class Document:
    """An OpenAPI 3.1 document."""

    content: dict[str, Any]

    @cached_property
    def operations(self) -> dict[tuple[str, str], dict[str, Any]]:
        """By path and method, in capitals."""
        return {
            (path, method.upper()): item[method]
            for path, item in self.content["paths"].items()
            for method in METHODS
            if method in item
        }

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], str]]:
        """The fixed ones first: a rule without parameters wins."""
        made = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in self.content["paths"]]
        return sorted(made, key=lambda item: item[1].count("{"))

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that answers there, if there is one."""
        template = next((template for pattern, template in self._paths if pattern.fullmatch(path)), None)
        return None if template is None else self.operations.get((template, method))

    def response(self, operation: dict[str, Any], status: int) -> dict[str, Any]:
        """What it says of answers with this status."""
        described = operation["responses"].get(str(status))
        assert described is not None, f"{operation['operationId']} does not tell of answers with status {status}."
        if "$ref" in described:
            described = self.content["components"]["responses"][described["$ref"].rpartition("/")[2]]
        return described  # type: ignore[no-any-return]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, where this one only refers to it."""
        if "$ref" not in schema:
            return schema
        return self.content["components"]["schemas"][schema["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]

    def problems(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Where a value departs from a schema of the document."""
        if self._quick(json.dumps(schema)).is_valid(value):
            return []
        validator = Draft202012Validator(self._whole(schema), format_checker=FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def _whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with all that it may refer to."""
        dialect = Draft202012Validator.META_SCHEMA["$id"]
        return {"$schema": dialect, "components": self.content["components"], "allOf": [schema]}

    @cached_property
    def _quick(self) -> Callable[[str], jsonschema_rs.Validator]:
        """The same judgement of a schema in a hundredth of the time; what departs, and how, the other one says."""
        return cache(lambda schema: jsonschema_rs.validator_for(self._whole(json.loads(schema)), validate_formats=True))

    def check(self, method: str, path: str, response: Any) -> None:
        """Raises ``AssertionError`` for an answer that departs from the document; ours, and of a documented route."""
        operation = self.operation(method, path)
        if operation is None:
            return
        described = self.response(operation, response.status_code)
        name = f"{operation['operationId']} {response.status_code}"
        ((media_type, content),) = described["content"].items()
        assert response.mimetype == media_type, name
        value = json.loads(response.get_data()) if media_type == "application/json" else response.get_data(as_text=True)
        assert not (problems := self.problems(content["schema"], value)), (name, problems)
        for header, rule in described.get("headers", {}).items():
            assert not rule["required"] or header in response.headers, (name, header)
