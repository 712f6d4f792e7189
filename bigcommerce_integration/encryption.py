"""Secrets: wrapped in memory, so that nothing prints, logs or pickles them by accident, and encrypted at rest.

At rest they are Fernet ciphertext, with keys that are rotated by their order in a list.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .errors import ConfigError, KeyMissing

GENERATE_KEY_COMMAND = "python -m bigcommerce_integration generate-key"
DOTS = "••••••••"
TOKEN = re.compile(r"[!-~]{1,255}")


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
        if not TOKEN.fullmatch(text):
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


def generate_key() -> str:
    """A new key for ``BIGCOMMERCE_ENCRYPTION_KEYS``: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode("ascii")


class TokenCipher(Unpicklable):
    """Encrypts with the first key, decrypts with any; its ``repr`` shows no key."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises ``ConfigError`` for a missing or malformed key, with the command that makes one."""
        if not keys:
            raise ConfigError(f"BIGCOMMERCE_ENCRYPTION_KEYS is empty. Make a key with: {GENERATE_KEY_COMMAND}")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError):
            raise ConfigError(
                "BIGCOMMERCE_ENCRYPTION_KEYS holds something that is not a key (32 bytes in URL-safe base64). "
                f"Make a key with: {GENERATE_KEY_COMMAND}"
            ) from None

    def encrypt(self, token: str) -> bytes:
        """The ciphertext of ``token`` under the first key."""
        return self._fernet.encrypt(token.encode("utf-8"))

    def decrypt(self, ciphertext: bytes) -> Secret:
        """The token, which does not show itself; ``KeyMissing`` if none of the keys opens the ciphertext."""
        try:
            return Secret(self._fernet.decrypt(ciphertext).decode("ascii"))
        except InvalidToken:
            raise KeyMissing(
                "A stored access token cannot be decrypted with any of BIGCOMMERCE_ENCRYPTION_KEYS: "
                "put the key it was encrypted with back at the end of the list, or enter the token again."
            ) from None

    def rotate(self, ciphertext: bytes) -> bytes:
        """The same token under the first key; ``KeyMissing`` as in ``decrypt``."""
        return self.encrypt(self.decrypt(ciphertext).reveal())

    def __repr__(self) -> str:
        return "TokenCipher(…)"
