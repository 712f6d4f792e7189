"""The port through which the plugin asks and tells the monolith."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MethodType
from typing import Any, Literal, Protocol, runtime_checkable

from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ..accounting.postings import AccountingBatch, AccountingDocument, AccountingLine
from ..errors import ConfigError
from ..models.instances import IntegrationInstance
from ..models.product_key import Key


@dataclass(frozen=True)
class Missing:
    """Which of the ids that were asked for do not exist for this tenant."""

    integration: bool = False
    store: bool = False
    nominal_code_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ProductDraft:
    """What a host product is to be made of: one variant of the store that has no counterpart yet."""

    sku: str
    name: str
    price: Decimal | None
    bigcommerce_product_id: int
    bigcommerce_variant_id: int


class Host(Protocol):
    """What a host must answer; ``SQLAlchemyHost`` does so over the host's models.

    Every method that gets a session works inside the caller's transaction, in bulk, and neither commits
    nor rolls back; what it raises undoes the page, which is tried again.
    """

    product_key_type: TypeEngine[Any] | None = None
    """The SQLAlchemy type of the products' keys where they are no integers, such as ``Uuid()``: the link column has it.

    A host without it, as of an earlier version, has integers.
    """

    def tenant(self) -> str:
        """The caller's tenant within a request; ``""`` in a single-tenant host."""

    def may(self, action: str, instance: IntegrationInstance | None) -> bool:
        """Whether the caller may do ``action`` (docs/http.md lists them); ``instance`` is None when none exists yet."""

    def missing(
        self, session: Session, *, integration_id: int | None, store_id: int | None, nominal_code_ids: Sequence[int]
    ) -> Missing:
        """Which of these do not exist for the caller's tenant; None is not looked up.

        The integration counts as missing unless it is the host's BigCommerce type.
        """

    def integrations(self, session: Session) -> Sequence[tuple[int, str]] | None:
        """The ids and names of the caller's integrations of the type BigCommerce; the pages ask for none if it is one.

        This, ``stores`` and ``nominal_codes`` are optional: without one of them, or for None, a person types the id.
        """

    def stores(self, session: Session) -> Sequence[tuple[int, str]] | None:
        """The ids and names of the caller's stores, in the order in which a person shall choose from them."""

    def nominal_codes(self, session: Session) -> Sequence[tuple[int, str]] | None:
        """The ids and names of the caller's nominal codes, likewise."""

    def name_taken(self, session: Session, name: str) -> bool:
        """Whether an integration of another type already has this name."""

    def earliest_start_date(self, session: Session) -> date | None:
        """The first day that the host's books accept, or None."""

    def products_by_sku(
        self, session: Session, instance: IntegrationInstance, skus: Sequence[str]
    ) -> Mapping[str, Sequence[Key]]:
        """The ids of the host's products by SKU, for those of ``skus`` (trimmed) that it has.

        A key that was not asked for is a SKU as the host spells it that its database takes for equal to
        one that was (by case, accents or blanks): never linked, but shown as the reason why not.
        """

    def create_products(
        self, session: Session, instance: IntegrationInstance, drafts: Sequence[ProductDraft]
    ) -> Mapping[str, Key]:
        """Make these products; their ids by SKU. Called in a savepoint: on an error each draft is tried alone."""

    def products_missing(self, session: Session, instance: IntegrationInstance, ids: Sequence[Key]) -> Collection[Key]:
        """Those of ``ids`` that are no products of the host: such a link is not stored, or taken away.

        Asked before a person's link is stored, and of all links in each full refresh of the products.

        A host without this method, as of an earlier version, is taken to miss none.
        """

    def products_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Told inside the transaction that wrote them: the BigCommerce ids of products with changed rows or links."""

    def orders_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Told inside the transaction that wrote them: the BigCommerce ids of orders with changed rows."""

    def refunds_changed(self, session: Session, instance: IntegrationInstance, ids: Sequence[int]) -> None:
        """Likewise of refunds, which come after their orders; optional."""
        return

    # For people who look at a page. A host without one of these methods, or one that returns None, says nothing.

    def search_products(
        self, session: Session, instance: IntegrationInstance, text: str
    ) -> Sequence[tuple[Key, str, str]] | None:
        """A few products of the host that a person may mean by ``text``, the nearest first: ids, SKUs and names."""

    def products_by_id(
        self, session: Session, instance: IntegrationInstance, ids: Sequence[Key]
    ) -> Mapping[Key, tuple[str, str]] | None:
        """The SKUs and names of these products of the host, for those that it has."""

    def explain_order(self, session: Session, instance: IntegrationInstance, order_id: int) -> str | None:
        """A sentence on what the host made of a stored order, by its BigCommerce id; shown beside our own reasons."""
        return None

    def link_to(
        self, session: Session, instance: IntegrationInstance, kind: Literal["product", "order"], key: Key
    ) -> str | None:
        """The host's own page, by path or web address, about a product (its key) or an order (its BigCommerce id)."""
        return None

    # For an ``AccountingHost``. A host without one of these methods, or one that returns None, leaves it to the plugin.

    def nominal_code(
        self, session: Session, instance: IntegrationInstance, role: str, line: AccountingLine
    ) -> int | None:
        """The nominal code of a line; None is the instance's setting for that role, which may be none."""
        return None

    def unit_costs(
        self, session: Session, instance: IntegrationInstance, host_product_ids: Sequence[Key], on: date
    ) -> Mapping[Key, tuple[Decimal, str]]:
        """What one piece of each product costs on that day, and the ISO code of the currency; absent is not known.

        Asked again for what was not known with each refresh of the orders. A kit is left out: its parts have the cost.
        """
        return {}

    def accounting_start(self, session: Session, instance: IntegrationInstance, kind: str) -> date | None:
        """The first day on which documents of this kind are made.

        None is the later of the day on which the store was connected and the day on which accounting first ran for it.
        """
        return None

    def hold(self, session: Session, instance: IntegrationInstance, order: Mapping[str, Any]) -> str | None:
        """A reason to hold the documents of this order (its stored row, by column) until a person releases them."""
        return None

    def default_batch_period(self, kind: str) -> Literal["daily", "monthly", "none"] | None:
        """The period of the batches of this kind where the instance's setting is null; None is ``none``."""
        return None


