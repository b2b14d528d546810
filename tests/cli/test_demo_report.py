"""What the demo prints fits on a page, and tells the call."""

from __future__ import annotations

import pytest

from app.cli import demo_report as report
from app.cli.caller_voice import VOICE, caller_voice
from app.vendors.embedded import espeak
from providers.registry import SIMULATORS
from providers.simulation.script import sound, turn
from providers.simulation.timeline import SimulatorError, Timeline, speaker
from tests.providers.simulation.test_speech import voiced


def test_the_lines_that_tell_the_call() -> None:
    printed: list[str] = []
    timeline = Timeline(report.told(printed.append))
    timeline.add("twilio -> bridge", "POST /twilio/inbound_call  200")
    timeline.add("caller", "says  something")
    timeline.add("bridge -> twilio", "<Response/>")
    timeline.add("bridge", "call is ended, assistant-ended-call")
    timeline.add("problem", "it is odd")
    assert [speaker(line) for line in printed] == ["caller", "bridge", "problem"]
    assert len(timeline.lines) == 5


def test_messages_are_counted_by_state() -> None:
    kinds = [("status-update", "delivered")] * 4 + [("end-of-call-report", "failed")]
    messages = [{"type": kind, "state": state} for kind, state in kinds]
    assert list(report.counted(messages)) == [
        "server messages delivered: 4 status-update",
        "server messages failed: 1 end-of-call-report",
    ]


def test_the_demos_caller_speaks_with_a_voice_of_its_own() -> None:
    assert VOICE != espeak.VOICE
    from importlib import import_module

    for name in SIMULATORS.values():
        texts = import_module(name).DEMO_TURNS
        with caller_voice() as speak:
            turns = [turn(text, speak) for text in texts]
            spoken = [each.wav for each in turns if each.wav]
            assert spoken
            assert all(voiced(sound(path, 8000), 8000) > 0.5 for path in spoken)
        assert not any(path.exists() for path in spoken)


def test_a_caller_who_cannot_speak_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.caller_voice.VOICE", "xx-none")
    with caller_voice() as speak, pytest.raises(SimulatorError, match="cannot say 'Hello'"):
        speak("Hello")
