"""People in orders: every place where one is spoken of, and markers to be planted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

SECRET = "Marker-7f3a"
"""What is planted, and may be found nowhere."""

_ADDRESS = "first_name last_name company street_1 street_2 city state zip country country_iso2 phone email form_fields"
_OF_LINES = "wrapping_message configurable_fields event_date"
_PLACES = {
    "": "billing_address ip_address ip_address_v6 geoip_country geoip_country_iso2 customer_message staff_notes "
    "is_email_opt_in",
    "consignments.shipping.": _ADDRESS,
    "consignments.downloads.": "recipient_email",
    "consignments.email.gift_certificates.": "recipient_email",
    "consignments.pickups.": "collection_instructions collection_time_description",
    "consignments.pickups.location.": "address_line_1 address_line_2 city state postal_code country_alpha2 email phone",
}


def line_paths() -> list[str]:
    """Where lines are embedded."""
    kinds = ("shipping", "pickups", "downloads", "email.gift_certificates")
    return [f"consignments.{kind}.line_items" for kind in kinds]


PERSONAL = {f"{path}{name}" for path, names in _PLACES.items() for name in names.split()} | {
    f"{path}.{name}" for path in line_paths() for name in _OF_LINES.split()
}
"""The path of each field about a person, as the handbook lists them."""

# Any but one that is kept where it is known: nothing in the API begins so.
_unknown_names = st.sampled_from(["email", "address", "shopper", "phone", ""]).map("new_{}".format)
_markers = st.recursive(
    st.just(SECRET),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.sampled_from(["id", "email"]), inner, min_size=1)
    ),
    max_leaves=3,
)


Draw = Callable[[st.SearchStrategy[Any]], Any]


def plant(value: Any, draw: Draw | None = None, path: str = "") -> Any:
    """An order, or a part of one that stands at ``path``, with a marker in each personal field.

    With ``draw`` the markers have any shape, and stand in members that nobody knows, anywhere, too.
    """
    for each in sorted(PERSONAL):
        if each.startswith(path):
            for place, name in places(value, each.removeprefix(path).split(".")):
                place[name] = draw(_markers) if draw else SECRET
    if draw:
        everywhere = list(_objects(value))
        for _ in range(draw(st.integers(0, 5))):
            everywhere[draw(st.integers(0, len(everywhere) - 1))][draw(_unknown_names)] = draw(_markers)
    return value


def places(value: Any, names: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects in which the last of these names stands (or could), through lists."""
    if isinstance(value, list):
        for member in value:
            yield from places(member, names)
    elif isinstance(value, dict) and len(names) == 1:
        yield value, names[0]
    elif isinstance(value, dict):
        yield from places(value.get(names[0]), names[1:])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(member)
