"""Sends spans by OTLP over HTTP, with OpenTelemetry's SDK. No other file imports the SDK.

https://opentelemetry-python.readthedocs.io/en/latest/sdk/trace.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

Attributes = Mapping[str, str | int | float | bool]

_wanted: ContextVar[tuple[int, int] | None] = ContextVar("wanted", default=None)


class _Ids(RandomIdGenerator):
    """The ids of a call's own span are known before: they follow from the call's id."""

    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        return wanted[0] if wanted else super().generate_trace_id()

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        return wanted[1] if wanted else super().generate_span_id()


class Exporter:
    """Sends spans from a thread of its own. A collector that fails costs spans, and nothing else."""

    def __init__(self) -> None:
        named = Resource.create({SERVICE_NAME: "patchbay"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named, id_generator=_Ids())
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("patchbay")

    def child(
        self, trace: int, parent: int, name: str, began: int, ended: int, attributes: Attributes
    ) -> None:
        """A span below the call's own. Times are nanoseconds since 1970."""
        above = SpanContext(trace, parent, is_remote=True, trace_flags=TraceFlags(1))
        context = set_span_in_context(NonRecordingSpan(above), Context())
        span = self._tracer.start_span(name, context, attributes=attributes, start_time=began)
        span.end(ended)

    def root(
        self, trace: int, span_id: int, name: str, began: int, ended: int, attributes: Attributes
    ) -> None:
        """The call's own span."""
        token = _wanted.set((trace, span_id))
        try:
            span = self._tracer.start_span(name, Context(), attributes=attributes, start_time=began)
        finally:
            _wanted.reset(token)
        span.end(ended)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
