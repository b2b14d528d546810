"""``artifact.performanceMetrics`` of a call, over all its sockets. Milliseconds.

https://docs.vapi.ai/api-reference/calls/get (artifact.performanceMetrics)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.assistants.local.latency.parts import TurnLatency
from providers.common.json_types import JsonDict, JsonObject

# Turns of one call that are listed. Later ones are in the histograms and the log.
MAX_TURNS = 500
# Name of a turn's part -> its average. Vapi names no part of a turn for the transport.
AVERAGES = {
    "modelLatency": "modelLatencyAverage",
    "voiceLatency": "voiceLatencyAverage",
    "transcriberLatency": "transcriberLatencyAverage",
    "endpointingLatency": "endpointingLatencyAverage",
    "turnLatency": "turnLatencyAverage",
}
TRANSPORT = "toTransportLatencyAverage"
INTERRUPTIONS = ("numUserInterrupted", "numAssistantInterrupted")


class Performance:
    """The turns and interruptions of a call. ``before``: what its earlier sockets measured."""

    def __init__(self, before: JsonObject, told: Callable[[TurnLatency], None]) -> None:
        """``told`` gets each turn, too."""
        self._told = told
        self._turns: list[JsonDict] = [dict(each) for each in before.get("turnLatencies", ())]
        self._counts = {name: int(before.get(name, 0)) for name in INTERRUPTIONS}

    def add(self, turn: TurnLatency) -> None:
        """Add a turn whose answer was heard."""
        self._told(turn)
        if len(self._turns) < MAX_TURNS:
            self._turns.append(
                {
                    "modelLatency": _ms(turn.model),
                    "voiceLatency": _ms(turn.voice),
                    "transcriberLatency": _ms(turn.transcriber),
                    "endpointingLatency": _ms(turn.endpointing),
                    "turnLatency": _ms(turn.turn),
                }
            )

    def caller_interrupted(self) -> None:
        """The assistant began to speak while the caller did."""
        self._counts["numUserInterrupted"] += 1

    def assistant_interrupted(self) -> None:
        """The caller cut the assistant's speech."""
        self._counts["numAssistantInterrupted"] += 1

    def artifact(self) -> JsonDict:
        """The field to store with the call; none while nothing was measured."""
        if not (self._turns or any(self._counts.values())):
            return {}
        averages: JsonDict = {
            average: _mean(each[part] for each in self._turns) for part, average in AVERAGES.items()
        }
        averages[TRANSPORT] = _mean(_transport(each) for each in self._turns)
        measured = averages if self._turns else {}
        return {
            "performanceMetrics": {
                "turnLatencies": list(self._turns),
                **measured,
                **self._counts,
            }
        }


def _transport(turn: JsonObject) -> float:
    """What is left of a turn: its parts follow each other."""
    parts = (turn[name] for name in AVERAGES if name != "turnLatency")
    return float(turn["turnLatency"] - sum(parts))


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return round(sum(listed) / len(listed), 1) if listed else 0.0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
