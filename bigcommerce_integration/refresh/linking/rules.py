"""What a variant is linked to, by its SKU: pure decisions, and never a guess.

===========  =============  ==========================  ===========================
auto_link    auto_create    one host product has it     no host product has it
===========  =============  ==========================  ===========================
false        false          –                           –
true         false          link                        –
false        true           leave unlinked              create and link
true         true           link                        create and link
===========  =============  ==========================  ===========================
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from ...errors import LinkCode
from ...models.product_key import Key, in_order, key_answer
from ...resources.columns import is_noted
from ...resources.columns import message as column_message

Choice = Literal["link", "create", "leave"]


@dataclass(frozen=True)
class Decision:
    """What to do with one variant; ``conflict`` says why nothing can be done, ``code`` says it for programs."""

    choice: Choice
    host_product_id: Key | None = None
    conflict: str | None = None
    code: LinkCode | None = None

    @classmethod
    def conflicting(cls, code: LinkCode, conflict: str) -> Self:
        """To leave the variant without a link, for this reason."""
        return cls("leave", None, conflict, code)

    @property
    def is_refused(self) -> bool:
        """Whether it is the host that stands in the way."""
        return self.code == LinkCode.REFUSED_BY_HOST


LEAVE, CREATE = Decision("leave"), Decision("create")


class Unaskable(dict[str, Sequence[Key]]):
    """In place of the host's products with a SKU that its table cannot hold: there are none, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__({"": ()})
        self.reason = reason


def folded(sku: str) -> str:
    """The SKU without case and accents: what some databases take for equal."""
    if sku.isascii():
        return sku.strip().lower()
    decomposed = unicodedata.normalize("NFKD", sku.strip().casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def decide(
    sku: str, *, host: Mapping[str, Sequence[Key]], live_variants: int, auto_link: bool, auto_create: bool
) -> Decision:
    """The truth table for a variant with this (trimmed) SKU; ``host`` maps the host's spellings to product ids."""
    if not host and live_variants == 1:
        return CREATE if auto_create else LEAVE
    exact = [each for spelling, ids in host.items() if spelling.strip() == sku for each in ids]
    if isinstance(host, Unaskable):
        return Decision.conflicting(LinkCode.SKU_NOT_ASKABLE, host.reason)
    if (conflict := _conflict(sku, host, exact, live_variants)) is not None:
        return conflict
    if exact:
        return Decision("link", exact[0]) if auto_link else LEAVE
    return CREATE if auto_create else LEAVE


def _conflict(sku: str, host: Mapping[str, Sequence[Key]], exact: Sequence[Key], live_variants: int) -> Decision | None:
    near = sorted(spelling for spelling, ids in host.items() if ids and spelling.strip() != sku)
    if live_variants > 1:
        return same_sku_in_store(live_variants)
    if len(exact) > 1:
        shown = ", ".join(str(key_answer(each)) for each in in_order(exact)[:5])
        text = f"{len(exact)} of your products have this SKU: numbers {shown}."
        return Decision.conflicting(LinkCode.SAME_SKU_IN_HOST, text)
    if near:
        text = f"One of your products has nearly this SKU, {column_message(near[0])!r}: case, accent or blanks differ."
        return Decision.conflicting(LinkCode.SIMILAR_SKU_IN_HOST, text)
    return None


def same_sku_in_store(live_variants: int) -> Decision:
    """Why no variant is linked whose SKU others have too."""
    return Decision.conflicting(LinkCode.SAME_SKU_IN_STORE, f"{live_variants} variants of the store have this SKU.")


def without_sku(notes: str | None) -> Decision:
    """Why a variant is not linked that has no SKU; ``notes`` are its row's."""
    if is_noted("sku", notes):
        text = "The SKU cannot be read, or is too long (see the notes): link it by hand."
        return Decision.conflicting(LinkCode.UNREADABLE_SKU, text)
    return Decision.conflicting(LinkCode.BLANK_SKU, "The SKU is blank.")
