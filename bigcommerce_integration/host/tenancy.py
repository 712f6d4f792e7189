"""Which rows of the host's models belong to which tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from sqlalchemy import BigInteger, Select, and_, bindparam, null, select, true
from sqlalchemy.orm import Session, aliased, outerjoin

from ..errors import ConfigError
from ..models.product_key import ProductKey, key_answer, link_type

TenantColumn = str | Mapping[type[Any], str | None] | None
"""The name of the attribute that holds a row's tenant, in all models or by model; None where all tenants share them."""

_given: ContextVar[str | None] = ContextVar("bigcommerce_tenant", default=None)


@contextmanager
def acting_for(tenant: str) -> Iterator[None]:
    """Within, ``given_tenant`` is this one: the command line has no request that could tell."""
    token = _given.set(tenant)
    try:
        yield
    finally:
        _given.reset(token)


def given_tenant() -> str | None:
    """The tenant for whom a command works; None within requests and jobs."""
    return _given.get()


def tenant_text(tenant: object) -> Any:
    """A tenant as we store it: text, also of a company's number or UUID."""
    return tenant if isinstance(tenant, str) or tenant is None else str(key_answer(tenant))


def column_name(given: TenantColumn, model: type[Any]) -> str | None:
    """The attribute of this model; ``ConfigError`` for one that a mapping leaves out: nothing is shared in silence."""
    if given is None or isinstance(given, str):
        return given
    if model not in given:
        raise ConfigError(
            f"SQLAlchemyHost: tenant_column does not say which column of {model.__name__} holds the tenant: name it, "
            "or give None for a model that all tenants share."
        )
    return given[model]


@dataclass(frozen=True)
class Scope:
    """The rows of one model that a tenant may see; without ``column`` they are everybody's."""

    column: Any = None

    def value(self, session: Session, tenant: str) -> Any:
        """The tenant as the column holds it; ``ConfigError`` for one that it cannot hold."""
        key = ProductKey(link_type(self.column.type))
        try:
            return key.read(int(tenant) if key.is_integer else tenant, session.get_bind().dialect)
        except ValueError as error:
            raise ConfigError(f"The tenant {tenant!r} is no value of {self.column}. {error}") from None

    def rows(
        self,
        session: Session,
        tenant: Callable[[], str],
        columns: Iterable[Any],
        conditions: Iterable[Any],
        *,
        most: int | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """These columns of the tenant's rows that meet any of ``conditions``, each asked by a statement of its own.

        ``most`` is how many rows each statement brings.
        """
        columns = tuple(columns)
        if self.column is None:
            for condition in conditions:
                yield from map(tuple, session.execute(select(*columns).where(condition).limit(most)))
            return
        mine = self.value(session, tenant())
        for condition in conditions:
            statement = select(*columns, self.column).where(condition, self.column == mine).limit(most)
            # Compared in Python too: databases take more texts for equal, and what is another tenant's is never shown.
            yield from (tuple(row[:-1]) for row in session.execute(statement) if _is_same(row[-1], mine))


@dataclass(frozen=True)
class Lookup:
    """By which attribute the rows of a model are found, and which one is read."""

    scope: Scope
    key: Any
    value: Any


def values_of(session: Session, tenant: Callable[[], str], *wanted: tuple[Lookup, Sequence[int]]) -> list[set[Any]]:
    """What is found of each by these keys, of the tenant's rows alone; one statement for all."""
    found: list[set[Any]] = [set() for _ in wanted]
    asked = [(values, lookup, keys) for values, (lookup, keys) in zip(found, wanted, strict=True) if keys]
    if not asked:
        return found
    scopes = [lookup.scope for _, lookup, _ in asked]
    mine = [None if scope.column is None else scope.value(session, tenant()) for scope in scopes]
    given = {f"owner_{place}": one for place, one in enumerate(mine)}
    given |= {f"key_{place}": key for place, key in enumerate(chain(*(keys for _, _, keys in asked)))}
    statement = _together(tuple((lookup, len(keys)) for _, lookup, keys in asked))
    for row in session.execute(statement, given):
        for (values, _, _), value, owner, its in zip(asked, row[::2], row[1::2], mine, strict=True):
            if value is not None and _is_same(owner, its):
                values.add(value)
    return found


@lru_cache(maxsize=64)
def _together(asked: tuple[tuple[Lookup, int], ...]) -> Select[Any]:
    """The values and the owners of the rows of these models, which are joined to a row of so many keys of each."""
    # As 64-bit numbers: PostgreSQL refuses to cast a larger one to a column's 32 bits.
    keys = (bindparam(f"key_{place}", type_=BigInteger()) for place in range(sum(count for _, count in asked)))
    joined: Any = select(*(key.label(key.key) for key in keys)).subquery()
    left, columns = iter(joined.c), []
    for place, (lookup, count) in enumerate(asked):
        # Two may be of one model.
        model, owner = aliased(lookup.key.class_), lookup.scope.column
        which = getattr(model, lookup.key.key).in_(list(islice(left, count)))
        columns += [getattr(model, lookup.value.key), null() if owner is None else getattr(model, owner.key)]
        is_mine = true() if owner is None else columns[-1] == bindparam(f"owner_{place}", type_=owner.type)
        joined = outerjoin(joined, model, and_(which, is_mine))
    return select(*columns).select_from(joined)


def _is_same(found: Any, mine: Any) -> bool:
    return bool(found == mine or (isinstance(found, str) and isinstance(mine, str) and found.rstrip() == mine))
