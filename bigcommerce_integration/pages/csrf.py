"""Which POSTs are meant by the person who is logged in: those of our own forms, from this site."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Request

FIELD = "form_token"
_PURPOSE = b"bigcommerce_integration: the hidden field of a form"


def form_token(keys: Sequence[str], identity: str) -> str:
    """The value of the hidden field for this identity, made with the first key; it outlives a renewed cookie."""
    return _made_with(keys[0], identity)


def is_form_token(keys: Sequence[str], identity: str, given: str) -> bool:
    """Whether the value was made for this identity with any of the keys."""
    return any(hmac.compare_digest(_made_with(key, identity).encode(), given.encode()) for key in keys)


def _made_with(key: str, identity: str) -> str:
    derived = hmac.digest(key.encode(), _PURPOSE, "sha256")
    return hmac.digest(derived, identity.encode("utf-8", "surrogatepass"), "sha256").hex()


def is_from_this_site(request: Request) -> bool:
    """What the browser says of the page that the request comes from; a browser that says nothing is not believed."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        # "none" is the person's own doing, such as a page that is loaded again.
        return site in ("same-origin", "none")
    return bool(request.host) and urlsplit(request.headers.get("Origin", "")).netloc == request.host
