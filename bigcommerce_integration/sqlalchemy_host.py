"""The host port over the host's own models."""

# ruff: noqa: ARG002 - the port hands over more than this host needs

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import CHAR, BigInteger, MetaData, bindparam, inspect, select
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, QueryableAttribute, Session
from sqlalchemy.types import TypeEngine

from .errors import ConfigError
from .host import Host, Missing, ProductDraft
from .models.among import among
from .models.instances import IntegrationInstance, name_key
from .models.product_key import Key, in_order, is_whole_number, link_type

BIGCOMMERCE = "bigcommerce"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_IDS_A_QUERY = 900

May = Callable[[str, IntegrationInstance | None], bool]


class SQLAlchemyHost(Host):
    """A single-tenant host whose integrations, stores, nominal codes and products are mapped classes.

    ``integration`` is the model of integration types; ours is the one called BigCommerce, ignoring case.
    ``integration_instance``, if the host connects other systems too, is the model of those connections: names
    are unique across both. ``may`` decides who may do what. The other arguments name the models' attributes.

    Override a method where the host differs; ``product_values`` for products that need more than a SKU and a name.
    """

    def __init__(
        self,
        *,
        integration: type[Any],
        store: type[Any],
        nominal_code: type[Any],
        product: type[Any],
        may: May,
        integration_instance: type[Any] | None = None,
        integration_id: str = "id",
        integration_name: str = "name",
        store_id: str = "id",
        nominal_code_id: str = "id",
        product_id: str = "id",
        product_sku: str = "sku",
        product_name: str = "name",
        integration_instance_name: str = "name",
    ) -> None:
        """Raises ``ConfigError`` for what is no model, or one without such a column or on another bind."""
        if not callable(may):
            raise ConfigError(
                f"SQLAlchemyHost: may must be a function of (action, instance) that returns True or False, not {may!r}."
            )
        self.product = product
        self._may = may
        self._integration_id = _attribute(integration, "integration_id", integration_id)
        self._integration_name = _attribute(integration, "integration_name", integration_name)
        self._store_id = _attribute(store, "store_id", store_id)
        self._nominal_code_id = _attribute(nominal_code, "nominal_code_id", nominal_code_id)
        for argument, column in (
            ("integration_id", self._integration_id),
            ("store_id", self._store_id),
            ("nominal_code_id", self._nominal_code_id),
        ):
            _require_whole_numbers(argument, column)
        self._product_id = _attribute(product, "product_id", product_id)
        self._product_sku = _attribute(product, "product_sku", product_sku)
        self._product_name = _attribute(product, "product_name", product_name)
        self._other_name = (
            None
            if integration_instance is None
            else _attribute(integration_instance, "integration_instance_name", integration_instance_name)
        )

    @property
    def product_key_type(self) -> TypeEngine[Any]:  # type: ignore[override]
        """That of the product model's key."""
        kind: TypeEngine[Any] = self._product_id.type
        return kind

    def tenant(self) -> str:
        """There is one tenant."""
        return ""

    def may(self, action: str, instance: IntegrationInstance | None) -> bool:
        """What the argument ``may`` says."""
        return self._may(action, instance)

    def missing(
        self, session: Session, *, integration_id: int | None, store_id: int | None, nominal_code_ids: Sequence[int]
    ) -> Missing:
        """Which of these have no row, or are not the integration called BigCommerce."""
        return Missing(
            integration=integration_id is not None and not self._is_bigcommerce(session, integration_id),
            store=store_id is not None and store_id not in _existing(session, self._store_id, [store_id]),
            nominal_code_ids=frozenset(nominal_code_ids) - _existing(session, self._nominal_code_id, nominal_code_ids),
        )

    def _is_bigcommerce(self, session: Session, integration_id: int) -> bool:
        names = session.scalars(select(self._integration_name).where(_is_in(self._integration_id, [integration_id])))
        return any(isinstance(name, str) and name.strip().casefold() == BIGCOMMERCE for name in names)

    def name_taken(self, session: Session, name: str) -> bool:
        """Whether a connection of the host's own has it; compared in Python, as databases fold case differently."""
        if self._other_name is None:
            return False
        key = name_key(name)
        return any(
            isinstance(other, str) and name_key(other.strip()) == key
            for other in session.scalars(select(self._other_name))
        )

    def earliest_start_date(self, session: Session) -> date | None:
        """No day is too early."""
        return None

    def products_by_sku(
        self, session: Session, instance: IntegrationInstance, skus: Sequence[str]
    ) -> Mapping[str, Sequence[Key]]:
        """By equality with each SKU as it is, in upper and in lower case, so that the host's index serves.

        The keys are the host's own spellings, since its database may take others for equal.
        """
        found: defaultdict[str, set[Key]] = defaultdict(set)
        for condition in among(session, self._product_sku, _spellings(skus)):
            for product_id, sku in session.execute(select(self._product_id, self._product_sku).where(condition)):
                found[sku].add(product_id)
        return {sku: in_order(ids) for sku, ids in found.items()}

    def product_values(self, draft: ProductDraft) -> dict[str, Any]:
        """The keyword arguments to make the host's product with; override it to add to them."""
        return {self._product_sku.key: draft.sku, self._product_name.key: draft.name}

    def create_products(
        self, session: Session, instance: IntegrationInstance, drafts: Sequence[ProductDraft]
    ) -> Mapping[str, Key]:
        """One product of the host for each draft, flushed together."""
        products = [self.product(**self.product_values(draft)) for draft in drafts]
        session.add_all(products)
        session.flush()
        return {
            draft.sku: getattr(product, self._product_id.key) for draft, product in zip(drafts, products, strict=True)
        }

    def products_missing(self, session: Session, instance: IntegrationInstance, ids: Sequence[Key]) -> Collection[Key]:
        """Those without a row; compared in Python, as databases take more texts for equal."""
        column = self._product_id
        there: set[Key] = set()
        for begin in range(0, len(ids), _IDS_A_QUERY):
            asked = bindparam(
                None, list(ids[begin : begin + _IDS_A_QUERY]), expanding=True, type_=link_type(column.type)
            )
            there.update(session.scalars(select(column).where(column.in_(asked))))
        if isinstance(column.type, CHAR):
            # PostgreSQL fills such a key up with blanks.
            there = {key.rstrip() for key in there}
            return {key for key in ids if key.rstrip() not in there}
        return set(ids) - there

    def products_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Nothing; override it to act within the page's transaction."""

    def orders_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Nothing; override it to act within the page's transaction."""


