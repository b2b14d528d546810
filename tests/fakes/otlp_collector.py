"""A collector of OpenTelemetry's traces: OTLP over HTTP, as protobuf.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.telemetry import tracing
from tests.fakes.client_server import Receiver


@contextmanager
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Afterwards the list has all spans that came."""
    found = list[Any]()
    with Receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "as the SDK reads it"})
        try:
            yield found
        finally:
            tracing.stop()
        for request in collector.requests:
            assert request.path == "/v1/traces"
            sent = ExportTraceServiceRequest.FromString(request.body)
            found += [
                s for r in sent.resource_spans for scope in r.scope_spans for s in scope.spans
            ]


def of(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.bool_value for each in span.attributes}
