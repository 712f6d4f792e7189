"""What a reconciliation finds: records whose rows are not as the store has them. Kept in the refresh row, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

MOST_RECORDS = 1000
"""So many records are named; the others are counted."""
MOST_COLUMNS = 50
Kind = Literal["missing", "different", "extra"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Difference:
    """One record by its BigCommerce id: not stored, stored with other ``columns``, or stored and not in the store.

    The column of a child is named ``lines.7.quantity``, by its id; ``lines.7`` is a child that is missing or too many.
    """

    id: int
    kind: Kind
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Totals:
    """What the records of one month come to in one currency, in the store and in the rows."""

    store: Decimal = Decimal(0)
    mirror: Decimal = Decimal(0)

    @property
    def is_equal(self) -> bool:
        """Whether both sides come to the same."""
        return self.store == self.mirror

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.store + other.store, self.mirror + other.mirror)


@dataclass(frozen=True)
class Drift:
    """``count`` records differ, the first of them by id in ``records``; ``totals`` are by month and currency."""

    count: int = 0
    records: Mapping[int, Difference] = field(default_factory=dict)
    totals: Mapping[tuple[str, str], Totals] = field(default_factory=dict)

    @classmethod
    def of(cls, *found: Difference, totals: Mapping[tuple[str, str], Totals] | None = None) -> Drift:
        """What one page has brought."""
        return cls(len(found), {each.id: each for each in found}, totals or {})

    def __add__(self, other: Drift) -> Drift:
        new = {each: one for each, one in other.records.items() if each not in self.records}
        repeated = len(other.records) - len(new)
        records = dict([*self.records.items(), *new.items()][:MOST_RECORDS])
        keys = dict.fromkeys([*self.totals, *other.totals])
        totals = {key: self.totals.get(key, Totals()) + other.totals.get(key, Totals()) for key in keys}
        return Drift(self.count + other.count - repeated, records, totals)

    def dump(self) -> str:
        """As the refresh row holds it."""
        records = [[each.id, each.kind, list(each.columns[:MOST_COLUMNS])] for each in self.records.values()]
        totals = [[*key, str(each.store), str(each.mirror)] for key, each in sorted(self.totals.items())]
        return json.dumps({"count": self.count, "records": records, "totals": totals})


def load_drift(text: str | None) -> Drift:
    """What ``dump`` wrote."""
    if text is None:
        return Drift()
    data = json.loads(text)
    records = {each: Difference(each, kind, tuple(columns)) for each, kind, columns in data["records"]}
    totals = {
        (month, currency): Totals(Decimal(store), Decimal(mirror)) for month, currency, store, mirror in data["totals"]
    }
    return Drift(data["count"], records, totals)
