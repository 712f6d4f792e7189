"""From a request to an answer: what the gateway checks, then the routes."""

import re
from typing import Final

from ..records.jsontext import dumps
from ..records.state import UnknownRecord
from ..store import SandboxStore
from . import answers
from .http_values import JSON, Answer, Request, Route
from .routes import catalog, orders, refunds
from .routes.paging import BadLimit

_PATH: Final = re.compile(r"/stores/([^/]+)/(v2|v3)(/.*)", re.DOTALL)


_ROUTES: Final = (
    Route("v2", r"/time", "information", lambda store, _: Answer(200, dumps({"time": int(store.now)}))),
    Route("v2", r"/store", "information", lambda store, _: Answer(200, dumps(store.information()))),
    Route("v2", r"/orders", "orders", orders.list_orders),
    Route("v2", r"/orders/count", "orders", orders.count_orders),
    Route("v2", r"/orders/(\d{1,15})", "orders", orders.get_order),
    Route("v2", r"/orders/(\d{1,15})/products", "orders", orders.list_order_products),
    Route("v2", r"/orders/(\d{1,15})/consignments", "orders", orders.get_consignments),
    Route("v2", r"/order_statuses", "orders", orders.list_statuses),
    Route("v3", r"/orders/payment_actions/refunds", "orders", refunds.list_refunds),
    Route("v3", r"/orders/payment_actions/refunds/(\d{1,15})", "orders", refunds.get_refund),
    Route("v3", r"/orders/(\d{1,15})/payment_actions/refunds", "orders", refunds.list_order_refunds),
    Route("v3", r"/catalog/products", "products", catalog.list_products),
    Route("v3", r"/catalog/products/(\d{1,15})", "products", catalog.get_product),
    Route("v3", r"/catalog/products/(\d{1,15})/variants", "products", catalog.list_product_variants),
    Route("v3", r"/catalog/variants", "products", catalog.list_variants),
    Route("v3", r"/catalog/summary", "products", catalog.summary),
)


def endpoint(request: Request) -> str:
    """The request's path with the ids taken out: what a concurrency cap counts by."""
    return re.sub(r"\d+", "#", request.path)


def answer(store: SandboxStore, request: Request) -> Answer:
    """The store's answer; each carries the rate-limit headers, but for a hash that is not this store's."""
    with store.lock:
        found = _PATH.fullmatch(request.path)
        if found is None or found[1] != store.store_hash:
            return answers.html(404)
        grant = store.quota.take()
        if grant.allowed:
            reply = _checked(store, request, found[2], found[3])
        else:
            reply = answers.rate_limited()
            if store.switches.retry_after:
                reply.headers["X-Retry-After"] = str(grant.retry_after_s)
        if store.switches.rate_limit_headers:
            reply.headers.update(grant.headers())
        return reply


def _checked(store: SandboxStore, request: Request, version: str, path: str) -> Answer:
    if path.endswith("/"):
        # I:bigcommerce/api#95, I:bigcommerce/bigcommerce-api-php#232
        return answers.v3_error(403, "Authentication Required") if version == "v3" else answers.unauthorized()
    scopes = store.apps.get(request.headers.get("x-auth-token", ""))
    if scopes is None:
        return answers.unauthorized()
    return _routed(store, request, version, path, scopes)


def _routed(store: SandboxStore, request: Request, version: str, path: str, scopes: set[str]) -> Answer:
    for route in (*_ROUTES, *store.extra_routes):
        found = route.pattern.fullmatch(path)
        if found is None or route.version != version:
            continue
        if not scopes & {f"store_v2_{route.scope}", f"store_v2_{route.scope}_read_only"}:
            return answers.scope_missing()
        if refusal := _refused(request, version):
            return refusal
        query = {name: text for name, text in request.query.items() if name not in store.switches.ignored_filters}
        try:
            return route.answer(store, query, *map(int, found.groups()))
        except UnknownRecord:
            break
        except BadLimit as error:
            return answers.error(version, 413, str(error))
        except (ValueError, OverflowError) as error:
            return answers.error(version, 400 if version == "v2" else 422, str(error))
    return answers.not_found(version)


def _refused(request: Request, version: str) -> Answer | None:
    if request.method != "GET":
        return answers.error(version, 405, "The method is not allowed.")
    if not _accepts_json(request.headers.get("accept", "*/*")):
        return answers.error(version, 406, "Only application/json can be answered.")
    if version == "v3" and request.raw_query and any(part[:1] in ("", "=") for part in request.raw_query.split("&")):
        return answers.v3_error(422, "The filter(s):  are not valid filter parameter(s).")
    return None


def _accepts_json(accept: str) -> bool:
    return any(part.partition(";")[0].strip() in (JSON, "application/*", "*/*") for part in accept.split(","))
