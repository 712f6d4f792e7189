"""A span for each slice, and none of a person's data in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bigcommerce_integration.refresh.lifecycle.claim import Outcome
from bigcommerce_integration.refresh.run import advance, tracing
from bigcommerce_integration.sandbox import SandboxStore

from .conftest import Connect


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What a host that traces has set up; of this test alone, as the real one is set once a process."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield spans
    provider.shutdown()


def ours(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [each for each in exporter.get_finished_spans() if each.name == tracing.NAME]


def test_each_slice_is_a_span(connect: Connect, exporter: InMemorySpanExporter) -> None:
    settings = {"page_size": 10, "slice_s": 0.1, "concurrency": 1}
    mirror = connect(SandboxStore(30, 0, awkward=False), settings=settings, latency_ms=110)
    slices = 1
    while mirror.advance("products") is not Outcome.ENDED:
        slices += 1
    spans = ours(exporter)
    assert len(spans) == slices > 1
    assert dict(spans[-1].attributes or {}) == {
        "bigcommerce.instance_id": mirror.instance_id,
        "bigcommerce.refresh_id": mirror.refreshes["products"],
        "bigcommerce.collection": "products",
        "bigcommerce.mode": "initial",
        "bigcommerce.outcome": "ended",
    }
    assert {(each.attributes or {})["bigcommerce.outcome"] for each in spans[:-1]} == {"continue"}
    assert {each.status.status_code for each in spans} == {StatusCode.UNSET}


def test_what_is_not_claimed_is_no_span(connect: Connect, exporter: InMemorySpanExporter) -> None:
    mirror = connect(SandboxStore(1, 0, awkward=False)).completed("products")
    before = len(ours(exporter))
    assert mirror.advance("products") is Outcome.NOTHING
    assert len(ours(exporter)) == before


def test_an_error_is_told_by_its_kind_alone(
    connect: Connect, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("ada@example.com")

    monkeypatch.setattr(advance, "run_phases", fail)
    mirror = connect(SandboxStore(1, 0))
    with pytest.raises(ZeroDivisionError):
        mirror.advance("products")
    (span,) = ours(exporter)
    assert (span.attributes or {})["error.type"] == "ZeroDivisionError"
    assert span.status.status_code is StatusCode.ERROR
    assert "ada@example.com" not in span.to_json()


def test_without_an_sdk_nothing_is_recorded(connect: Connect) -> None:
    connect(SandboxStore(1, 0, awkward=False)).completed("products")
    with tracing.slice_span({"instance_id": 1}) as ends_with:
        assert not trace.get_current_span().is_recording()
        ends_with("ended")


def test_without_the_package_it_works_too() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from bigcommerce_integration.refresh.run.tracing import HAS_TRACING, slice_span\n"
        "with slice_span({'instance_id': 1}) as ends_with: ends_with('ended')\n"
        "print(HAS_TRACING)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
