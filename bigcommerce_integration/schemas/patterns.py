"""The rule for names as regular expressions, and the store hash in what people paste instead of it.

Any dialect of regular expressions reads the rule: literal characters in classes, nothing else.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

from ..resources.values import STORE_HASH

NOT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})
UNSEEN = frozenset({"Cf", "Zs"})
_LAST_BLANK = 0x3000
_SPECIAL = frozenset("\\]^-[")
_HASH = rf"({STORE_HASH.pattern})(?![A-Za-z0-9])"
_PLACES = (
    re.compile(r"stores/+" + _HASH, re.IGNORECASE),
    re.compile(r"(?<![A-Za-z0-9-])store-" + _HASH, re.IGNORECASE),
)
_NOT_A_HASH = frozenset({"stores", "v2", "v3", "api", "manage", "http", "https"})


@cache
def name_patterns(longest: int) -> tuple[str, str]:
    """Two that a name has to match: it has 1 to ``longest`` characters within its blanks, and one that is seen."""
    named, category = (NOT_IN_NAMES | UNSEEN) - {"Cs"}, unicodedata.category
    of_kind = [(each, kind) for each in map(chr, range(sys.maxunicode + 1)) if (kind := category(each)) in named]
    refused = _class(each for each, kind in of_kind if kind in NOT_IN_NAMES)
    unseen = _class(each for each, kind in of_kind if kind in UNSEEN)
    return trimmed_pattern(longest, refused), f"[^{refused}{unseen}]"


@cache
def trimmed_pattern(longest: int, refused: str = "\0") -> str:
    """That of a text with 1 to ``longest`` characters within its blanks; ``refused`` is the inside of a class."""
    blank = _class(character for character in map(chr, range(_LAST_BLANK + 1)) if character.isspace())
    edge, inner = f"[^{refused}{blank}]", f"[^{refused}]"
    return f"^[{blank}]*{edge}({inner}{{0,{longest - 2}}}{edge})?[{blank}]*$"


def _class(characters: Iterable[str]) -> str:
    """The inside of a character class, neighbours as ranges."""
    runs: list[list[int]] = []
    for code in map(ord, characters):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(_literal(low) if low == high else f"{_literal(low)}-{_literal(high)}" for low, high in runs)


def _literal(code: int) -> str:
    character = chr(code)
    return f"\\{character}" if character in _SPECIAL else character


def find_store_hash(text: str) -> str | None:
    """The hash in an API path, a control panel's URL, or a text with nothing else that could be one."""
    plain = unicodedata.normalize("NFKC", text)
    for place in _PLACES:
        if match := place.search(plain):
            return match[1]
    if "." in plain or ":" in plain:
        return None
    candidates = {
        part for part in re.split(r"[/\s]+", plain) if STORE_HASH.fullmatch(part) and part.lower() not in _NOT_A_HASH
    }
    return candidates.pop() if len(candidates) == 1 else None
