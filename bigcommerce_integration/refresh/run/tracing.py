"""A span for each slice of a refresh, where the host traces; nothing without the package ``opentelemetry-api``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

try:
    from opentelemetry import trace
    from opentelemetry.trace import Status, StatusCode
except ImportError:
    HAS_TRACING = False
else:
    HAS_TRACING = True

NAME = "bigcommerce.slice"


@contextmanager
def slice_span(attributes: Mapping[str, str | int]) -> Iterator[Callable[[str], None]]:
    """A span with these attributes, which ends with the block; what is given takes the outcome.

    An error marks the span by its kind alone: what it says may hold a person's data.
    """
    if not HAS_TRACING:
        yield lambda _: None
        return
    tracer = trace.get_tracer("bigcommerce_integration")
    named = {f"bigcommerce.{name}": value for name, value in attributes.items()}
    with tracer.start_as_current_span(
        NAME, attributes=named, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield lambda outcome: span.set_attribute("bigcommerce.outcome", outcome)
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
