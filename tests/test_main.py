from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from bigcommerce_integration.__main__ import main
from bigcommerce_integration.encryption import TokenCipher


def test_generate_key_prints_a_key_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate-key"]) == 0
    key = capsys.readouterr().out.strip()
    assert TokenCipher([key]).decrypt(TokenCipher([key]).encrypt("x")).reveal() == "x"


def test_generate_key_runs_as_a_module_without_an_app() -> None:
    run = [sys.executable, "-m", "bigcommerce_integration", "generate-key"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == 44
    assert done.stderr == ""


@pytest.mark.parametrize("argv", [[], ["unknown"], ["generate-key", "extra"], ["-x"]])
def test_usage_error_exits_with_2_and_lists_the_commands(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "generate-key" in said.err


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "sandbox" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "place"), [("sandbox", "sandbox.command"), ("demo", "demo.command.main")])
def test_other_commands_get_the_rest_of_the_line(command: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    room = import_module(f"bigcommerce_integration.{place}")
    monkeypatch.setattr(room, "main", lambda argv: seen.append(list(argv)) or 3)  # type: ignore[func-returns-value]
    assert main([command, "--port", "8080"]) == 3
    assert seen == [["--port", "8080"]]
