"""The settings, read once from the host's ``app.config`` and never written."""

from __future__ import annotations

import base64
import difflib
import hmac
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import urlsplit

from .encryption import ProxyUrl, TokenCipher, Unpicklable
from .errors import ConfigError
from .resources.base import LARGEST_PAGE

PREFIX = "BIGCOMMERCE_"
_MARK = 3
"""How many characters a fingerprint has for each setting."""
# Infinity would be no time that a database can count with.
_TEN_YEARS_S = 315_360_000.0
# How close to one of ours, from 0 to 1, a key is a mistake: APP_URL and CURRENCY are not yet, TIMEUOT_S is.
_CLOSE_NAME, _CLOSE_KEY = 0.85, 0.9
_UNITS = frozenset({"S", "SEC", "SECS", "SECOND", "SECONDS", "MS", "MIN", "MINUTES", "HOURS", "DAY", "DAYS"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
Check = Callable[[str, Any], Any]
"""Takes the key and the value that the host has set; ``ConfigError`` if it cannot be used."""


def _optional(check: Check) -> Check:
    return lambda key, value: None if value is None else check(key, value)


def _number(low: float, high: float = _TEN_YEARS_S) -> Callable[[str, Any], float]:
    def check(key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigError(f"{key} must be a number from {low} to {high}, not {value!r}.")
        return float(value)

    return check


def _integer(low: int, high: int) -> Callable[[str, Any], int]:
    def check(key: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(f"{key} must be a whole number from {low} to {high}, not {value!r}.")
        return value

    return check


def _keys(key: str, value: Any) -> tuple[str, ...]:
    # The value is never shown: part of it may be a real key.
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise ConfigError(f"{key} must be a list of keys: the first encrypts, all decrypt.")
    TokenCipher(value)
    return tuple(value)


def _url(key: str, value: Any, example: str) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        port = parts.port if parts else None
    except ValueError:
        parts = port = None
    if parts is None or not parts.hostname or parts.query or parts.fragment or parts.username or port == 0:
        raise ConfigError(f"{key} must be a URL such as {example}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise ConfigError(f"{key} must begin with https:// (http only for this very machine, for tests).")
    return str(value).rstrip("/")


_api_url = partial(_url, example="https://api.bigcommerce.com")
_public_url = partial(_url, example="https://shop.example, where people reach your app")


def _boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be True or False, not {value!r}.")
    return value


def _person_data(key: str, value: Any) -> str:
    if value not in ("keep", "drop"):
        raise ConfigError(f"{key} must be 'keep' or 'drop', not {value!r}.")
    return str(value)


def _proxy_url(key: str, value: Any) -> ProxyUrl:
    # The value is never shown: it may hold a password.
    try:
        if isinstance(value, str):
            return ProxyUrl(value)
    except ValueError:
        pass
    raise ConfigError(f"{key} must be a URL such as http://user:password@proxy.example:3128.") from None


def _ca_bundle(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{key} must be the path of a file of certificates in PEM form.")
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:
        raise ConfigError(
            f"{key}: {value!r} cannot be read as a file of certificates in PEM form ({error.strerror or error})."
        ) from None
    return value


def _read_by(check: Check) -> dict[str, Check]:
    """The metadata of a setting: what reads its value from ``app.config``."""
    return {"check": check}


@dataclass(frozen=True)
class Config(Unpicklable):
    """Each setting without its prefix, in lower case; units stand in the names (``_s`` seconds)."""

    encryption_keys: tuple[str, ...] = field(repr=False, metadata=_read_by(_keys))
    api_url: str = field(default="https://api.bigcommerce.com", metadata=_read_by(_api_url))
    concurrency: int = field(default=3, metadata=_read_by(_integer(1, 50)))
    page_size: int = field(default=LARGEST_PAGE, metadata=_read_by(_integer(1, LARGEST_PAGE)))
    timeout_s: float = field(default=30, metadata=_read_by(_number(0.1, 600)))
    slice_s: float = field(default=20, metadata=_read_by(_number(0.1, 300)))
    slices: int | None = field(default=None, metadata=_read_by(_optional(_integer(1, 1000))))
    lease_s: float = field(default=60, metadata=_read_by(_number(1, 3600)))
    tick_s: float = field(default=5, metadata=_read_by(_number(0.05, 3600)))
    quota_reserve: float = field(default=0.1, metadata=_read_by(_number(0, 0.95)))
    sync_interval_s: float = field(default=300, metadata=_read_by(_number(1)))
    sweep_interval_s: float = field(default=86400, metadata=_read_by(_number(1)))
    link_interval_s: float = field(default=3600, metadata=_read_by(_number(0)))
    reconcile_interval_s: float | None = field(default=None, metadata=_read_by(_optional(_number(60))))
    overlap_s: float = field(default=300, metadata=_read_by(_number(0)))
    max_deleted_share: float = field(default=0.2, metadata=_read_by(_number(0, 1)))
    retention_days: int = field(default=30, metadata=_read_by(_integer(1, 36500)))
    person_data: Literal["keep", "drop"] = field(default="keep", metadata=_read_by(_person_data))
    proxy_url: ProxyUrl | None = field(default=None, metadata=_read_by(_optional(_proxy_url)))
    ca_bundle: str | None = field(default=None, metadata=_read_by(_optional(_ca_bundle)))
    refund_returns_goods: bool = field(default=False, metadata=_read_by(_boolean))
    public_url: str | None = field(
        default=None,
        metadata=_read_by(_optional(_public_url)),
    )

    def fingerprint(self) -> str:
        """Equal for processes that have the same settings; nobody without the first key can guess one from it."""
        return "".join(self._mark_of(item.name) for item in fields(self))

    def differing(self, fingerprint: str) -> Sequence[str]:
        """The settings, by their names in ``app.config``, that another process of this version has otherwise.

        If its first key is another one, its marks tell no more than that: the keys alone are named.
        """
        mine, names = self.fingerprint(), [item.name for item in fields(self)]
        others = {name: fingerprint[place * _MARK :][:_MARK] for place, name in enumerate(names)}
        differ = [name for place, name in enumerate(names) if others[name] != mine[place * _MARK :][:_MARK]]
        shown = names[:1] if len(differ) == len(names) else differ
        return [f"{PREFIX}{name.upper()}" for name in shown]

    def _mark_of(self, name: str) -> str:
        value = getattr(self, name)
        shown = (name, repr(value), value.headers() if isinstance(value, ProxyUrl) else "")
        digest = hmac.new(self.encryption_keys[0].encode(), repr(shown).encode(), "sha256").digest()
        return base64.b64encode(digest).decode()[:_MARK]

    def cipher(self) -> TokenCipher:
        """What encrypts and decrypts the stores' access tokens."""
        return TokenCipher(self.encryption_keys)


def read_config(settings: Mapping[str, Any]) -> Config:
    """The ``BIGCOMMERCE_…`` entries of ``app.config``; ``ConfigError`` names the first bad one and its cure."""
    known = {f"{PREFIX}{item.name.upper()}": item for item in fields(Config)}
    _refuse_lookalikes(settings, known)
    if f"{PREFIX}ENCRYPTION_KEYS" not in settings:
        TokenCipher([])
    given = {key: item for key, item in known.items() if key in settings}
    config = Config(**{item.name: item.metadata["check"](key, settings[key]) for key, item in given.items()})
    if config.lease_s < 3:
        raise ConfigError("BIGCOMMERCE_LEASE_S must be at least 3 seconds: the lease is renewed every third of it.")
    return config


def _refuse_lookalikes(settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """A mistyped setting is an error, or its default would be used in silence. Other keys are the host's own."""
    known = tuple(sorted(known))
    for key in settings:
        if not isinstance(key, str) or key in known:
            continue
        if meant := _meant(key, known):
            raise ConfigError(
                f"{key} is not a setting of bigcommerce_integration, and resembles one. Did you mean {meant}? "
                "If it is a setting of your own, give it another name."
            )


@lru_cache(maxsize=1024)
def _meant(key: str, known: tuple[str, ...]) -> str | None:
    """The setting that ``key`` resembles, if there is one.

    Behind our prefix only the rest is compared: the prefix is long, and any two names behind it would be close. A
    mistyped prefix is compared as a part of the whole.
    """
    if not _squeezed(key).startswith(_squeezed(PREFIX)):
        return _closest([_squeezed(key)], {_squeezed(name): name for name in known}, _CLOSE_KEY)
    written: dict[str, str] = {}
    for name in known:
        for form in _forms(name.removeprefix(PREFIX)):
            # SLICES and SLICE_S are written alike.
            written[form] = f"{written[form]} or {name}" if form in written else name
    return _closest(_forms(key.upper().partition("COMMERCE")[2]), written, _CLOSE_NAME)


def _forms(name: str) -> list[str]:
    """With and without its unit, which is easily left out or taken for another one."""
    stem, _, last = name.upper().rpartition("_")
    return [_squeezed(name), *([_squeezed(stem)] if _squeezed(stem) and last in _UNITS else [])]


def _closest(forms: Iterable[str], written: Mapping[str, str], cutoff: float) -> str | None:
    for form in forms:
        # The same letters in another order are a slip too, which the ratio takes for much in a short word.
        turned = [each for each in written if sorted(each) == sorted(form)]
        if close := difflib.get_close_matches(form, written, n=1, cutoff=cutoff) or turned:
            return written[close[0]]
    return None


def _squeezed(name: str) -> str:
    return name.upper().replace("_", "")
