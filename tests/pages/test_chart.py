"""The chart of changes a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import update

from bigcommerce_integration.pages.views.chart import HEIGHT, WIDTH, chart

from ..shop import Shop
from .browsing import Browser, add_pages


def test_changes_of_each_day_are_added_up(any_shop: Shop) -> None:
    add_pages(any_shop.app)
    store = f"/{any_shop.post()['id']}"
    browser = Browser(any_shop.app)
    assert "Changes a day" not in browser.get(store).text
    table, now = any_shop.tables.refreshes, datetime.now(UTC).replace(tzinfo=None)
    for number, counts, ago in ((1, {"created": 2, "updated": 3}, 0), (2, {"deleted": 4000}, 3)):
        ended = {"status": "completed", "open_key": None, "finished_at": now - timedelta(days=ago)}
        any_shop.execute(update(table).where(table.c.id == number).values(**ended, **counts))
    text = browser.get(store).answer.text
    for day, number in ((now, "5"), (now - timedelta(days=3), "4,000")):
        assert f"<title>{day.day} {day:%b %Y}: {number}</title>" in text
    any_shop.execute(update(table).values(finished_at=now - timedelta(days=14)))
    assert "Changes a day" not in browser.get(store).text


def test_bars_lie_within_the_chart_and_none_is_invisible() -> None:
    days = [(date(2026, 1, 1) + timedelta(days=each), number) for each, number in enumerate([0, 1, 10**9, 500])]
    made = chart(days)
    assert made is not None
    assert [bar.height > 0 for bar in made.bars] == [False, True, True, True]
    for bar in made.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
    assert chart([(date(2026, 1, 1), 0)]) is None
    assert chart([]) is None
