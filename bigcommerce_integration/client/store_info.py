"""``GET /v2/store``: what it tells, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

from ..errors import OtherStore, Unconfirmed, UnexpectedAnswer
from ..resources.values import shortened

LONGEST_TIMEZONE = 64  # twice the longest name in the time zone database
LONGEST_TEXT = 255


@dataclass(frozen=True)
class StoreInfo:
    """What ``/v2/store`` tells (store_information.v2.yml); ``""`` for a text that it leaves out.

    ``id`` is the store's own hash, ``timezone`` a name such as ``America/Chicago``: never blank, but whether this
    machine knows the zone is for the caller to find out. Texts end after ``LONGEST_TEXT`` characters: they are
    shown, not stored.
    """

    id: str
    name: str
    timezone: str
    currency: str
    status: str
    plan_name: str
    plan_level: str


def store_info(value: object, resource: str) -> StoreInfo:
    """Read it from the answer's object; ``UnexpectedAnswer`` without a time zone, which must not be assumed."""
    fields = value if isinstance(value, dict) else {}
    zone = fields.get("timezone")
    timezone = zone.get("name") if isinstance(zone, dict) else None
    if not isinstance(timezone, str) or not timezone.strip():
        raise UnexpectedAnswer(f"There is no time zone in {resource}. Set one in the store's settings.")
    if len(timezone.strip()) > LONGEST_TIMEZONE:
        raise UnexpectedAnswer(
            f"The time zone in {resource} is a text of {len(timezone)} characters, which is the name of none. "
            "Set one in the store's settings."
        )

    def text(name: str) -> str:
        found = fields.get(name)
        return shortened(found, LONGEST_TEXT) if isinstance(found, str) else ""

    texts = {item.name: text(item.name) for item in dataclass_fields(StoreInfo) if item.name != "timezone"}
    return StoreInfo(**texts, timezone=timezone.strip())


def other_store(info: StoreInfo, store_hash: str) -> OtherStore | None:
    """What is wrong where the store names another hash than ``store_hash``; an empty one says nothing."""
    if not info.id or info.id.lower() == store_hash.lower():
        return None
    return OtherStore(
        f"What answers for store {store_hash} is another store, whose hash is {info.id[:64]!r}. Check the setting "
        "BIGCOMMERCE_API_URL and any proxy between this machine and the store."
    )


def require_own(info: StoreInfo, store_hash: str) -> StoreInfo:
    """The same, or ``Unconfirmed`` where it is another store's: a request may go astray once."""
    other = other_store(info, store_hash)
    if other is not None:
        raise Unconfirmed(
            f"{other} This may pass; it is believed when it is answered again.", verdict=other, is_own=True
        )
    return info
