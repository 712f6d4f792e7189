"""Which path leads where."""

from __future__ import annotations

from flask import Blueprint

from ..errors import RequestRefused
from ..resources.base import Resource
from ..resources.registry import Registry
from .accounting.batches import get_accounting_batch, get_accounting_batches
from .accounting.decisions import (
    post_accounting_batch_retry,
    post_accounting_release,
    post_accounting_retry,
    post_return,
)
from .accounting.documents import (
    get_accounting_document,
    get_accounting_documents,
    get_accounting_documents_export,
)
from .accounting.figures import get_accounting_summary, get_accounting_summary_export, get_accounting_tie_out
from .explain.views import get_explanation
from .http.error_answers import refusal_answer
from .http.rules import Route, add_rules
from .instances.acknowledge import post_acknowledge
from .instances.health import get_health
from .instances.history import get_history
from .instances.views import (
    check_draft,
    check_instance,
    delete_instance,
    get_instance,
    list_instances,
    patch_instance,
    post_instance,
    put_instance,
)
from .links.creation import post_products_create
from .links.imports import (
    get_import,
    get_import_rows,
    get_imports,
    post_import,
    post_import_apply,
    post_import_undo,
)
from .links.views import delete_link, get_links, post_link, put_links
from .mirror.collection import export_view, list_view, record_view
from .mirror.orders import get_order, get_orders, get_orders_export, post_order_refresh
from .mirror.products import get_product, get_products, get_products_export
from .mirror.rejected import get_rejected, get_rejected_export, post_rejected_retry
from .mirror.variants import get_variants, get_variants_export
from .openapi.document import get_openapi
from .refreshes.drift import get_drift, post_repair
from .refreshes.views import (
    get_refresh,
    get_refreshes,
    post_cancel,
    post_retry,
    starter,
)

ROUTES: tuple[Route, ...] = (
    ("/openapi.json", "GET", get_openapi),
    ("/health", "GET", get_health),
    ("", "GET", list_instances),
    ("", "POST", post_instance),
    ("/check", "POST", check_draft),
    ("/<instance_id>", "GET", get_instance),
    ("/<instance_id>", "PUT", put_instance),
    ("/<instance_id>", "PATCH", patch_instance),
    ("/<instance_id>", "DELETE", delete_instance),
    ("/<instance_id>/check", "POST", check_instance),
    ("/<instance_id>/acknowledge", "POST", post_acknowledge),
    ("/<instance_id>/history", "GET", get_history),
    ("/<instance_id>/refreshes", "GET", get_refreshes),
    ("/<instance_id>/refreshes/<refresh_id>", "GET", get_refresh),
    ("/<instance_id>/refreshes/<refresh_id>/cancel", "POST", post_cancel),
    ("/<instance_id>/refreshes/<refresh_id>/retry", "POST", post_retry),
    ("/<instance_id>/refreshes/<refresh_id>/drift", "GET", get_drift),
    ("/<instance_id>/refreshes/<refresh_id>/repair", "POST", post_repair),
    ("/<instance_id>/products", "GET", get_products),
    ("/<instance_id>/products/export.csv", "GET", get_products_export),
    ("/<instance_id>/products/<bigcommerce_id>", "GET", get_product),
    ("/<instance_id>/variants", "GET", get_variants),
    ("/<instance_id>/variants/export.csv", "GET", get_variants_export),
    ("/<instance_id>/products/create", "POST", post_products_create),
    ("/<instance_id>/variants/links", "GET", get_links),
    ("/<instance_id>/variants/links", "PUT", put_links),
    ("/<instance_id>/variants/<bigcommerce_id>/link", "POST", post_link),
    ("/<instance_id>/variants/<bigcommerce_id>/link", "DELETE", delete_link),
    ("/<instance_id>/links/imports", "GET", get_imports),
    ("/<instance_id>/links/imports", "POST", post_import),
    ("/<instance_id>/links/imports/<import_id>", "GET", get_import),
    ("/<instance_id>/links/imports/<import_id>/rows.csv", "GET", get_import_rows),
    ("/<instance_id>/links/imports/<import_id>/apply", "POST", post_import_apply),
    ("/<instance_id>/links/imports/<import_id>/undo", "POST", post_import_undo),
    ("/<instance_id>/orders", "GET", get_orders),
    ("/<instance_id>/orders/export.csv", "GET", get_orders_export),
    ("/<instance_id>/orders/<bigcommerce_id>", "GET", get_order),
    ("/<instance_id>/orders/<bigcommerce_id>/refresh", "POST", post_order_refresh),
    ("/<instance_id>/orders/<bigcommerce_id>/returns", "POST", post_return),
    ("/<instance_id>/accounting-documents", "GET", get_accounting_documents),
    ("/<instance_id>/accounting-documents/export.csv", "GET", get_accounting_documents_export),
    ("/<instance_id>/accounting-documents/<number>", "GET", get_accounting_document),
    ("/<instance_id>/accounting-documents/<number>/release", "POST", post_accounting_release),
    ("/<instance_id>/accounting-documents/<number>/retry", "POST", post_accounting_retry),
    ("/<instance_id>/accounting-batches", "GET", get_accounting_batches),
    ("/<instance_id>/accounting-batches/<number>", "GET", get_accounting_batch),
    ("/<instance_id>/accounting-batches/<number>/retry", "POST", post_accounting_batch_retry),
    ("/<instance_id>/accounting-summary", "GET", get_accounting_summary),
    ("/<instance_id>/accounting-summary/export.csv", "GET", get_accounting_summary_export),
    ("/<instance_id>/accounting-tie-out", "GET", get_accounting_tie_out),
    ("/<instance_id>/explain", "GET", get_explanation),
    ("/<instance_id>/rejected", "GET", get_rejected),
    ("/<instance_id>/rejected/export.csv", "GET", get_rejected_export),
    ("/<instance_id>/rejected/<rejected_id>/retry", "POST", post_rejected_retry),
)
"""Path below the prefix, method, view; a variable in ``<…_id>`` is the digits of an id."""


def routes(registry: Registry) -> tuple[Route, ...]:
    """All routes of an app with these collections."""
    own = {path for path, *_ in ROUTES}
    found = list(ROUTES)
    for each in registry:
        path = f"/<instance_id>/{each.name}"
        if each.reader is not None:
            found.append((f"{path}/refresh", "POST", starter(each.name)))
        if path not in own:
            found += [
                (path, "GET", list_view(each, but=_within(each))),
                (f"{path}/export.csv", "GET", export_view(each)),
                (f"{path}/<bigcommerce_id>", "GET", record_view(each)),
            ]
    return tuple(found)


def _within(resource: Resource) -> str:
    """What the list of a collection leaves out, for the document."""
    return f", without their {' and '.join(each.shown_as for each in resource.children)}" if resource.children else ""


def add_routes(blueprint: Blueprint, registry: Registry) -> None:
    """The routes, and the answers to what they refuse."""
    blueprint.register_error_handler(RequestRefused, refusal_answer)
    blueprint.record(lambda state: add_rules(state, routes(registry)))
