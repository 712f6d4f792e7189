"""Access tokens and erasure keys at rest: Fernet ciphertext, keys rotated by their order in a list."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .errors import ConfigError, KeyMissing
from .secret import Secret, Unpicklable

GENERATE_KEY_COMMAND = "python -m bigcommerce_integration generate-key"


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
