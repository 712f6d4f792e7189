"""Links from variants to the host's products, decided by hand."""

from __future__ import annotations

from ..links.request import MOST_LINKS, LinkRequest, LinkRow
from ..links.views import LinksQuery
from .of_mirror import VARIANT_EXAMPLE
from .operation import Answer, Operation, Subject
from .shapes import HOST_PRODUCT_ID, INTEGER, STRING, data, list_of, nullable, record, ref, with_optional

_TAG = "Links"
_LINKED = VARIANT_EXAMPLE | {"link_source": "manual"}
_UNLINKED = _LINKED | {"host_product_id": None}
_FIELDS = LinkRow().fields


def _row(name: str) -> dict[str, object]:
    return record(
        **{name: _FIELDS[name].json_schema()},  # type: ignore[attr-defined]
        host_product_id=nullable(ref(HOST_PRODUCT_ID)),
    )


_BY_ID = with_optional(
    _row("bigcommerce_id"),
    bigcommerce_product_id=_FIELDS["bigcommerce_product_id"].json_schema(),  # type: ignore[attr-defined]
    sku=nullable(_FIELDS["sku"].json_schema()),  # type: ignore[attr-defined]
)
_LINK = record(
    "A decision by hand; a null host_product_id is the one to leave the variant without a link.",
    bigcommerce_id=INTEGER,
    bigcommerce_product_id=INTEGER,
    sku=nullable(STRING, "Without the blanks around it."),
    host_product_id=nullable(ref(HOST_PRODUCT_ID)),
)
_LINK_EXAMPLE = {"bigcommerce_id": 101, "bigcommerce_product_id": 77, "sku": "MUG-RED", "host_product_id": 900}

SUBJECT = Subject(
    schemas={
        "Link": _LINK,
        "LinkRows": {
            **list_of({"anyOf": [_BY_ID, _row("sku")]}),
            "minItems": 1,
            "maxItems": MOST_LINKS,
        },
    },
    operations={
        ("/<instance_id>/variants/<bigcommerce_id>/link", "POST"): Operation(
            id="linkVariant",
            tag=_TAG,
            summary="Link a variant to a product of the host",
            description="Or to another one than before. No refresh changes what was decided by hand.",
            body=LinkRequest,
            body_examples={"product": {"host_product_id": 900}},
            answers={200: Answer("The variant as it stands now.", data(ref("Variant")), {"data": _LINKED})},
        ),
        ("/<instance_id>/variants/<bigcommerce_id>/link", "DELETE"): Operation(
            id="unlinkVariant",
            tag=_TAG,
            summary="Decide that a variant has no link",
            description="Also where it has none: no refresh will link it.",
            answers={200: Answer("The variant as it stands now.", data(ref("Variant")), {"data": _UNLINKED})},
        ),
        ("/<instance_id>/variants/links", "GET"): Operation(
            id="listLinks",
            tag=_TAG,
            summary="What was decided by hand, to be put into another instance of the same store",
            description=(
                "By the variant's id; those that the store has no longer are left out. The rows of a page are a body "
                "for `PUT …/variants/links` of another instance once it has read the products: so the decisions "
                "survive a store that is disconnected and connected again. A page may be short and have a next one."
            ),
            query=LinksQuery,
            answers={
                200: Answer(
                    "One page of them.",
                    record(data=list_of(ref("Link")), meta=record(next=nullable(STRING))),
                    {"data": [_LINK_EXAMPLE], "meta": {"next": None}},
                )
            },
        ),
        ("/<instance_id>/variants/links", "PUT"): Operation(
            id="linkVariants",
            tag=_TAG,
            summary="Decide on the links of many variants, all or nothing",
            description=(
                f"Up to {MOST_LINKS} rows, each with the BigCommerce id of a variant or the SKU of a live one; a "
                "`host_product_id` of null unlinks. Bad rows are named by their place, such as `0.sku`. The body may "
                "have 2 MiB. Rows as `GET` answers them are taken as they are: the `bigcommerce_id` names the variant."
            ),
            body=ref("LinkRows"),
            body_examples={
                "rows": [
                    {"sku": "MUG-RED", "host_product_id": 900},
                    {"bigcommerce_id": 102, "host_product_id": None},
                ]
            },
            answers={
                200: Answer(
                    "The variants as they stand now, in the order of the rows.",
                    data(list_of(ref("Variant"))),
                    {"data": [_LINKED]},
                )
            },
        ),
    },
)
