"""The control API: edits, faults, switches and the truth, for a store in another process."""

import hmac
import re
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final

from ..records.jsontext import dumps
from ..records.state import UnknownRecord
from . import faults
from .http_values import Answer, Request

if TYPE_CHECKING:
    from ..store import SandboxStore
    from .http_server import SandboxServer

Values = dict[str, Any]
Handler = Callable[..., Any]


def answer(server: "SandboxServer", request: Request) -> Answer:
    """Carry out a control request; 403 without the right `X-Control-Token`."""
    token = request.headers.get("x-control-token", "")
    if not hmac.compare_digest(token.encode(), server.control_token.encode()):
        return _message(403, "X-Control-Token is missing or wrong")
    path = request.path.removeprefix("/control")
    known_path = False
    for method, pattern, handler in _ROUTES:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        known_path = True
        if method != request.method:
            continue
        try:
            result = handler(server, *map(int, found.groups()), **request.json())
        except UnknownRecord as error:
            return _message(404, str(error))
        except (ValueError, TypeError, KeyError) as error:
            return _message(400, str(error))
        return result if isinstance(result, Answer) else Answer(200, dumps(result))
    return _message(405, "the method is not allowed") if known_path else _message(404, "no such control")


def _message(status: int, text: str) -> Answer:
    return Answer(status, dumps({"message": text}))


def _overview(server: "SandboxServer") -> Values:
    store = server.store
    return {
        "api_url": server.api_url,
        "store_hash": store.store_hash,
        "access_token": store.access_token,
        "products": len(store.product_ids),
        "variants": len(store.variant_ids),
        "orders": len(store.order_ids),
        "refunds": len(store.refund_ids),
        "faults": list(faults.KINDS),
    }


def _edit(name: str) -> Handler:
    """A control that is one method of the store: the ids from the path, the fields from the body."""

    def edit(server: "SandboxServer", *ids: int, **fields: Any) -> Values:
        return {"id": getattr(server.store, name)(*ids, **fields)}

    return edit


def _requests(server: "SandboxServer") -> Values:
    newest = [
        {"method": seen.method, "path": seen.path, "query": seen.query, "status": seen.status, "when": seen.when}
        for seen in server.requests
    ]
    statuses = {str(status): count for status, count in sorted(server.requests.statuses.items())}
    counts = {"count": server.requests.count, "statuses": statuses, "most_in_flight": server.most_in_flight}
    return {**counts, "requests": newest}


def _doing(do: Callable[..., object], **then: Any) -> Handler:
    """A control that does one thing under the store's lock; it answers with what it was told, and what is so then."""

    def control(server: "SandboxServer", **values: Any) -> Values:
        with server.store.lock:
            do(server, **values)
            return {**values, **then}

    return control


def _switches(server: "SandboxServer", **values: Any) -> Values:
    with server.store.lock:
        server.store.switches.update(values)
        return server.store.switches.as_dict()


def _mutate(server: "SandboxServer", times: int = 1, seed: int = 1) -> Values:
    rng = Random(seed)
    return {"done": [server.store.mutate(rng) for _ in range(times)]}


def _faults(change: Callable[..., object]) -> Handler:
    """A control that changes the rules in force, and answers with them."""

    def control(server: "SandboxServer", **rule: Any) -> Values:
        change(server.store.faults, **rule)
        return {"faults": server.store.faults.as_dicts()}

    return control


def _order_lines(store: "SandboxStore") -> list[Any]:
    with store.lock:
        return [[order_id, *line] for order_id in store.order_ids for line in store.order_line_records(order_id)]


def _truth(records: Callable[["SandboxStore"], list[Any]]) -> Handler:
    """JSON lines, so that a big store's truth can be read as it comes."""

    def truth(server: "SandboxServer") -> Answer:
        return Answer(200, "".join([f"{dumps(each)}\n" for each in records(server.store)]), "application/x-ndjson")

    return truth


_ID: Final = r"(\d{1,15})"
_ROUTES: Final[list[tuple[str, re.Pattern[str], Handler]]] = [
    (method, re.compile(path), handler)
    for method, path, handler in (
        ("GET", "", _overview),
        ("GET", "/requests", _requests),
        ("DELETE", "/requests", _doing(lambda server: server.requests.clear())),
        ("GET", "/switches", _switches),
        ("PUT", "/switches", _switches),
        ("PUT", "/scopes", _doing(lambda server, scopes: setattr(server.store, "scopes", scopes))),
        ("PUT", "/token", lambda server, access_token=None: {"access_token": server.store.set_token(access_token)}),
        ("POST", "/apps", lambda server, scopes=None: {"access_token": server.store.add_app(scopes)}),
        ("PUT", "/quota", _doing(lambda server, quota, window_s=None: server.store.quota.set(quota, window_s))),
        ("POST", "/quota/use", _doing(lambda server, requests: server.store.use_quota(requests))),
        ("PUT", "/information", lambda server, **values: server.store.set_information(**values)),
        ("PUT", "/clock", _doing(lambda server, offset_s: setattr(server.store, "clock_offset_s", offset_s))),
        ("PUT", "/latency", _doing(lambda server, latency_ms: setattr(server, "latency_ms", latency_ms))),
        ("POST", "/pause", _doing(lambda server: server.pause(), paused=True)),
        ("POST", "/resume", _doing(lambda server: server.resume(), paused=False)),
        ("POST", "/mutate", _mutate),
        ("GET", "/faults", _faults(lambda _: None)),
        ("POST", "/faults", _faults(lambda rules, **rule: rules.put(faults.from_json(rule)))),
        ("DELETE", "/faults", _faults(lambda rules: rules.clear())),
        ("GET", "/truth/products", _truth(lambda store: store.product_records())),
        ("GET", "/truth/orders", _truth(lambda store: store.order_records())),
        ("GET", "/truth/order_lines", _truth(_order_lines)),
        ("GET", "/truth/refunds", _truth(lambda store: store.refund_records())),
        ("POST", "/products", _edit("create_product")),
        ("PATCH", f"/products/{_ID}", _edit("edit_product")),
        ("DELETE", f"/products/{_ID}", _edit("delete_product")),
        ("POST", f"/products/{_ID}/variants", _edit("create_variant")),
        ("PATCH", f"/variants/{_ID}", _edit("edit_variant")),
        ("DELETE", f"/variants/{_ID}", _edit("delete_variant")),
        ("POST", f"/variants/{_ID}/move", _edit("move_variant")),
        ("PUT", f"/variants/{_ID}/stock", _edit("set_stock")),
        ("POST", "/orders", _edit("create_order")),
        ("PATCH", f"/orders/{_ID}", _edit("edit_order")),
        ("DELETE", f"/orders/{_ID}", _edit("delete_order")),
        ("POST", f"/orders/{_ID}/archive", _edit("archive_order")),
        ("POST", f"/orders/{_ID}/restore", _edit("restore_order")),
        ("POST", f"/orders/{_ID}/lines", _edit("add_line")),
        ("PATCH", f"/orders/{_ID}/lines/{_ID}", _edit("edit_line")),
        ("DELETE", f"/orders/{_ID}/lines/{_ID}", _edit("remove_line")),
        ("POST", f"/orders/{_ID}/refunds", _edit("create_refund")),
        ("PATCH", f"/refunds/{_ID}", _edit("edit_refund")),
        ("POST", f"/refunds/{_ID}/decline", _edit("decline_payments")),
        ("DELETE", f"/refunds/{_ID}", _edit("delete_refund")),
    )
]
