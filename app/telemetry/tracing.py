"""OpenTelemetry traces of calls, sent to where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says.

Off without it. The SDK reads all its variables itself. A call is one trace, and its ids follow from
the call's id. So every process adds its spans, and the call's own one is sent last.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.environment import SettingsError
from app.telemetry.call_log import current_call

WANTED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NOT_INSTALLED = "OTEL_EXPORTER_OTLP_ENDPOINT needs OpenTelemetry: pip install 'patchbay[otel]'"
HALF = (1 << 64) - 1
SECOND = 1_000_000_000

Attributes = Mapping[str, str | int | float | bool]

exporter: Any = None
"""The ``Exporter`` of this process; None: nothing is traced."""


def configure(environ: Mapping[str, str]) -> None:
    """Begin to trace, if the environment asks for it. Raises ``SettingsError``."""
    global exporter
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if exporter is not None or off or not any(environ.get(name) for name in WANTED_BY):
        return
    try:
        from app.telemetry.otlp import Exporter
    except ImportError as error:
        raise SettingsError(NOT_INSTALLED) from error
    exporter = Exporter()


def stop() -> None:
    """Send what is left, and trace no more."""
    global exporter
    if exporter is not None:
        exporter.stop()
        exporter = None


def span(name: str, seconds: float, attributes: Attributes) -> None:
    """Record what ends now and took so long, as a part of the task's call."""
    call = current_call()
    if exporter is None or call is None:
        return
    ended = time.time_ns()
    began = ended - int(max(0.0, seconds) * SECOND)
    exporter.child(*ids_of(call.call_id), name, began, ended, attributes)


def call(call_id: str, began: datetime, ended: datetime, attributes: Attributes) -> None:
    """Record the call itself, once its reason is settled."""
    if exporter is not None:
        times = (int(at.timestamp() * SECOND) for at in (began, ended))
        exporter.root(*ids_of(call_id), "call", *times, attributes)


def ids_of(call_id: str) -> tuple[int, int]:
    """The ids of a call's trace, and of its first span: the UUID, and its lower half."""
    number = UUID(call_id).int
    return number, number & HALF
