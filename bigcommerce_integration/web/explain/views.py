"""``GET /api/big-commerce/<id>/explain``: why an order is not here, or a variant not linked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import request

from ...errors import Invalid
from ...store_check.lookup import StoreSays, ask_about_order, ask_about_sku, ask_about_variant
from ..http.access import Asked, ask, require_permission
from ..http.error_answers import encodable
from ..http.query_args import QueryBoolean, QueryInteger, QueryText, read_query
from ..instances.check_views import store_of
from ..instances.trial import end_transaction
from ..schemas import ObjectSchema
from .facts import order_facts, set_aside, sku_facts, variant_facts
from .reasons import Reason, VariantFacts, explain_order, explain_variant

SUBJECTS = ("order", "variant", "sku")
Told = tuple[int | None, list[Reason]]


class ExplainQuery(ObjectSchema):
    """About one thing, and whether the store is to be asked too."""

    order = QueryInteger(1)
    variant = QueryInteger(1)
    sku = QueryText()
    ask_store = QueryBoolean(load_default=False)


def get_explanation(instance_id: str) -> dict[str, Any]:
    """The reasons, the surest first; each with the BigCommerce id that it is about."""
    asked = ask("read", instance_id)
    query = read_query(request, ExplainQuery())
    given = [name for name in SUBJECTS if name in query]
    if len(given) != 1:
        raise Invalid({name: ["Give exactly one of order, variant and sku."] for name in given or SUBJECTS})
    if query["ask_store"]:
        require_permission(asked.state.host, "check", asked.instance)
    (subject,) = given
    if subject == "order":
        require_permission(asked.state.host, "read_orders", asked.instance)
        told = [_order(asked, query["order"], ask_store=query["ask_store"])]
    elif subject == "variant":
        told = _variant(asked, query["variant"], ask_store=query["ask_store"])
    else:
        told = _sku(asked, query["sku"], ask_store=query["ask_store"])
    reasons = [
        {"bigcommerce_id": bigcommerce_id, "code": reason.code, "message": encodable(reason.message)}
        for bigcommerce_id, some in told
        for reason in some
    ]
    return {"data": {"asked": {subject: query[subject]}, "reasons": reasons}}


def _order(asked: Asked, order_id: int, *, ask_store: bool) -> Told:
    facts = order_facts(asked, order_id)
    if ask_store:
        end_transaction(asked.session)
        state = asked.state
        says = ask_about_order(state.config, state.cipher, store_of(asked.instance), order_id)
        facts = replace(facts, store=says)
    return order_id, explain_order(facts)


def _variant(asked: Asked, variant_id: int, *, ask_store: bool) -> list[Told]:
    facts = variant_facts(asked, variant_id)
    if ask_store:
        state = asked.state
        end_transaction(asked.session)
        says = ask_about_variant(state.config, state.cipher, store_of(asked.instance), variant_id)
        facts = _with_store(asked, facts, says)
    return [(variant_id, explain_variant(each)) for each in facts]


def _sku(asked: Asked, given: str, *, ask_store: bool) -> list[Told]:
    sku = given.strip()
    facts = sku_facts(asked, sku)
    if ask_store:
        state = asked.state
        stored = [each.row["sku"] for each in facts if each.row is not None]
        end_transaction(asked.session)
        says = ask_about_sku(state.config, state.cipher, store_of(asked.instance), sku, [*stored, given])
        facts = _with_store(asked, facts, says)
    return [(None if each.row is None else each.row["bigcommerce_id"], explain_variant(each)) for each in facts]


def _with_store(asked: Asked, facts: list[VariantFacts], says: StoreSays) -> list[VariantFacts]:
    """With what the store says, which may name the product of a variant that is not here."""
    facts = [replace(each, store=says) for each in facts]
    if says.product_id is None or facts[0].row is not None:
        return facts
    return [replace(each, set_aside=set_aside(asked, "products", says.product_id)) for each in facts]
