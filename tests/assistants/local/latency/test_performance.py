"""``performanceMetrics`` as Vapi's schema has it."""

from __future__ import annotations

import pytest

from app.assistants.local.latency import performance
from app.assistants.local.latency.parts import TurnLatency
from app.assistants.local.latency.performance import Performance

TURNS = (TurnLatency(0.4, 0.1, 0.2, 0.05, 0.02), TurnLatency(0.5, 0.0, 0.4, 0.1, 0.03))


def measured(before: dict[str, object], *turns: TurnLatency) -> Performance:
    made = Performance(before, lambda _: None)
    for turn in turns:
        made.add(turn)
    return made


def test_turns_and_averages() -> None:
    made = measured({}, *TURNS)
    made.assistant_interrupted()
    assert made.artifact()["performanceMetrics"] == {
        "turnLatencies": [
            {
                "modelLatency": 200,
                "voiceLatency": 50,
                "transcriberLatency": 100,
                "endpointingLatency": 400,
                "turnLatency": 770,
            },
            {
                "modelLatency": 400,
                "voiceLatency": 100,
                "transcriberLatency": 0,
                "endpointingLatency": 500,
                "turnLatency": 1030,
            },
        ],
        "modelLatencyAverage": 300.0,
        "voiceLatencyAverage": 75.0,
        "transcriberLatencyAverage": 50.0,
        "endpointingLatencyAverage": 450.0,
        "turnLatencyAverage": 900.0,
        "toTransportLatencyAverage": 25.0,
        "numUserInterrupted": 0,
        "numAssistantInterrupted": 1,
    }


def test_a_later_socket_goes_on() -> None:
    first = measured({}, TURNS[0])
    first.caller_interrupted()
    second = measured(first.artifact()["performanceMetrics"], TURNS[1])
    found = second.artifact()["performanceMetrics"]
    assert (len(found["turnLatencies"]), found["numUserInterrupted"]) == (2, 1)
    assert found["turnLatencyAverage"] == 900.0


def test_a_call_without_turns_has_none() -> None:
    assert measured({}).artifact() == {}


def test_the_list_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "MAX_TURNS", 1)
    told = list[TurnLatency]()
    made = Performance({}, told.append)
    for turn in TURNS:
        made.add(turn)
    assert len(made.artifact()["performanceMetrics"]["turnLatencies"]) == 1
    assert told == list(TURNS)
