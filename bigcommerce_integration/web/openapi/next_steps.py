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
_SHOWN_RECORD = "$response.body#/data/bigcommerce_id"
_OF_INSTANCES: Step = (_OF_AN_INSTANCE, _SAME_INSTANCE)
_OF_THE_REFRESH: Step = (_OF_A_REFRESH, _SAME_INSTANCE | {"refresh_id": _SHOWN})
_OF_THE_VARIANT: tuple[Step, ...] = (
    (("linkVariant", "unlinkVariant"), _SAME_INSTANCE | {"bigcommerce_id": _SHOWN_RECORD}),
    (("explain",), _SAME_INSTANCE | {"variant": _SHOWN_RECORD}),
)

# By operation: where it leads. None from the items of a list: it may be empty, and then there is nothing to follow.
_LINKS: Mapping[str, tuple[Step, ...]] = {
    "createInstance": (((*_OF_AN_INSTANCE, "deleteInstance"), {"instance_id": _SHOWN}),),
    "getInstance": (((*_OF_AN_INSTANCE, "deleteInstance"), _SAME_INSTANCE),),
    "putInstance": (_OF_INSTANCES,),
    "patchInstance": (_OF_INSTANCES,),
    "refreshProducts": (_OF_THE_REFRESH,),
    "refreshOrders": (_OF_THE_REFRESH,),
    "getRefresh": (_OF_THE_REFRESH,),
    "cancelRefresh": (_OF_THE_REFRESH,),
    "retryRefresh": (_OF_THE_REFRESH,),
    "retryRejected": (_OF_THE_REFRESH,),
    "linkVariant": _OF_THE_VARIANT,
    "unlinkVariant": _OF_THE_VARIANT,
    "getOrder": ((("explain",), _SAME_INSTANCE | {"order": _SHOWN_RECORD}),),
}


def links_of(operation_id: str) -> dict[str, Any]:
    """Those that go with the operation's answers, as the document has them."""
    return dict(_links_of(operation_id))


def _links_of(operation_id: str) -> Iterator[tuple[str, Any]]:
    for targets, parameters in _LINKS.get(operation_id, ()):
        for target in targets:
            yield target, {"operationId": target, "parameters": dict(parameters)}
