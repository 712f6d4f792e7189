"""Connect BigCommerce stores to a Flask app: products and orders in its own database, and right."""

from .blueprint import create_blueprint
from .errors import BigCommerceError
from .host import Host, Missing, ProductDraft
from .models import metadata
from .signals import instance_changed, instance_created, instance_deleted, refresh_finished
from .sqlalchemy_host import SQLAlchemyHost

__all__ = [
    "BigCommerceError",
    "Host",
    "Missing",
    "ProductDraft",
    "SQLAlchemyHost",
    "create_blueprint",
    "instance_changed",
    "instance_created",
    "instance_deleted",
    "metadata",
    "refresh_finished",
]