@dataclass(frozen=True)
class Attention:
    """What a person should know about a store, or about all of them: when it has begun and when it is over.

    ``id`` is the same for both. ``since`` and ``last_success_at`` (when all was last brought up to date, None if it
    never was) are naive UTC. ``verdict`` is the severity in words; ``can_wait`` is false if something stays out of date
    until a person acts. ``store`` is the name; it, ``instance_id`` and ``tenant`` are None for what concerns all
    stores, ``resource`` for what concerns no single collection. ``url`` is the page that helps, None without
    ``BIGCOMMERCE_PUBLIC_URL`` or pages; ``help`` a chapter of the handbook.
    """

    id: int
    is_over: bool
    code: str
    severity: Literal["person", "wait"]
    sentence: str
    verdict: Literal["A person is needed.", "Nothing is lost."]
    can_wait: bool
    since: datetime
    last_success_at: datetime | None
    tenant: str | None
    instance_id: int | None
    store: str | None
    resource: str | None
    url: str | None
    help: str


@runtime_checkable
class AttentiveHost(Protocol):
    """A host that wants to be told when a person is needed; not every host has the method."""

    def attention_needed(self, session: Session, finding: Attention) -> None:
        """Told once when a finding begins and once when it ends, by a worker; called until it returns.

        What it raises is logged, and it is called again later. A worker that dies in it, or just after, has another one
        call it again with the same ``id`` and ``is_over``. What it writes in ``session`` is committed with the note
        that it was told; it neither commits nor rolls back.
        """


@runtime_checkable
class AccountingHost(Protocol):
    """A host that takes accounting documents; a host without the method gets none, and none are made."""

    def post_accounting(
        self, session: Session, instance: IntegrationInstance, posting: AccountingDocument | AccountingBatch
    ) -> str:
        """Post this in the host's books; the host's own reference for it, of at most 255 characters.

        Called inside the transaction that notes it as posted, once each: what is written in ``session`` is committed
        with that. What it raises leaves the posting pending with the message, and it is called again later.
        """


# Those of the first version: a host that was written for it must go on as it is.
_REQUIRED = (
    "tenant",
    "may",
    "missing",
    "name_taken",
    "earliest_start_date",
    "products_by_sku",
    "create_products",
    "products_changed",
    "orders_changed",
)


def require_host(host: object) -> None:
    """Raises ``ConfigError`` for what lacks a method that a host must have, and names those that are missing."""
    if isinstance(host, type):
        raise ConfigError(f"host must be an object, not the class {host.__name__} itself: give {host.__name__}(…).")
    missing = [name for name in _REQUIRED if not callable(getattr(host, name, None))]
    if missing:
        raise ConfigError(
            "host must be a SQLAlchemyHost(…) or an object with the methods of Host; "
            f"{type(host).__name__} lacks {', '.join(missing)}."
        )


def product_key_type(host: Host) -> object:
    """What the host says of its products' keys, by an attribute or a method; None is integers."""
    said: Any = getattr(host, "product_key_type", None)
    return said() if isinstance(said, MethodType) else said
