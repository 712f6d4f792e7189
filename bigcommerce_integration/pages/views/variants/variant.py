"""One variant, and the decision which of the host's products it is."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy import Row
from werkzeug.datastructures import MultiDict

from ....errors import Invalid
from ....models.product_key import Key
from ....operations.context import RequestContext
from ....operations.links.candidates import nearest_products, product_of_sku
from ....operations.links.decisions import link_variant
from ....operations.links.options import options_of
from ....operations.links.your_products import your_products
from ....operations.lists.records import find_child
from ....resources.products import PRODUCTS, VARIANTS
from ....schemas.product_keys import QueryHostProductId
from ... import login
from ...forms import Form, form_of
from ...render import render
from .listing import columns, state_of

_LONGEST = 100
_SKU, _NUMBER = "sku", "host_product_id"


def get_variant(instance_id: int, variant_id: int) -> Response:
    """What is stored of it, its link, and what it may be linked to."""
    context = login.authorize(PRODUCTS.permission, instance_id)
    return _page(context, variant_id, form_of(MultiDict(request.args)))


def post_variant(instance_id: int, variant_id: int) -> ResponseReturnValue:
    """Link it, or decide that it has no link."""
    context = login.authorize("link", instance_id)
    login.checked_id(variant_id)
    leaves = request.form.get("do") == "leave"
    try:
        link_variant(context, variant_id, None if leaves else _chosen(context))
    except Invalid as refusal:
        return _page(context, variant_id, form_of(request.form, refusal.errors), status=422)
    done = "left" if leaves else "linked"
    return redirect(url_for(".get_variant", instance_id=instance_id, variant_id=variant_id, done=done), 303)


def _chosen(context: RequestContext) -> Key:
    """The host's product that was typed, by its SKU or by its number."""
    sku, number = request.form.get(_SKU, "").strip(), request.form.get(_NUMBER, "").strip()
    if bool(sku) == bool(number):
        raise Invalid({_SKU: ["Give the SKU of your product, or its number."]})
    return product_of_sku(context, sku) if sku else _read_key(number)


def _read_key(text: str) -> Key:
    """The key of a host's product as a person types it; ``Invalid``."""
    try:
        return QueryHostProductId().read(text)
    except ValidationError as error:
        raise Invalid({_NUMBER: [str(each) for each in error.messages]}) from None


def _page(context: RequestContext, variant_id: int, form: Form, *, status: int = 200) -> Response:
    row = _find(context, variant_id)
    sought = request.args.get("find", "").strip()[:_LONGEST]
    # Of a text such as "-" each product with a hyphen in its name would be near.
    telling = [each for each in (row.sku_key, row.name) if each and sum(map(str.isalnum, each)) > 1]
    near = nearest_products(context, row.sku_key, *([sought] if sought else telling))
    return render(
        "variant.html",
        status=status,
        instance=context.instance,
        variant=row,
        state=state_of(row),
        products=near,
        options=options_of(context, [row]).get(row.bigcommerce_id),
        sought=sought,
        your_products=your_products(context, [row.host_product_id, *(each.host_product_id for each in near)]),
        form=form,
    )


def _find(context: RequestContext, variant_id: int) -> Row[Any]:
    return find_child(context, VARIANTS, login.checked_id(variant_id), columns(context))
