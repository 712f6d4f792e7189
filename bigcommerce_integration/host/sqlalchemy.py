"""The host port over the host's own models."""

# ruff: noqa: ARG002 - the port hands over more than this host needs

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from inspect import signature as inspect_signature
from typing import Any, Literal

from sqlalchemy import CHAR, MetaData, and_, bindparam, inspect, true
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapper, QueryableAttribute, Session
from sqlalchemy.types import TypeEngine

from ..errors import ConfigError
from ..models.dialect.conditions import VALUES_A_STATEMENT, in_chunks
from ..models.dialect.texts import like_escaped
from ..models.instances import IntegrationInstance, name_key
from ..models.product_key import Key, in_order, is_whole_number, link_type
from ..resources.values import UNSTORABLE
from .port import Host, Missing, ProductDraft
from .tenancy import Lookup, Scope, TenantColumn, column_name, given_tenant, tenant_text, values_of

BIGCOMMERCE = "bigcommerce"
MOST_PRODUCTS = 20

May = Callable[[str, IntegrationInstance | None], bool]


class _Unsaid(Enum):
    """That an argument was not given, where None means something."""

    UNSAID = "not given"


class SQLAlchemyHost(Host):
    """A host whose integrations, stores, nominal codes and products are mapped classes.

    ``integration`` is the model of integration types; ours is the one called BigCommerce, ignoring case.
    ``integration_instance``, if the host connects other systems too, is the model of those connections: names
    are unique across both. ``may`` decides who may do what.

    ``tenant``, for a host with several tenants, tells the caller's within a request, and ``tenant_column`` names the
    attribute that holds a row's: one name for all models, or a name by model, None for one that all tenants share. The
    lookups, the links and the products that are made then keep to the tenant; in jobs, to that of the instance.

    The other arguments name the models' attributes.

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
        tenant: Callable[[], object] | None = None,
        tenant_column: TenantColumn | Literal[_Unsaid.UNSAID] = _Unsaid.UNSAID,
    ) -> None:
        """Raises ``ConfigError`` for what is no model, or one without such a column or on another bind."""
        _require_functions(may, tenant)
        self._may, self._tenant, self._tenant_column = may, tenant, tenant_column
        name = _attribute(integration, "integration_name", integration_name)
        self._integration = self._lookup(integration, "integration_id", integration_id, name)
        self._store = self._lookup(store, "store_id", store_id)
        self._nominal_code = self._lookup(nominal_code, "nominal_code_id", nominal_code_id)
        self.product = product
        self._product_id = _attribute(product, "product_id", product_id)
        self._product_sku = _attribute(product, "product_sku", product_sku)
        self._product_name = _attribute(product, "product_name", product_name)
        self._products = self._scope(product)
        self._takes_instance = _takes_two(self.product_values)
        self._other_name, self._others = None, Scope()
        if integration_instance is not None:
            name = _attribute(integration_instance, "integration_instance_name", integration_instance_name)
            self._other_name, self._others = name, self._scope(integration_instance)

    def _lookup(self, model: type[Any], option: str, attribute: str, value: Any = None) -> Lookup:
        """By the key that the option names; ``value`` is what is read, the key itself unless it is given."""
        key = _whole_number(model, option, attribute)
        return Lookup(self._scope(model), key, key if value is None else value)

    @property
    def product_key_type(self) -> TypeEngine[Any]:  # type: ignore[override]
        """That of the product model's key."""
        kind: TypeEngine[Any] = self._product_id.type
        return kind

    def _scope(self, model: type[Any]) -> Scope:
        given = None if self._tenant_column is _Unsaid.UNSAID else self._tenant_column
        name = column_name(given, model)
        return Scope() if name is None else Scope(_attribute(model, "tenant_column", name))

    def require_scope(self) -> None:
        """Raises ``ConfigError`` for a host that has tenants and does not say which rows are whose, or the reverse."""
        has_tenants = self._tenant is not None or _is_overridden(self, "tenant")
        is_said = self._tenant_column is not _Unsaid.UNSAID
        is_own = all(_is_overridden(self, name) for name in ("missing", "products_by_sku", "products_missing"))
        if has_tenants and not is_said and not is_own:
            raise ConfigError(
                f"{type(self).__name__} has tenants, but does not say which rows of its models are whose, so that each "
                "tenant could use the stores, nominal codes and products of the others: name the column that holds "
                'a row\'s tenant with tenant_column="company_id" (or by model, {Store: "company_id", …}), or give None '
                "if all tenants share all of them."
            )
        if is_said and self._tenant_column is not None and not has_tenants:
            raise ConfigError(
                "SQLAlchemyHost: tenant_column is given without tenant=…, the function that tells the caller's tenant."
            )

    def tenant(self) -> str:
        """What the argument ``tenant`` says, as text; without it there is one tenant.

        In a command (``flask bigcommerce``) it is that of the instance, or of ``--tenant``.
        """
        given = given_tenant()
        if given is not None:
            return given
        said: str = "" if self._tenant is None else tenant_text(self._tenant())
        return said

    def may(self, action: str, instance: IntegrationInstance | None) -> bool:
        """What the argument ``may`` says."""
        return self._may(action, instance)

    def missing(
        self, session: Session, *, integration_id: int | None, store_id: int | None, nominal_code_ids: Sequence[int]
    ) -> Missing:
        """Which of these have no row, or are not the integration called BigCommerce; one query for all."""
        lookups = (self._integration, self._store, self._nominal_code)
        keys = (_given(integration_id), _given(store_id), nominal_code_ids)
        names, stores, codes = values_of(session, self.tenant, *zip(lookups, keys, strict=True))
        return Missing(
            integration=integration_id is not None and not any(map(_is_ours, names)),
            store=store_id is not None and store_id not in stores,
            nominal_code_ids=frozenset(nominal_code_ids) - codes,
        )

    def integrations(self, session: Session) -> Sequence[tuple[int, str]]:
        """The rows called BigCommerce."""
        ours = self._integration
        found = ours.scope.rows(session, self.tenant, [ours.key, ours.value], [true()])
        return [(key, name) for key, name in found if _is_ours(name)]

    def stores(self, session: Session) -> Sequence[tuple[int, str]] | None:
        """The rows with their attribute ``name``; None if the model has no such column."""
        return self._named(session, self._store.scope, self._store.key)

    def nominal_codes(self, session: Session) -> Sequence[tuple[int, str]] | None:
        """The rows with their attribute ``name``; None if the model has no such column."""
        return self._named(session, self._nominal_code.scope, self._nominal_code.key)

    def _named(self, session: Session, scope: Scope, key: Any) -> Sequence[tuple[int, str]] | None:
        name = getattr(key.class_, "name", None)
        if not isinstance(name, QueryableAttribute):
            return None
        found = scope.rows(session, self.tenant, [key, name], [true()])
        return sorted(
            ((each, str(text or each)) for each, text in found), key=lambda each: (each[1].casefold(), each[0])
        )

    def name_taken(self, session: Session, name: str) -> bool:
        """Whether a connection of the host's own has it; compared in Python, as databases fold case differently."""
        if self._other_name is None:
            return False
        key = name_key(name)
        others = self._others.rows(session, self.tenant, [self._other_name], [true()])
        return any(isinstance(other, str) and name_key(other.strip()) == key for (other,) in others)

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
        which = in_chunks(session, self._product_sku, _spellings(skus))
        columns = (self._product_id, self._product_sku)
        for product_id, sku in self._products.rows(session, lambda: instance.tenant, columns, which):
            found[sku].add(product_id)
        return {sku: in_order(ids) for sku, ids in found.items()}

    def product_values(self, draft: ProductDraft, instance: IntegrationInstance | None = None) -> dict[str, Any]:
        """The keyword arguments to make the host's product with; override it to add to them.

        ``instance`` tells for which connected store. An override of an earlier version, with ``draft`` alone, is called
        without.
        """
        return {self._product_sku.key: draft.sku, self._product_name.key: draft.name}

    def create_products(
        self, session: Session, instance: IntegrationInstance, drafts: Sequence[ProductDraft]
    ) -> Mapping[str, Key]:
        """One product of the host for each draft, flushed together."""
        products = [self.product(**self._values(session, instance, draft)) for draft in drafts]
        session.add_all(products)
        session.flush()
        return {
            draft.sku: getattr(product, self._product_id.key) for draft, product in zip(drafts, products, strict=True)
        }

    def _values(self, session: Session, instance: IntegrationInstance, draft: ProductDraft) -> dict[str, Any]:
        values = self.product_values(draft, instance) if self._takes_instance else self.product_values(draft)
        if self._products.column is None:
            return values
        return {self._products.column.key: self._products.value(session, instance.tenant)} | values

    def products_missing(self, session: Session, instance: IntegrationInstance, ids: Sequence[Key]) -> Collection[Key]:
        """Those without a row; compared in Python, as databases take more texts for equal."""
        column = self._product_id
        there = {key for (key,) in self._products_of(session, instance, ids, column)}
        if isinstance(column.type, CHAR):
            # PostgreSQL fills such a key up with blanks.
            there = {key.rstrip() for key in there}
            return {key for key in ids if key.rstrip() not in there}
        return set(ids) - there

    def _products_of(
        self, session: Session, instance: IntegrationInstance, ids: Sequence[Key], *columns: Any
    ) -> Iterator[tuple[Any, ...]]:
        """These columns of the products with these keys, and of those that the database takes for equal."""
        kind, starts = link_type(self._product_id.type), range(0, len(ids), VALUES_A_STATEMENT)
        some = (list(ids[begin : begin + VALUES_A_STATEMENT]) for begin in starts)
        which = (self._product_id.in_(bindparam(None, each, expanding=True, type_=kind)) for each in some)
        return self._products.rows(session, lambda: instance.tenant, columns, which)

    def products_by_id(
        self, session: Session, instance: IntegrationInstance, ids: Sequence[Key]
    ) -> Mapping[Key, tuple[str, str]]:
        """By the models' attributes for SKU and name."""
        columns = (self._product_id, self._product_sku, self._product_name)
        return {key: (sku or "", name or "") for key, sku, name in self._products_of(session, instance, ids, *columns)}

    def products_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Nothing; override it to act within the page's transaction."""

    def orders_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Nothing; override it to act within the page's transaction."""

    def search_products(
        self, session: Session, instance: IntegrationInstance, text: str
    ) -> Sequence[tuple[Key, str, str]]:
        """Those with this SKU, those whose SKU begins so, then those whose name has all its words."""
        text = UNSTORABLE.sub("", text).strip()
        if not text:
            return []
        columns = (self._product_id, self._product_sku, self._product_name)
        words = [self._product_name.ilike(f"%{like_escaped(word)}%", escape="/") for word in text.split()]
        conditions = (
            self._product_sku == text,
            self._product_sku.ilike(f"{like_escaped(text)}%", escape="/"),
            and_(*words),
        )
        found: dict[Key, tuple[Key, str, str]] = {}
        for key, sku, name in self._products.rows(
            session, lambda: instance.tenant, columns, conditions, most=MOST_PRODUCTS
        ):
            found.setdefault(key, (key, sku or "", name or ""))
            if len(found) == MOST_PRODUCTS:
                break
        return list(found.values())


