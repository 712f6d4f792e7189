"""The doctor's last line names each planted fault, its store, its cure, and whether it can wait."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bigcommerce_integration.operations.findings.remedy import wait_text

from ..processes import ROOT
from .faults import FAULTS, Fault
from .site import opened_site


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=[each.name for each in FAULTS])
def test_the_last_line_names_fault_store_and_cure(fault: Fault, tmp_path: Path) -> None:
    with opened_site(tmp_path, "sqlite") as site:
        fault.plant(site)
        done = site.command("doctor")
        line = done.last_line
        assert line.startswith("Do first: "), done.text
        whose = ("Instance 1 (Main shop)",) if fault.names_store else ()
        assert [word for word in (*fault.cause, *fault.cure, *whose) if word not in line] == [], done.text
        verdicts = (wait_text(can_wait=True) in line, wait_text(can_wait=False) in line)
        assert verdicts == (fault.can_wait is True, fault.can_wait is False), done.text
        assert "Traceback" not in done.errors
        answer = json.loads(site.command("doctor", "--json").text)
        has_failed = any(each["outcome"] == "failure" for each in answer["data"])
        assert done.code == (1 if has_failed else 0)
        assert site.command("doctor", "--strict").code == (1 if has_failed else 3)


@pytest.mark.slow
def test_the_script_says_where_to_look_and_nothing_of_the_fault() -> None:
    command = [sys.executable, "-m", "tests.trials.planted_faults", "6"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            assert "worker" not in "".join(lines).lower()
            assert "export TRIAL_DEPLOYMENT=" in lines[0]
            typed = ["sh", "-c", f"{lines[0]}\n{lines[1]}"]
            done = subprocess.run(typed, cwd=ROOT, capture_output=True, text=True, check=False)
            assert (done.returncode, "No worker runs" in done.stdout) == (1, True), done.stderr
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
