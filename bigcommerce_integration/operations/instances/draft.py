"""An instance as the caller describes it, before it is validated against the host; and the errors in a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ...encryption import TokenCipher
from ...errors import MOST_ERRORS, Invalid


class FieldErrors(dict[str, list[str]]):
    """Messages by dotted path. ``more`` counts those that were not kept, as no answer names so many."""

    more = 0

    def note(self, path: str, messages: list[str]) -> None:
        """Keep the messages, or only count them."""
        if len(self) < MOST_ERRORS:
            self[path] = messages
        else:
            self.more += 1

    def refuse(self) -> None:
        """Raises ``Invalid`` if there are any."""
        if self:
            raise Invalid(self, more=self.more)


@dataclass(frozen=True)
class Draft:
    """The columns that are valid by themselves, and the errors of the others by dotted path.

    The token is ciphertext already: no frame from here on holds the plain one, so no traceback can show it.
    """

    columns: dict[str, Any] = field(repr=False)
    errors: FieldErrors
    # The first day of the documents that a flag lets through which the draft switches on; None is today.
    accounting_from: date | None = None


def draft_of(values: Mapping[str, Any], errors: FieldErrors, cipher: TokenCipher) -> Draft:
    """The draft of decoded values, which are nested as a request nests them."""
    own = {name: value for name, value in values.items() if name not in ("connection_settings", "integration_settings")}
    columns = own | values.get("integration_settings", {})
    token = values.get("connection_settings", {}).get("access_token")
    if token is not None:
        columns["access_token"] = cipher.encrypt(token)
    return Draft(columns, errors, columns.pop("accounting_from", None))
