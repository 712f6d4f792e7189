"""Connect BigCommerce stores to a Flask app: products and orders in its own database, and right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .accounting.postings import AccountingBatch, AccountingDocument, AccountingLine, AccountingMemo
    from .app_state import tables
    from .blueprint import create_blueprint
    from .errors import BigCommerceError
    from .host.port import AccountingHost, Attention, AttentiveHost, Host, Missing, ProductDraft
    from .host.sqlalchemy import SQLAlchemyHost
    from .models import metadata
    from .models.instances import IntegrationInstance
    from .operations.links.added import products_added
    from .pages.blueprint import create_pages
    from .signals import instance_changed, instance_created, instance_deleted, refresh_finished
else:
    _ROOMS = {
        "AccountingBatch": "accounting.postings",
        "AccountingDocument": "accounting.postings",
        "AccountingHost": "host.port",
        "AccountingLine": "accounting.postings",
        "AccountingMemo": "accounting.postings",
        "Attention": "host.port",
        "AttentiveHost": "host.port",
        "BigCommerceError": "errors",
        "Host": "host.port",
        "IntegrationInstance": "models.instances",
        "Missing": "host.port",
        "ProductDraft": "host.port",
        "SQLAlchemyHost": "host.sqlalchemy",
        "create_blueprint": "blueprint",
        "create_pages": "pages.blueprint",
        "instance_changed": "signals",
        "instance_created": "signals",
        "instance_deleted": "signals",
        "metadata": "models",
        "products_added": "operations.links.added",
        "refresh_finished": "signals",
        "tables": "app_state",
    }

    def __getattr__(name):
        """Import a public name when it is first asked for.

        pytest loads the stand-in store's fixtures in every test run where the package is installed, before the host
        can patch or filter anything: Flask, SQLAlchemy and Dramatiq are not to come with them.
        """
        from importlib import import_module

        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
        return value


__all__ = [
    "AccountingBatch",
    "AccountingDocument",
    "AccountingHost",
    "AccountingLine",
    "AccountingMemo",
    "Attention",
    "AttentiveHost",
    "BigCommerceError",
    "Host",
    "IntegrationInstance",
    "Missing",
    "ProductDraft",
    "SQLAlchemyHost",
    "__version__",
    "create_blueprint",
    "create_pages",
    "instance_changed",
    "instance_created",
    "instance_deleted",
    "metadata",
    "products_added",
    "refresh_finished",
    "tables",
]
