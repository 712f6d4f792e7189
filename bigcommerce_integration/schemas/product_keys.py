"""Keys of the host's products in requests: an integer, or the text of whatever else the app has."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import ValidationError

from ..app_state import current_state
from ..models.product_key import Key
from . import fields
from .query import QueryInteger


class HostProductId(fields.StrictField):
    """A key as the current app's products have them."""

    shape: ClassVar = {"$ref": "#/components/schemas/HostProductId"}

    def read(self, value: Any) -> Key:
        state = current_state()
        try:
            return state.tables.product_key.read(value, state.db.engine.dialect)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class QueryHostProductId(HostProductId):
    """The same in the query string, where an integer is written in digits."""

    def read(self, value: Any) -> Key:
        if current_state().tables.product_key.is_integer:
            return QueryInteger().read(value)
        return super().read(value)
