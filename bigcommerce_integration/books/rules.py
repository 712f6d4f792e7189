"""What the books are kept by: the pure decisions, and the parts of the app that every step needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..accounting.batches import summed
from ..accounting.document import Document, Line
from ..accounting.documents import Prepared, prepared
from ..accounting.facts import GoodsReturn, Order, Refund, Settings
from ..accounting.version import version
from ..config import Config
from ..host.port import Host
from ..models import Tables


@dataclass(frozen=True)
class Rules:
    """The functions of ``accounting``, as values: a test of the books may have simple ones of its own."""

    prepared: Callable[[Order, Sequence[Refund], Sequence[GoodsReturn], Settings, Sequence[Document]], Prepared]
    version: Callable[[Document], str]
    summed: Callable[[Iterable[Document]], tuple[Line, ...]]


RULES = Rules(prepared, version, summed)


@dataclass(frozen=True)
class Books:
    """What every step of making documents is given."""

    config: Config
    tables: Tables = field(repr=False)
    host: Host
    rules: Rules = field(default=RULES, repr=False)