def _require_functions(may: object, tenant: object) -> None:
    if not callable(may):
        raise ConfigError(
            f"SQLAlchemyHost: may must be a function of (action, instance) that returns True or False, not {may!r}."
        )
    if tenant is not None and not callable(tenant):
        raise ConfigError(f"SQLAlchemyHost: tenant must be a function that returns the caller's, not {tenant!r}.")


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


def _whole_number(model: type[Any], argument: str, name: str) -> Any:
    column = _attribute(model, argument, name)
    if not is_whole_number(column.type):
        raise ConfigError(
            f"SQLAlchemyHost: {column} is of type {column.type!r}, but connected stores refer to it by a whole number. "
            f"Name an integer column with {argument}=…; only the keys of products may be of any type."
        )
    return column


def _is_ours(name: object) -> bool:
    return isinstance(name, str) and name.strip().casefold() == BIGCOMMERCE


def _mapper(model: object) -> Mapper[Any] | None:
    """That of a mapped class; None for whatever else it is, such as a table or an object of the class."""
    try:
        found = inspect(model) if isinstance(model, type) else None
    except NoInspectionAvailable:
        return None
    return found if isinstance(found, Mapper) else None


def _given(key: int | None) -> Sequence[int]:
    return [] if key is None else [key]


def _is_overridden(host: SQLAlchemyHost, name: str) -> bool:
    return getattr(getattr(host, name), "__func__", None) is not getattr(SQLAlchemyHost, name)


def _takes_two(method: Callable[..., Any]) -> bool:
    try:
        inspect_signature(method).bind(None, None)
    except TypeError:
        return False
    return True


def _spellings(skus: Sequence[str]) -> list[str]:
    # PostgreSQL refuses NUL and lone surrogates, so no host has such a SKU.
    askable = {sku for sku in skus if not UNSTORABLE.search(sku)}
    return sorted({spelling for sku in askable for spelling in (sku, sku.upper(), sku.lower())})
