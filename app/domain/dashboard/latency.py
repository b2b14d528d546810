"""The wait for each answer of the assistant, part by part, as a waterfall. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.common.json_types import JsonObject

PARTS: Mapping[str, str] = {
    "endpointingLatency": "deciding that the caller has finished",
    "transcriberLatency": "transcriber",
    "modelLatency": "model",
    "voiceLatency": "voice",
}
"""Field of a turn -> its part, in the order of time. The rest is the way to the caller."""
REST = "on the way"
WIDTH = 600.0
MOST = 200
"""Turns that one page shows."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a turn; ``x`` and ``width`` in the drawing's own unit."""

    kind: str
    name: str
    milliseconds: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the assistant: what the caller waited for, as bars."""

    number: int
    milliseconds: int
    bars: list[Bar]


def turns(metrics: JsonObject) -> list[Turn]:
    """From ``artifact.performanceMetrics``. All turns have one scale."""
    listed = list(metrics.get("turnLatencies") or ())[:MOST]
    longest = max((each.get("turnLatency") or 0 for each in listed), default=0) or 1
    return [_turn(number, each, WIDTH / longest) for number, each in enumerate(listed, 1)]


def _turn(number: int, turn: JsonObject, scale: float) -> Turn:
    whole = round(turn.get("turnLatency") or 0)
    amounts = [
        (f"part{n}", name, turn.get(each) or 0) for n, (each, name) in enumerate(PARTS.items())
    ]
    rest = max(0, whole - sum(amount for _, _, amount in amounts))
    bars: list[Bar] = []
    at = 0.0
    for kind, name, amount in [*amounts, ("rest", REST, rest)]:
        bars.append(Bar(kind, name, round(amount), round(at * scale, 1), round(amount * scale, 1)))
        at += amount
    return Turn(number, whole, bars)
