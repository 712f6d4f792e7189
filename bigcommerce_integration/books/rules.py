"""What the books are kept by: the pure decisions, and the parts of the app that every step needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..accounting.batches import summed
from ..accounting.document import Document, Line
from ..accounting.documents import costs_wanted, documents
from ..accounting.facts import Costs, GoodsReturn, Order, Refund, Settings
from ..accounting.version import version
from ..config import Config
from ..host.port import Host
from ..models import Tables


@dataclass(frozen=True)
class Rules:
    """The functions of ``accounting``, as values: a test of the books may have simple ones of its own."""

    documents: Callable[
        [Order, Sequence[Refund], Sequence[GoodsReturn], Settings, Costs, Sequence[Document]], tuple[Document, ...]
    ]
    costs_wanted: Callable[
        [Order, Sequence[Refund], Sequence[GoodsReturn], Settings, Sequence[Document]], frozenset[tuple[date, Any]]
    ]
    version: Callable[[Document], str]
    summed: Callable[[Iterable[Document]], tuple[Line, ...]]


RULES = Rules(documents, costs_wanted, version, summed)


@dataclass(frozen=True)
class Books:
    """What every step of making documents is given."""

    config: Config
    tables: Tables = field(repr=False)
    host: Host
    rules: Rules = field(default=RULES, repr=False)
