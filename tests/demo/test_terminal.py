"""What reaches the terminal: aligned and harmless."""

from __future__ import annotations

import io

from bigcommerce_integration.demo.command.terminal import Terminal


def table(*rows: tuple[object, ...]) -> list[str]:
    out = io.StringIO()
    Terminal(out).table(("id", "name", "count"), rows, (4, 8, 7))
    return out.getvalue().splitlines()


def test_a_table_aligns_numbers_to_the_right() -> None:
    assert table(("7", "Mug", 1234), ("8", None, 5)) == [
        "  id    name        count",
        "  7     Mug         1,234",
        "  8     -               5",
    ]


def test_wide_characters_take_two_places_and_long_texts_are_cut() -> None:
    assert table(("1", "茶碗", 1), ("2", "Kaffeetasse", 2))[1:] == [
        "  1     茶碗            1",
        "  2     Kaffeet…        2",
    ]


def test_control_characters_of_a_name_do_not_reach_the_terminal() -> None:
    shown = "".join(table(("1", "\x1b[2J\u202e\x00\ud800x", 1)))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "·[2J···x" in shown


def test_without_utf_8_other_characters_are_replaced() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Terminal(out).print_line("Building …")
    out.seek(0)
    assert out.read() == "Building ?\n"
