"""Which path leads where."""

from __future__ import annotations

from flask import Blueprint

from ..errors import RequestRefused
from ..resources.base import Resource
from ..resources.registry import Registry
from .accounting import batches, decisions, documents, figures
from .explain import views as explanations
from .http.error_answers import refusal_answer
from .http.rules import Route, add_rules
from .instances import acknowledge, health, history
from .instances import views as instances
from .links import creation, imports
from .links import views as links
from .mirror import orders, products, rejected, variants
from .mirror.collection import export_view, list_view, record_view
from .openapi import document
from .refreshes import drift
from .refreshes import views as refreshes

ROUTES: tuple[Route, ...] = (
    ("/openapi.json", "GET", document.get_openapi),
    ("/health", "GET", health.get_health),
    ("", "GET", instances.list_instances),
    ("", "POST", instances.post_instance),
    ("/check", "POST", instances.check_draft),
    ("/<instance_id>", "GET", instances.get_instance),
    ("/<instance_id>", "PUT", instances.put_instance),
    ("/<instance_id>", "PATCH", instances.patch_instance),
    ("/<instance_id>", "DELETE", instances.delete_instance),
    ("/<instance_id>/check", "POST", instances.check_instance),
    ("/<instance_id>/acknowledge", "POST", acknowledge.post_acknowledge),
    ("/<instance_id>/history", "GET", history.get_history),
    ("/<instance_id>/refreshes", "GET", refreshes.get_refreshes),
    ("/<instance_id>/refreshes/<refresh_id>", "GET", refreshes.get_refresh),
    ("/<instance_id>/refreshes/<refresh_id>/cancel", "POST", refreshes.post_cancel),
    ("/<instance_id>/refreshes/<refresh_id>/retry", "POST", refreshes.post_retry),
    ("/<instance_id>/refreshes/<refresh_id>/drift", "GET", drift.get_drift),
    ("/<instance_id>/refreshes/<refresh_id>/repair", "POST", drift.post_repair),
    ("/<instance_id>/products", "GET", products.get_products),
    ("/<instance_id>/products/export.csv", "GET", products.get_products_export),
    ("/<instance_id>/products/<bigcommerce_id>", "GET", products.get_product),
    ("/<instance_id>/variants", "GET", variants.get_variants),
    ("/<instance_id>/variants/export.csv", "GET", variants.get_variants_export),
    ("/<instance_id>/products/create", "POST", creation.post_products_create),
    ("/<instance_id>/variants/links", "GET", links.get_links),
    ("/<instance_id>/variants/links", "PUT", links.put_links),
    ("/<instance_id>/variants/<bigcommerce_id>/link", "POST", links.post_link),
    ("/<instance_id>/variants/<bigcommerce_id>/link", "DELETE", links.delete_link),
    ("/<instance_id>/links/imports", "GET", imports.get_imports),
    ("/<instance_id>/links/imports", "POST", imports.post_import),
    ("/<instance_id>/links/imports/<import_id>", "GET", imports.get_import),
    ("/<instance_id>/links/imports/<import_id>/rows.csv", "GET", imports.get_import_rows),
    ("/<instance_id>/links/imports/<import_id>/apply", "POST", imports.post_import_apply),
    ("/<instance_id>/links/imports/<import_id>/undo", "POST", imports.post_import_undo),
    ("/<instance_id>/orders", "GET", orders.get_orders),
    ("/<instance_id>/orders/export.csv", "GET", orders.get_orders_export),
    ("/<instance_id>/orders/<bigcommerce_id>", "GET", orders.get_order),
    ("/<instance_id>/orders/<bigcommerce_id>/refresh", "POST", orders.post_order_refresh),
    ("/<instance_id>/orders/<bigcommerce_id>/returns", "POST", decisions.post_return),
    ("/<instance_id>/accounting-documents", "GET", documents.get_accounting_documents),
    ("/<instance_id>/accounting-documents/export.csv", "GET", documents.get_accounting_documents_export),
    ("/<instance_id>/accounting-documents/<number>", "GET", documents.get_accounting_document),
    ("/<instance_id>/accounting-documents/<number>/release", "POST", decisions.post_accounting_release),
    ("/<instance_id>/accounting-documents/<number>/retry", "POST", decisions.post_accounting_retry),
    ("/<instance_id>/accounting-batches", "GET", batches.get_accounting_batches),
    ("/<instance_id>/accounting-batches/<number>", "GET", batches.get_accounting_batch),
    ("/<instance_id>/accounting-batches/<number>/retry", "POST", decisions.post_accounting_batch_retry),
    ("/<instance_id>/accounting-summary", "GET", figures.get_accounting_summary),
    ("/<instance_id>/accounting-summary/export.csv", "GET", figures.get_accounting_summary_export),
    ("/<instance_id>/accounting-tie-out", "GET", figures.get_accounting_tie_out),
    ("/<instance_id>/explain", "GET", explanations.get_explanation),
    ("/<instance_id>/rejected", "GET", rejected.get_rejected),
    ("/<instance_id>/rejected/export.csv", "GET", rejected.get_rejected_export),
    ("/<instance_id>/rejected/<rejected_id>/retry", "POST", rejected.post_rejected_retry),
)
"""Path below the prefix, method, view; a variable in ``<…_id>`` is the digits of an id."""


def routes(registry: Registry) -> tuple[Route, ...]:
    """All routes of an app with these collections."""
    own = {path for path, *_ in ROUTES}
    found = list(ROUTES)
    for each in registry:
        path = f"/<instance_id>/{each.name}"
        if each.reader is not None:
            found.append((f"{path}/refresh", "POST", refreshes.starter(each.name)))
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
