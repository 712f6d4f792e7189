"""The access token, wrapped so that nothing prints it by accident."""

from __future__ import annotations

import html
import re
from typing import NoReturn
from urllib.parse import quote

DOTS = "••••••••"
_TOKEN = re.compile(r"[!-~]{1,255}")


class Secret:
    """An access token that shows as dots; only ``reveal`` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Refuse what no HTTP header can carry (``ValueError``, without the text)."""
        if not _TOKEN.fullmatch(text):
            raise ValueError("An access token is 1 to 255 printable ASCII characters without spaces.")
        self._text = text

    def reveal(self) -> str:
        """The token itself, to be used where it is sent and kept nowhere."""
        return self._text

    def mask(self, text: str) -> str:
        """``text`` with the token, also where it is escaped for a URL or HTML, replaced by dots."""
        for form in {self._text, quote(self._text, safe=""), html.escape(self._text)}:
            text = text.replace(form, DOTS)
        return text

    def __repr__(self) -> str:
        return DOTS

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled.")
