"""The access token that a person types stays in no frame, no request and no page."""

from __future__ import annotations

from typing import Any

import pytest
from flask import got_request_exception, request

from ..shop import Shop
from ..web.test_secrecy import everything_of
from .browsing import Browser

TOKEN = "t0ken-that-nobody-may-see-9876"


@pytest.mark.parametrize("view", ["connect", "settings"])
def test_no_report_of_an_error_shows_the_token(
    paged: Shop, browser: Browser, view: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = paged.post()
    seen: list[str] = []

    def broken(*_given: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("broken")

    def hear(_sender: Any, exception: BaseException) -> None:
        seen.extend([everything_of(exception), repr(request.form), repr(vars(request))])

    doing = {"connect": "connect.connect", "settings": "settings.change"}[view]
    monkeypatch.setattr(f"bigcommerce_integration.pages.views.{doing}", broken)
    path = {"connect": "/connect", "settings": f"/{made['id']}/settings"}[view]
    form = browser.get(path).form("name")
    paged.app.testing = False
    with got_request_exception.connected_to(hear, paged.app):
        page = browser.send(
            form, 500, access_token=TOKEN, do="connect", name="Other", store_hash="abc123", store_id="7"
        )
    assert len(seen) == 3
    assert "ZeroDivisionError" in seen[0]
    for text in (*seen, page.answer.text, caplog.text):
        assert TOKEN not in text
        assert TOKEN[:12] not in text
