"""Connect BigCommerce stores to a Flask app: products and orders in its own database, and right."""

from .app_state import tables
from .blueprint import create_blueprint
from .errors import BigCommerceError
from .host.port import Host, Missing, ProductDraft
from .host.sqlalchemy import SQLAlchemyHost
from .models import metadata
from .models.instances import IntegrationInstance
from .signals import instance_changed, instance_created, instance_deleted, refresh_finished
from .version import __version__

__all__ = [
    "BigCommerceError",
    "Host",
    "IntegrationInstance",
    "Missing",
    "ProductDraft",
    "SQLAlchemyHost",
    "__version__",
    "create_blueprint",
    "instance_changed",
    "instance_created",
    "instance_deleted",
    "metadata",
    "refresh_finished",
    "tables",
]
