"""What the client asks for exists in the OpenAPI files that BigCommerce publishes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from bigcommerce_integration.client.api import IdRange, StoreClient
from bigcommerce_integration.errors import StoreError
from bigcommerce_integration.resources.base import DateFilter
from bigcommerce_integration.resources.orders import ORDERS
from bigcommerce_integration.resources.products import PRODUCTS

from .tiny_server import answer, serving

SPECS = Path(__file__).parents[2].parent / "shared" / "bigcommerce-openapi"
FILES = ("catalog/products_catalog.v3.yml", "orders.v2.oas2.yml", "store_information.v2.yml")
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
SINCE, UNTIL = datetime(2025, 1, 15, 0, 3, 17), datetime(2025, 2, 1)
MODIFIED, BOTH = DateFilter(modified_since=SINCE, modified_until=UNTIL), DateFilter(SINCE, UNTIL, SINCE, UNTIL)

pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="the published OpenAPI files are not beside this checkout")

QUESTIONS: dict[str, Callable[[StoreClient], object]] = {
    "store_info": lambda client: client.store_info(),
    "highest_product_id": lambda client: client.highest(PRODUCTS, MODIFIED),
    "highest_order_id": lambda client: client.highest(ORDERS, BOTH),
    "count_orders": lambda client: client.count(ORDERS, BOTH),
    "products": lambda client: client.page(PRODUCTS, IdRange(5, 900), limit=250, dates=MODIFIED),
    "products_by_id": lambda client: client.by_ids(PRODUCTS, range(10**9, 10**9 + 250)),
    "orders": lambda client: client.page(ORDERS, IdRange(5, 900), limit=250, dates=BOTH),
    "one order": lambda client: client.page(ORDERS, IdRange(5, 5), limit=250),
    "order": lambda client: client.order(7),
    "order_lines": lambda client: client.order_lines(7, 2),
}


@cache
def operations() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Each GET path as a pattern, with the schemas of its query parameters."""
    found = []
    for name in FILES:
        spec = yaml.load((SPECS / name).read_text(), yaml.BaseLoader)
        version = "v3" if ".v3." in name else "v2"
        for path, item in spec["paths"].items():
            if "get" not in item:
                continue
            parameters = [*item.get("parameters", []), *item["get"].get("parameters", [])]
            resolved = [resolve(spec, parameter) for parameter in parameters]
            pattern = re.compile(f"/stores/abc123/{version}" + re.sub(r"\{\w+\}", r"[0-9]+", path))
            queries = {each["name"]: each for each in resolved if each["in"] == "query"}
            found.append((pattern, {key: resolve(spec, each.get("schema", {})) for key, each in queries.items()}))
    return found


def resolve(spec: Any, part: Any) -> Any:
    """A part of the spec with its references put in place."""
    if isinstance(part, list):
        return [resolve(spec, each) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = spec
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolve(spec, target)
    return {key: resolve(spec, value) for key, value in part.items()}


def problems(schema: dict[str, Any], name: str, text: str) -> list[str]:
    """Why a value does not fit its schema."""
    kind, value = schema.get("type"), text
    parts: list[Any] = text.split(",") if kind == "array" else [text]
    items = schema.get("items", {}) if kind == "array" else schema
    found = []
    for part in parts:
        if items.get("type") in {"integer", "number"}:
            if not re.fullmatch(r"-?[0-9]+", part):
                found.append(f"{name}: {part} is no number")
            elif "maximum" in items and int(part) > int(items["maximum"]):
                found.append(f"{name}: {part} is too large")
            continue
        allowed = {key: items[key] for key in ("enum",) if key in items}
        # The direction of a V2 sort is put behind the field, as its description says; the enum has the fields only.
        checked = part.removesuffix(":asc").removesuffix(":desc") if name == "sort" else part
        found += [error.message for error in Draft202012Validator(allowed).iter_errors(checked)]
    return found if value else [f"{name} is empty"]


@pytest.mark.ci
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_parameter_exists_and_has_a_valid_value(name: str) -> None:
    with serving(answer(503)) as server:
        transport = server.transport()
        with pytest.raises(StoreError):
            QUESTIONS[name](StoreClient(transport))
        transport.close()
    assert len(server.heads) == 1, "each method is one request"
    target = server.heads[0].split(" ")[1]
    parts = urlsplit(target)
    assert len(target) < 4000
    assert not parts.path.endswith("/")
    known = [parameters for pattern, parameters in operations() if pattern.fullmatch(parts.path)]
    assert known, f"{parts.path} is no path of the API"
    for key, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        assert key in known[0], f"{key} is no parameter of {parts.path}"
        assert problems(known[0][key], key, value) == []


def test_the_check_itself_notices() -> None:
    assert problems({"type": "integer", "maximum": "250"}, "limit", "251")
    assert problems({"type": "array", "items": {"enum": ["variants"]}}, "include", "variants,lies")
    assert problems({"type": "string", "enum": ["asc"]}, "direction", "up")
    assert problems({"type": "integer"}, "id:min", "x")
