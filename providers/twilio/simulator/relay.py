"""The simulated Twilio's end of ConversationRelay: JSON text frames with what is said.

https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from providers.common.json_types import JsonDict
from providers.simulation.text_socket import Cut, Piece, TextSocket
from providers.twilio.media import SAMPLE_RATE

# The messages that it takes, with the types of their fields. Those without a default are required.
TAKES: Mapping[str, Mapping[str, type]] = {
    "text": {"token": str, "last": bool, "interruptible": bool, "preemptible": bool, "lang": str},
    "sendDigits": {"digits": str},
    "end": {"handoffData": str},
}
REQUIRED: Mapping[str, frozenset[str]] = {
    "text": frozenset({"token"}),
    "sendDigits": frozenset({"digits"}),
    "end": frozenset(),
}


class RelayMessages:
    """What Twilio says in one session."""

    def __init__(
        self,
        account_sid: str,
        call_sid: str,
        parameters: Mapping[str, str],
        sid: str = "",
        *,
        from_: str = "+14155550123",
        to: str = "+14155550001",
    ) -> None:
        self.sid = sid or f"VX{uuid4().hex}"
        self._refs = {"accountSid": account_sid, "callSid": call_sid, "parentCallSid": ""}
        self._ends = {"from": from_, "to": to, "forwardedFrom": "", "callerName": ""}
        self._parameters = dict(parameters)

    def setup(self, **changes: Any) -> str:
        fields = {
            "sessionId": self.sid,
            **self._refs,
            **self._ends,
            "callType": "PSTN",
            "direction": "inbound",
            "callStatus": "RINGING",
            "customParameters": self._parameters,
        }
        return self.message("setup", **fields | changes)

    def prompt(self, words: str, *, last: bool = True) -> str:
        return self.message("prompt", voicePrompt=words, lang="en-US", last=last)

    def interrupt(self, heard: str, milliseconds: int) -> str:
        return self.message(
            "interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=milliseconds
        )

    def dtmf(self, digit: str) -> str:
        return self.message("dtmf", digit=digit)

    def error(self, description: str) -> str:
        return self.message("error", description=description)

    def info(self, name: str, value: str) -> str:
        """An event that the markup has subscribed to."""
        return self.message("info", name=name, value=value)

    def message(self, kind: str, **fields: Any) -> str:
        return json.dumps({"type": kind, **fields})


def understood(message: str | bytes) -> JsonDict:
    """A message of the bridge that Twilio takes. Raises ``ValueError`` for any other.

    https://www.twilio.com/docs/api/errors/64107
    """
    body = json.loads(message) if isinstance(message, str) else None
    if not isinstance(body, dict) or body.get("type") not in TAKES:
        raise ValueError("no message that ConversationRelay takes")
    kind, given = body["type"], {name: body[name] for name in body if name != "type"}
    if missing := REQUIRED[kind] - given.keys():
        raise ValueError(f"{kind} without {', '.join(sorted(missing))}")
    for name, value in given.items():
        if not isinstance(value, TAKES[kind].get(name, ())):
            raise ValueError(f"{kind} takes no such {name}")
    return body


class RelaySession(TextSocket):
    """One ``<ConversationRelay>``. ``events``: what the markup subscribes to."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        speed: float,
        messages: RelayMessages,
        *,
        events: str = "",
        dtmf: bool = True,
    ) -> None:
        self.messages = messages
        self._events = frozenset(events.split())
        self._dtmf = dtmf
        # Whether the bridge has ended the session.
        self.ended = False
        self._lock = threading.Lock()
        super().__init__(url, headers, speed)

    def hello(self) -> None:
        self.send(self.messages.setup())

    def press(self, digit: str) -> None:
        if self._dtmf:
            self.send(self.messages.dtmf(digit))

    def goodbye(self) -> None:
        """Twilio closes the socket, and sends nothing before."""

    def received(self, message: str | bytes) -> None:
        """Take ``text``, ``sendDigits`` and ``end``. Twilio complains about any other, and goes on."""
        try:
            body = understood(message)
        except ValueError as error:
            self.faults.append(f"64107: invalid message {message[:80]!r} ({error})")
            self.send(self.messages.error(f"Invalid message received: {message[:80]!r}"))
            return
        if body["type"] == "text":
            names = ("last", "interruptible", "preemptible")
            self.voice.give(Piece(body["token"], **{n: body[n] for n in names if n in body}))
        elif body["type"] == "sendDigits":
            self.keys += body["digits"]
        else:
            self.ended = True

    def told_played(self, text: str) -> None:
        self._tell("tokens-played", "tokensPlayed", text)

    def told_speaking(self, speaking: bool) -> None:
        self._tell("speaker-events", "agentSpeaking", "on" if speaking else "off")

    def told_cut(self, cut: Cut) -> None:
        self.send(self.messages.interrupt(cut.heard, cut.milliseconds))

    def told_words(self, words: str) -> None:
        self._tell("speaker-events", "clientSpeaking", "on")
        self.send(self.messages.prompt(words))
        self._tell("speaker-events", "clientSpeaking", "off")

    def _tell(self, event: str, name: str, value: str) -> None:
        if event in self._events:
            with self._lock:
                self.send(self.messages.info(name, value))
