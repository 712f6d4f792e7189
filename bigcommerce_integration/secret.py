"""Secrets, wrapped so that nothing prints, logs or pickles them by accident."""

from __future__ import annotations

import base64
import html
import re
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

DOTS = "••••••••"
_TOKEN = re.compile(r"[!-~]{1,255}")


class Unpicklable:
    """Refuses to be pickled or copied: whatever holds a secret must not leave the process by accident."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled.")


class Secret(Unpicklable):
    """An access token (or a key in its form) that shows as dots; only ``reveal`` and ``encode`` give the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Refuse what no HTTP header can carry (``ValueError``, without the text)."""
        if not _TOKEN.fullmatch(text):
            raise ValueError("An access token is 1 to 255 printable ASCII characters without spaces.")
        self._text = text

    def reveal(self) -> str:
        """The token itself, to be used at once and kept nowhere."""
        return self._text

    def encode(self, encoding: str = "ascii", errors: str = "strict") -> bytes:
        """The bytes of the token: ``http.client`` calls this, as it does with text, when it writes a header."""
        return self._text.encode(encoding, errors)

    def mask(self, text: str) -> str:
        """``text`` with the token, also where it is escaped for a URL or HTML, replaced by dots."""
        for form in {self._text, quote(self._text, safe=""), html.escape(self._text)}:
            text = text.replace(form, DOTS)
        return text

    def __repr__(self) -> str:
        return DOTS


class ProxyUrl(Unpicklable):
    """The address of a proxy, whose user name and password do not show."""

    __slots__ = ("_authorization", "shown")

    shown: str
    """``http://host:port``, without user name and password."""

    def __init__(self, text: str) -> None:
        """Of ``http://[user:password@]host[:port]``; ``ValueError``, without the text, for anything else."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError("no URL of a proxy") from None
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("no URL of a proxy")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.shown = f"http://{host}:{port or 80}"
        self._authorization: str | None = None
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}"

    def headers(self) -> dict[str, str]:
        """The headers that the proxy itself wants."""
        return {"Proxy-Authorization": self._authorization} if self._authorization else {}

    def __repr__(self) -> str:
        return self.shown
