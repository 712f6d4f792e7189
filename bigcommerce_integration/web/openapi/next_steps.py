"""What can be done next: links from the answers of one operation to others, by the kind of step that these are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .operation import Operation

Steps = Mapping[str, Mapping[str, str]]
"""What goes along to operations of a kind of ``step``. None leads from the items of a list: there may be none."""

_SHOWN = {"instance_id": "$response.body#/data/id"}
_SAME = {"instance_id": "$request.path.instance_id"}
_RECORD = "$response.body#/data/bigcommerce_id"

FROM_NEW_INSTANCE: Steps = {"instance": _SHOWN, "deletion": _SHOWN}
FROM_INSTANCE: Steps = {"instance": _SAME, "deletion": _SAME}
FROM_CHANGED_INSTANCE: Steps = {"instance": _SAME}
FROM_REFRESH: Steps = {"refresh": {**_SAME, "refresh_id": "$response.body#/data/id"}}
FROM_IMPORT: Steps = {"import": {**_SAME, "import_id": "$response.body#/data/id"}}
_NUMBERED = {**_SAME, "number": "$response.body#/data/number"}
FROM_DOCUMENT: Steps = {"document": _NUMBERED, "release": {**_NUMBERED, "If-Match": "$response.header.ETag"}}
FROM_BATCH: Steps = {"batch": _NUMBERED}
FROM_VARIANT: Steps = {
    "variant": {**_SAME, "bigcommerce_id": _RECORD},
    "explanation": {**_SAME, "variant": _RECORD},
}
FROM_ORDER: Steps = {"explanation": {**_SAME, "order": _RECORD}}


def links_of(operation: Operation, operations: Iterable[Operation]) -> dict[str, Any]:
    """Those that go with the operation's answers, as the document has them."""
    return {
        each.id: {"operationId": each.id, "parameters": dict(operation.leads_to[each.step])}
        for each in operations
        if each.step in operation.leads_to
    }