def _attribute(model: type[Any], argument: str, name: str) -> Any:
    """The mapped attribute, on the default bind: our rows and the host's share one transaction."""
    if not isinstance(name, str):
        raise ConfigError(f"SQLAlchemyHost: {argument} must be the name of an attribute, as text, not {name!r}.")
    mapper = _mapper(model)
    if mapper is None:
        role = argument.rpartition("_")[0]
        raise ConfigError(f"SQLAlchemyHost: {role}={model!r} is not a mapped class: give a model of the app.")
    metadata: MetaData | None = getattr(mapper.local_table, "metadata", None)
    bind_key = metadata.info.get("bind_key") if metadata is not None else None
    if bind_key is not None:
        raise ConfigError(
            f"SQLAlchemyHost: {model.__name__} lives on the bind {bind_key!r}, but the BigCommerce tables are on the "
            "default one and share its transactions: move the model there, or write a Host of your own."
        )
    is_column = name in mapper.all_orm_descriptors and name not in mapper.relationships
    attribute = getattr(model, name) if is_column else None
    if not isinstance(attribute, QueryableAttribute):
        problem = f"{model.__name__} has no column {name!r}"
        raise ConfigError(f"SQLAlchemyHost: {problem}: name the right attribute with {argument}=….")
    return attribute


def _require_whole_numbers(argument: str, column: Any) -> None:
    if not is_whole_number(column.type):
        raise ConfigError(
            f"SQLAlchemyHost: {column} is of type {column.type!r}, but connected stores refer to it by a whole number. "
            f"Name an integer column with {argument}=…; only the keys of products may be of any type."
        )


def _mapper(model: object) -> Mapper[Any] | None:
    """That of a mapped class; None for whatever else it is, such as a table or an object of the class."""
    try:
        found = inspect(model) if isinstance(model, type) else None
    except NoInspectionAvailable:
        return None
    return found if isinstance(found, Mapper) else None


def _is_in(column: Any, ids: Sequence[int]) -> Any:
    # Bound as 64-bit numbers: PostgreSQL refuses to cast a larger one to a column's 32 bits.
    return column.in_(bindparam(None, list(ids), expanding=True, type_=BigInteger()))


def _existing(session: Session, column: Any, ids: Sequence[int]) -> set[int]:
    return set(session.scalars(select(column).where(_is_in(column, ids)))) if ids else set()


def _spellings(skus: Sequence[str]) -> list[str]:
    # PostgreSQL refuses NUL and lone surrogates, so no host has such a SKU.
    askable = {sku for sku in skus if not _UNSTORABLE.search(sku)}
    return sorted({spelling for sku in askable for spelling in (sku, sku.upper(), sku.lower())})
