"""Traces of calls, at a collector that speaks OTLP over HTTP."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import TTFBMetricsData

from app.assistants.local.tools import execution
from app.assistants.local.tools.run import ToolFailed
from app.assistants.local.transcript.usage import Usage
from app.domain.timings import Timing
from app.environment import SettingsError
from app.media.call_context import CallContext
from app.telemetry import tracing
from app.telemetry.call_log import CallIds, name_call
from tests.fakes.otlp_collector import collected, of

CALL = "0190a5e0-0000-7000-8000-00000000abcd"


async def one_call() -> None:
    """What a call's task measures: a turn, a vendor's answer, a tool that works and one that fails."""
    name_call(CallIds(CALL, "CA1"))
    service: Any = SimpleNamespace(context=SimpleNamespace(observe=lambda *_: None))
    context = CallContext(service, SimpleNamespace())  # type: ignore[arg-type]
    context.observe(Timing.TURN_LATENCY, 0.75)
    context.observe(Timing.JOIN, 1.0)  # not of the talk
    Usage().count(
        MetricsFrame([TTFBMetricsData(processor="OpenAILLMService#3", model="m", value=0.5)])
    )
    run: Any = SimpleNamespace(tool=SimpleNamespace(name="book"))

    async def works(_: Any) -> str:
        return "done"

    async def fails(_: Any) -> str:
        raise ToolFailed("no")

    await asyncio.create_task(execution._guarded(SimpleNamespace(run=works), run))  # type: ignore[arg-type]
    with pytest.raises(ToolFailed):
        await execution._guarded(SimpleNamespace(run=fails), run)  # type: ignore[arg-type]


def test_a_talk_is_told_in_spans_of_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with collected(monkeypatch) as spans:
        asyncio.run(one_call())
    assert [span.name for span in spans] == ["turn", "vendor request", "tool", "tool"]
    trace, parent = UUID(CALL).bytes, UUID(CALL).bytes[8:]
    assert {(span.trace_id, span.parent_span_id) for span in spans} == {(trace, parent)}
    turn, vendor, *tools = spans
    assert turn.end_time_unix_nano - turn.start_time_unix_nano == 750_000_000
    assert of(vendor) == {"patchbay.service": "OpenAILLMService", "patchbay.model": "m"}
    assert [of(tool) for tool in tools] == [
        {"patchbay.tool": "book", "error": False},
        {"patchbay.tool": "book", "error": True},
    ]


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}]
)
def test_it_is_off_unless_asked_for(environ: dict[str, str]) -> None:
    tracing.configure(environ)
    assert tracing.exporter is None
    asyncio.run(one_call())


def test_without_the_package_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "app.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"pip install 'patchbay\[otel\]'"):
        tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
