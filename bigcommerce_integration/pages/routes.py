"""Which address shows which page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import login, refusals
from .views import connect, find, mapping, refreshes, settings, store, stores
from .views.accounting import batches, documents, overview
from .views.records import downloads, history, orders, refunds, rejected
from .views.variants import creation, listing, many, products, variant

if TYPE_CHECKING:
    from .blueprint import PagesBlueprint

_STORE = "/<int:instance_id>"
_BOOKS = f"{_STORE}/accounting"
_DOCUMENT = f"{_BOOKS}/documents/<int:number>"
_BATCH = f"{_BOOKS}/batches/<int:number>"
_IMPORT = f"{_STORE}/links/<int:import_id>"
_REFRESH = f"{_STORE}/refreshes/<int:refresh_id>"
Route = tuple[str, str, Callable[..., Any]]

ROUTES: tuple[Route, ...] = (
    ("/", "GET", stores.get_stores),
    ("/session", "POST", login.post_session),
    ("/session", "DELETE", login.delete_session),
    ("/connect", "GET", connect.get_connect),
    ("/connect", "POST", connect.post_connect),
    ("/find", "GET", find.get_find),
    ("/<int:instance_id>", "GET", store.get_store),
    ("/<int:instance_id>/live", "GET", store.get_live),
    ("/<int:instance_id>/settings", "GET", settings.get_settings),
    ("/<int:instance_id>/settings", "POST", settings.post_settings),
    ("/<int:instance_id>/acknowledge", "GET", store.get_acknowledge),
    ("/<int:instance_id>/acknowledge", "POST", store.post_acknowledge),
    ("/<int:instance_id>/disconnect", "GET", settings.get_disconnect),
    ("/<int:instance_id>/disconnect", "POST", settings.post_disconnect),
    ("/<int:instance_id>/refresh", "GET", refreshes.get_refresh_form),
    ("/<int:instance_id>/refresh", "POST", refreshes.post_refresh_form),
    ("/<int:instance_id>/refreshes", "GET", refreshes.get_refreshes),
    (_REFRESH, "GET", refreshes.get_refresh),
    (f"{_REFRESH}/live", "GET", refreshes.get_refresh_live),
    (f"{_REFRESH}/cancel", "POST", refreshes.post_cancel),
    (f"{_REFRESH}/retry", "POST", refreshes.post_retry),
    (f"{_REFRESH}/repair", "POST", refreshes.post_repair),
    (f"{_REFRESH}/allow-deletion", "POST", refreshes.post_allow_deletion),
    (f"{_STORE}/products", "GET", products.get_products),
    (f"{_STORE}/products.csv", "GET", downloads.get_products_file),
    (f"{_STORE}/products/<int:product_id>", "GET", products.get_product),
    (f"{_STORE}/variants", "GET", listing.get_variants),
    (f"{_STORE}/variants.csv", "GET", downloads.get_variants_file),
    (f"{_STORE}/variants/create", "GET", creation.get_creation),
    (f"{_STORE}/variants/create", "POST", creation.post_creation),
    (f"{_STORE}/variants/many", "GET", many.get_many),
    (f"{_STORE}/variants/many", "POST", many.post_many),
    (f"{_STORE}/variants/<int:variant_id>", "GET", variant.get_variant),
    (f"{_STORE}/variants/<int:variant_id>", "POST", variant.post_variant),
    (f"{_STORE}/links", "GET", mapping.get_links),
    (f"{_STORE}/links", "POST", mapping.upload_links),
    (_IMPORT, "GET", mapping.get_import),
    (f"{_IMPORT}/live", "GET", mapping.get_import_live),
    (f"{_IMPORT}.csv", "GET", mapping.get_import_file),
    (f"{_IMPORT}/apply", "POST", mapping.post_import_apply),
    (f"{_IMPORT}/undo", "POST", mapping.post_import_undo),
    (f"{_STORE}/orders", "GET", orders.get_orders),
    (f"{_STORE}/orders.csv", "GET", downloads.get_orders_file),
    (f"{_STORE}/orders/<int:order_id>", "GET", orders.get_order),
    (f"{_STORE}/orders/<int:order_id>", "POST", orders.post_order),
    (f"{_STORE}/refunds", "GET", refunds.get_refunds),
    (f"{_STORE}/refunds.csv", "GET", downloads.get_refunds_file),
    (_BOOKS, "GET", overview.get_accounting),
    (f"{_BOOKS}.csv", "GET", overview.get_accounting_summary_file),
    (f"{_BOOKS}/documents", "GET", documents.get_accounting_documents),
    (f"{_BOOKS}/documents.csv", "GET", documents.get_accounting_documents_file),
    (_DOCUMENT, "GET", documents.get_accounting_document),
    (f"{_DOCUMENT}/release", "POST", documents.post_accounting_release),
    (f"{_DOCUMENT}/retry", "POST", documents.post_accounting_retry),
    (f"{_BOOKS}/batches", "GET", batches.get_accounting_batches),
    (_BATCH, "GET", batches.get_accounting_batch),
    (f"{_BATCH}/retry", "POST", batches.post_accounting_batch_retry),
    (f"{_STORE}/rejected", "GET", rejected.get_rejected),
    (f"{_STORE}/rejected.csv", "GET", downloads.get_rejected_file),
    (f"{_STORE}/rejected/<int:rejected_id>", "GET", rejected.get_rejected_record),
    (f"{_STORE}/rejected/<int:rejected_id>/retry", "POST", rejected.post_rejected_retry),
    (f"{_STORE}/history", "GET", history.get_history),
)
"""Path below the prefix, method, view. The name of a view that reads a file as a stream begins with ``upload_``."""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def add_routes(blueprint: PagesBlueprint) -> None:
    """The routes, and the page of every other address below the prefix."""
    for path, method, view in ROUTES:
        blueprint.add_url_rule(path, view.__name__, view, methods=[method])
    # Flask gives an error of routing to the app's handlers alone, which may answer in JSON.
    blueprint.add_url_rule("/<path:_rest>", "not_found", refusals.not_found, methods=_METHODS)
