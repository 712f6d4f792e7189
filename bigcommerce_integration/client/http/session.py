"""A session of ``requests`` as quiet as can be: no settings from outside, no cookies, no redirects, no kept token."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests
from requests.auth import AuthBase

from ...encryption import ProxyUrl, Secret
from ...version import __version__
from .deadline import DeadlineAdapter

USER_AGENT = f"bigcommerce_integration/{__version__}"


class _Token(AuthBase):
    """Puts the token on each request, so that no session keeps it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As the object that it is: it becomes text only when http.client writes it.
        request.headers["X-Auth-Token"] = self._token  # type: ignore[assignment]
        return request


class _Session(requests.Session):
    """A session that does not even look where a redirect leads (``requests`` would read its body without bound)."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


def new_session(token: Secret, *, proxy: ProxyUrl | None = None, ca_bundle: str | None = None) -> requests.Session:
    """A session for one thread, which puts the token on each request.

    ``proxy`` is asked to connect through to every https address; ``ca_bundle`` is the file of the certificates to trust
    in place of those that come with ``certifi``.
    """
    session = _Session()
    session.trust_env = False
    session.auth = _Token(token)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": USER_AGENT})
    if proxy is not None:
        session.proxies["https"] = proxy.shown
    if ca_bundle is not None:
        session.verify = ca_bundle
    adapter = DeadlineAdapter(proxy)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session
