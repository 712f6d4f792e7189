"""What can be done next: links from the answers of one operation to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Step = tuple[tuple[str, ...], Mapping[str, str]]
"""Operations, and what goes along."""

_SAME_INSTANCE = {"instance_id": "$request.path.instance_id"}
_OF_AN_INSTANCE = (
    "getInstance",
    "patchInstance",
    "putInstance",
    "checkInstance",
    "getHistory",
    "listRefreshes",
    "refreshProducts",
    "refreshOrders",
    "listProducts",
    "listVariants",
    "listOrders",
    "listRejected",
)
_OF_A_REFRESH = ("getRefresh", "cancelRefresh", "retryRefresh")
_SHOWN = "$response.body#/data/id"
_FIRST = "$response.body#/data/0/id"
_FIRST_RECORD = "$response.body#/data/0/bigcommerce_id"

# By operation: where it leads.
_LINKS: Mapping[str, tuple[Step, ...]] = {
    "createInstance": (((*_OF_AN_INSTANCE, "deleteInstance"), {"instance_id": _SHOWN}),),
    "listInstances": ((_OF_AN_INSTANCE, {"instance_id": _FIRST}),),
    "getInstance": (((*_OF_AN_INSTANCE, "deleteInstance"), _SAME_INSTANCE),),
    "putInstance": ((_OF_AN_INSTANCE, _SAME_INSTANCE),),
    "patchInstance": ((_OF_AN_INSTANCE, _SAME_INSTANCE),),
    "refreshProducts": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN}),),
    "refreshOrders": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN}),),
    "cancelRefresh": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN}),),
    "retryRefresh": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN}),),
    "listRefreshes": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _FIRST}),),
    "listVariants": (
        (("linkVariant", "unlinkVariant"), _SAME_INSTANCE | {"bigcommerce_id": _FIRST_RECORD}),
        (("explain",), _SAME_INSTANCE | {"variant": _FIRST_RECORD}),
    ),
    "listOrders": (
        (("getOrder",), _SAME_INSTANCE | {"bigcommerce_id": _FIRST_RECORD}),
        (("explain",), _SAME_INSTANCE | {"order": _FIRST_RECORD}),
    ),
    "retryRejected": ((_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN}),),
    "listRejected": ((("retryRejected",), _SAME_INSTANCE | {"rejected_id": _FIRST}),),
}


def links_of(operation_id: str) -> dict[str, Any]:
    """Those that go with the operation's answers, as the document has them."""
    return dict(_links_of(operation_id))


def _links_of(operation_id: str) -> Iterator[tuple[str, Any]]:
    for targets, parameters in _LINKS.get(operation_id, ()):
        for target in targets:
            yield target, {"operationId": target, "parameters": dict(parameters)}
