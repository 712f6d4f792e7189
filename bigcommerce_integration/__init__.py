"""Connect BigCommerce stores to a Flask app: products and orders in its own database, and right."""

from .blueprint import create_blueprint
from .errors import BigCommerceError
from .host import Host, Missing, ProductDraft
from .models import metadata
from .models.instances import IntegrationInstance
from .signals import instance_changed, instance_created, instance_deleted, refresh_finished
from .sqlalchemy_host import SQLAlchemyHost
from .state import tables

__all__ = [
    "BigCommerceError",
    "Host",
    "IntegrationInstance",
    "Missing",
    "ProductDraft",
    "SQLAlchemyHost",
    "create_blueprint",
    "instance_changed",
    "instance_created",
    "instance_deleted",
    "metadata",
    "refresh_finished",
    "tables",
]
