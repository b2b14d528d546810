"""The simulated ConversationRelay: the session, the voice and its interruptions, and the action."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from providers.simulation import text_caller
from providers.simulation.script import Turn, When
from providers.simulation.stage import CallerAction
from providers.simulation.text_socket import Piece, Voice
from providers.twilio.simulator.call import Document, TwilioCall
from providers.twilio.simulator.config import TwilioConfig, TwilioStage, flow_url
from providers.twilio.simulator.twiml_player import arrive
from tests.fakes.bridge import CALL_ID, Answer, Bridge, standing_in

ACCOUNT_SID = "AC" + "1" * 32
LONG = "One two three four five six seven eight nine ten eleven twelve."


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_caller, "LEAVE_SECONDS", 0.1)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with standing_in() as bridge:
        yield bridge


class Clerk:
    """An assistant: greets, answers what it hears, and ends on ``#``."""

    def __init__(self, *extra: str) -> None:
        self.heard = list[dict[str, Any]]()
        self._extra = extra

    def __call__(self, ws: ServerConnection) -> None:
        for message in ws:
            body = json.loads(message)
            self.heard.append(body)
            if body["type"] == "setup":
                ws.send(text(LONG))
                for each in self._extra:
                    ws.send(each)
            elif body["type"] == "prompt":
                ws.send(text(f"You said: {body['voicePrompt']}"))
            elif body == {"type": "dtmf", "digit": "#"}:
                while len(self.of("error")) < len(self._extra):
                    self.heard.append(json.loads(ws.recv()))
                ws.send(json.dumps({"type": "sendDigits", "digits": "1"}))
                ws.send(json.dumps({"type": "end"}))
                return

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for body in self.heard if body["type"] == kind]


def text(token: str, **more: Any) -> str:
    return json.dumps({"type": "text", "token": token, "last": True, **more})


def played(bridge: Bridge, *acts: CallerAction, turns: Any = (), speed: float = 0.0) -> TwilioStage:
    """A call whose only document is a session, and its action."""
    config = TwilioConfig(
        bridge_url=bridge.url,
        api_key="the-key",
        number="+14155550001",
        return_url=flow_url(ACCOUNT_SID),
        account_sid=ACCOUNT_SID,
        auth_token="the auth token",
        speed=speed,
        timeout=10,
        turns=turns,
    )
    bridge.answers.setdefault("/after", [Answer(200, "<Response/>", "text/xml")])
    with TwilioStage(config, out=lambda line: None) as stage:
        call = TwilioCall(stage, "+14155550123", "+14155550001", acts=acts)
        noun = (
            f'<ConversationRelay url="{bridge.media_url}" dtmfDetection="true"'
            ' events="speaker-events tokens-played">'
            f'<Parameter name="callId" value="{CALL_ID}"/></ConversationRelay>'
        )
        connect = f'<Connect action="{bridge.url}/after">{noun}</Connect>'
        arrive(call, lambda: Document(f"<Response>{connect}</Response>", bridge.url))
        stage.join()
    return stage


def outcome(bridge: Bridge) -> tuple[str, str, str]:
    (form,) = bridge.forms("/after")
    return form["CallStatus"], form["SessionStatus"], form.get("ErrorCode", "")


def test_a_session_that_the_bridge_ends(bridge: Bridge) -> None:
    clerk = Clerk()
    bridge.sockets = clerk
    stage = played(bridge, CallerAction.PRESS)
    assert stage.problems == []
    (setup,) = clerk.of("setup")
    assert setup["accountSid"] == ACCOUNT_SID
    assert setup["customParameters"] == {"callId": CALL_ID}
    assert stage.call_id == CALL_ID
    assert outcome(bridge) == ("in-progress", "ended", "")


def test_a_caller_who_hangs_up(bridge: Bridge) -> None:
    bridge.sockets = Clerk()
    assert played(bridge, CallerAction.HANG_UP).problems == []
    assert outcome(bridge) == ("completed", "completed", "")


def test_a_session_that_breaks_off(bridge: Bridge) -> None:
    bridge.sockets = Clerk()
    assert played(bridge, CallerAction.DROP).problems == []
    assert outcome(bridge) == ("in-progress", "failed", "64105")


def test_a_socket_that_is_refused(bridge: Bridge) -> None:
    bridge.media_url = "ws://127.0.0.1:1/media/x/token"
    played(bridge, CallerAction.PRESS)
    assert outcome(bridge) == ("in-progress", "failed", "64102")


def test_a_conversation(bridge: Bridge) -> None:
    clerk = Clerk()
    bridge.sockets = clerk
    words = Turn(words="A table, please.")
    turns = (replace(words, when=When.OVER), words, Turn(keys="#"))
    stage = played(bridge, CallerAction.CONVERSE, turns=turns, speed=0.05)
    assert stage.problems == []
    (cut,) = clerk.of("interrupt")
    assert LONG.startswith(cut["utteranceUntilInterrupt"])
    assert cut["utteranceUntilInterrupt"] != LONG
    said = [body["voicePrompt"] for body in clerk.of("prompt")]
    assert said == ["A table, please."] * 2
    names = {(body["name"], body["value"]) for body in clerk.of("info")}
    assert {("agentSpeaking", "on"), ("agentSpeaking", "off"), ("clientSpeaking", "on")} <= names
    lines = "\n".join(stage.timeline.lines)
    assert "hears: You said: A table, please." in lines
    assert outcome(bridge) == ("in-progress", "ended", "")


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        '{"type": "novelty"}',
        '{"type": "text"}',
        '{"type": "text", "token": 1}',
        '{"type": "text", "token": "x", "voice": "y"}',
        '{"type": "sendDigits"}',
    ],
)
def test_what_twilio_does_not_understand(bridge: Bridge, message: str) -> None:
    clerk = Clerk(message)
    bridge.sockets = clerk
    stage = played(bridge, CallerAction.PRESS)
    assert "64107" in stage.problems[0]
    assert clerk.of("error")


# ------------------------------------------------------------------ the voice


@pytest.fixture
def voice() -> Iterator[Voice]:
    made = Voice(0.2, lambda text: None, lambda speaking: None)
    yield made
    made.close()


def test_a_newer_text_takes_the_place_of_a_whole_one(voice: Voice) -> None:
    voice.give(Piece(LONG, last=True, preemptible=True))
    voice.wait(lambda: voice.speaks, 5)
    voice.give(Piece("Stop.", last=True))
    assert voice.wait(lambda: "Stop." in voice.lines, 5)
    assert LONG not in voice.lines


def test_a_text_that_is_not_preemptible_is_said_first(voice: Voice) -> None:
    voice.give(Piece("First.", last=True))
    voice.give(Piece("Second.", last=True))
    assert voice.wait(lambda: len(voice.lines) == 2, 5)
    assert voice.lines == ["First.", "Second."]


def test_one_that_may_not_be_interrupted(voice: Voice) -> None:
    voice.give(Piece("First and last.", last=True, interruptible=False))
    assert voice.wait(lambda: voice.is_heard, 5)
    assert voice.cut() is None
    assert voice.wait(lambda: voice.lines == ["First and last."], 5)
