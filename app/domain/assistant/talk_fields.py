"""What the fields of a ``transferAssistant`` and a ``contextEngineeringPlan`` may hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant import history
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.assistant.fields import Json, text_of
from providers.common.json_types import JsonObject

MAX_SECONDS, SILENCE_SECONDS = 120, 30
"""Vapi's defaults of ``maxDurationSeconds`` and ``silenceTimeoutSeconds``."""
SECONDS: Mapping[str, range] = {
    "maxDurationSeconds": range(10, 43_201),
    "silenceTimeoutSeconds": range(5, 3601),
}
"""Field -> the seconds that it may have."""
MAX_MESSAGES = 10_000


def max_seconds(given: Json) -> float:
    """How long it may talk with the operator."""
    return _seconds(given, "maxDurationSeconds", MAX_SECONDS)


def silence_seconds(given: Json) -> float:
    """How long both may be silent in this talk."""
    return _seconds(given, "silenceTimeoutSeconds", SILENCE_SECONDS)


def problem(plan: JsonObject) -> str | None:
    """Why ``transferAssistant`` or ``contextEngineeringPlan`` is not valid, as a sentence."""
    return _context_problem(plan.get("contextEngineeringPlan")) or _problem(
        plan.get("transferAssistant")
    )


def _problem(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return "transferAssistant must be an object"
    for name in ("model", "voice", "transcriber"):
        if not isinstance(given.get(name) or {}, Mapping):
            return f"transferAssistant.{name} must be an object"
    for name in ("name", "firstMessage"):
        if not isinstance(given.get(name) or "", str):
            return f"transferAssistant.{name} must be a string"
    modes = [mode.value for mode in FirstMessageMode]
    if given.get("firstMessageMode") not in (None, *modes):
        return f"transferAssistant.firstMessageMode must be one of: {', '.join(modes)}"
    for name, seconds in SECONDS.items():
        value = given.get(name)
        if value is not None and not is_within(value, seconds):
            first, last = seconds[0], seconds[-1]
            return f"transferAssistant.{name} must be a number from {first} to {last}"
    return None


def _context_problem(plan: object) -> str | None:
    name = "contextEngineeringPlan"
    if plan is None:
        return None
    if not isinstance(plan, Mapping):
        return f"{name} must be an object"
    if text_of(plan, "type") not in history.PLANS:
        return f"{name}.type must be one of: {', '.join(history.PLANS)}"
    most = plan.get("maxMessages")
    needed = plan["type"] == history.Way.LAST
    if needed and not is_within(most, range(MAX_MESSAGES + 1)):
        return f"{name}.maxMessages must be a number from 0 to {MAX_MESSAGES}"
    return None


def _seconds(given: Json, name: str, default: int) -> float:
    value = given.get(name)
    return float(str(value)) if is_within(value, SECONDS[name]) else default


def is_within(value: object, seconds: range) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return seconds[0] <= value <= seconds[-1]
