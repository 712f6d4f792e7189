"""Are variants linked as the rules say? Decided anew from the variants and the host's products before and after."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.engine import Connection

from .expected import Columns, Expected

LINK_COLUMNS = frozenset({"host_product_id", "link_source", "link_conflict", "link_conflict_code"})

_LEAVE, _LINK, _CREATE, _REFUSE = "unlinked", "linked", "created", "a conflict"


@dataclass(frozen=True)
class LinkRules:
    """The instance's two settings, and the host's products (id to SKU) before the store was connected."""

    auto_link: bool
    auto_create: bool
    host_products: Mapping[int, str]


@dataclass(frozen=True)
class _Facts:
    """What decides: the host's products and the variants, by trimmed SKU and by SKU without case and accents."""

    before: Mapping[str, Sequence[int]]
    near_before: Mapping[str, Sequence[int]]
    variants: Mapping[str, Sequence[int]]
    near_keys: Mapping[str, set[str]]
    now: Mapping[int, str]


def host_products(connection: Connection) -> dict[int, str]:
    """The SKUs of the host's products by id."""
    return {row.id: row.sku for row in connection.execute(text("SELECT id, sku FROM demo_products"))}


def link_differences(
    connection: Connection, expected: Expected, variants: Sequence[Columns], rules: LinkRules
) -> Iterator[tuple[int, str]]:
    """The ids of variants that are linked otherwise than the rules say, and how."""
    facts = _facts(expected, rules, host_products(connection))
    rows = {row["bigcommerce_id"]: row for row in variants}
    for variant_id, row in rows.items():
        columns = expected.variants.get(variant_id)
        if columns is None:
            continue
        allowed = _allowed(connection, expected, columns, facts, rules)
        found = _outcome(row, columns["sku_key"], facts)
        if found not in allowed:
            yield variant_id, f"is {found}, must be {' or '.join(sorted(allowed))}"
    yield from _made_in_vain(rows, facts, rules)


def _facts(expected: Expected, rules: LinkRules, now: Mapping[int, str]) -> _Facts:
    before: defaultdict[str, list[int]] = defaultdict(list)
    near_before: defaultdict[str, list[int]] = defaultdict(list)
    for product_id, sku in rules.host_products.items():
        before[sku.strip()].append(product_id)
        near_before[_plain(sku)].append(product_id)
    variants: defaultdict[str, list[int]] = defaultdict(list)
    near_keys: defaultdict[str, set[str]] = defaultdict(set)
    for variant_id, columns in expected.variants.items():
        if columns["sku_key"]:
            variants[columns["sku_key"]].append(variant_id)
            near_keys[_plain(columns["sku_key"])].add(columns["sku_key"])
    return _Facts(before, near_before, variants, near_keys, now)


def _allowed(connection: Connection, expected: Expected, columns: Columns, facts: _Facts, rules: LinkRules) -> set[str]:
    """The outcomes that the rules allow; two where the order of the work decides."""
    key = columns["sku_key"]
    if not (rules.auto_link or rules.auto_create):
        return {_LEAVE}
    if not key:
        return {_REFUSE}
    twins = [expected.variants[each]["bigcommerce_product_id"] for each in facts.variants[key]]
    is_old = expected.products[columns["bigcommerce_product_id"]]["is_only_referenced"]
    if len(twins) > 1:
        # A twin that comes with an old order may come after the one that a host product was made for.
        lively = [each for each in twins if not expected.products[each]["is_only_referenced"]]
        may_be_made = rules.auto_create and len(lively) == 1 and not is_old and not facts.before.get(key)
        return {_REFUSE, _CREATE} if may_be_made else {_REFUSE}
    exact = facts.before.get(key, ())
    if len(exact) > 1:
        return {_REFUSE}
    if exact:
        return {_LINK} if rules.auto_link else {_LEAVE}
    if _is_near(connection, key, facts):
        return {_REFUSE}
    usual = _LEAVE if is_old or not rules.auto_create else _CREATE
    # Of several that differ by case or accent, a database may take the first one made for the others' too.
    are_alike = rules.auto_create and len(facts.near_keys[_plain(key)]) > 1
    return {usual, _REFUSE} if are_alike else {usual}


def _is_near(connection: Connection, key: str, facts: _Facts) -> bool:
    """Whether a product of before has it in the database's own eyes, or in other case."""
    candidates = facts.near_before.get(_plain(key))
    if not candidates:
        return False
    statement = text("SELECT id FROM demo_products WHERE sku IN :spellings AND id IN :ids").bindparams(
        bindparam("spellings", expanding=True), bindparam("ids", expanding=True)
    )
    values = {"spellings": [key, key.upper(), key.lower()], "ids": list(candidates)}
    return connection.execute(statement, values).first() is not None


def _outcome(row: Columns, key: str | None, facts: _Facts) -> str:
    link, source, conflict = row["host_product_id"], row["link_source"], row["link_conflict"]
    if link is None:
        return _LEAVE if conflict is None and source is None else _REFUSE if source is None else "muddled"
    if conflict is not None or key is None or facts.now.get(link, "").strip() != key:
        return "linked to the wrong product"
    if source == "auto" and link in facts.before.get(key, ()):
        return _LINK
    return _CREATE if source == "created" and link not in facts.before.get(key, ()) else "muddled"


def _made_in_vain(rows: Mapping[int, Columns], facts: _Facts, rules: LinkRules) -> Iterator[tuple[int, str]]:
    """Host products that were made and that not exactly one variant is linked to."""
    linked: defaultdict[Any, list[int]] = defaultdict(list)
    for variant_id, row in rows.items():
        linked[row["host_product_id"]].append(variant_id)
    for product_id in facts.now.keys() - rules.host_products.keys():
        if len(linked[product_id]) != 1:
            first = min(linked[product_id], default=0)
            yield first, f"{len(linked[product_id])} variants share the host product {product_id} that was made"


def _plain(sku: str) -> str:
    """Without case, accents and blanks around it."""
    letters = unicodedata.normalize("NFKD", sku.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
