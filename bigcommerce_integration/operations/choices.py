"""What the host offers to choose from when a store is connected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .context import Caller

Choice = tuple[int, str]


@dataclass(frozen=True)
class Choices:
    """Ids with names; None where the host does not say what there is, so that a person types the id."""

    integrations: Sequence[Choice] | None
    stores: Sequence[Choice] | None
    nominal_codes: Sequence[Choice] | None


def choices(caller: Caller) -> Choices:
    """Those of the caller's tenant; the methods of the host are optional."""
    return Choices(*(_offered(caller, name) for name in ("integrations", "stores", "nominal_codes")))


def _offered(caller: Caller, name: str) -> Sequence[Choice] | None:
    offer = getattr(caller.state.host, name, None)
    found = offer(caller.session) if callable(offer) else None
    return None if found is None else [(int(key), str(text)) for key, text in found]
