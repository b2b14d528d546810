"""Renders instructions as NCCO, Vonage's JSON markup: an array of actions.

The call ends after the last action: none hangs up. Every NCCO is built here as plain data, because
the SDK's models silently drop ``content-type``.
https://developer.vonage.com/en/voice/voice-api/ncco-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from providers.base.instructions import (
    Answer,
    Brief,
    Connect,
    Details,
    Fetch,
    Forward,
    HangUp,
    Hold,
    Instruction,
    Join,
    Listen,
    MachineDetection,
    Park,
    Play,
    Refer,
    Return,
    Say,
)
from providers.common import json_text
from providers.common.e164 import EITHER
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import MissingSignature, Refused
from providers.vonage import briefing, talk

CONTENT_TYPE = "application/json"
AUDIO = "audio/l16;rate=16000"
# ``from`` of a media leg when no number is known. No phone shows it.
LABEL = "Patchbay"
# Bytes of the endpoint's ``headers`` as JSON. Vonage refuses a leg with more.
MAX_HEADERS = 512
RING_SECONDS = range(3, 7201)
# Seconds that a connected leg lasts at most, whatever ``limit`` says.
MAX_FORWARD = 7200
_WHOLE_URL = re.compile("https?://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/[!-~]*")
_MEDIA_URL = re.compile("wss?://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/[A-Za-z0-9/._~-]*")
KEYS = re.compile(r"[0-9*#p]+")

Action = JsonDict


def answer(instructions: Sequence[Instruction]) -> Answer:
    """The NCCO for these instructions. What follows a HangUp, or a ``<Hangup>``, is left out.

    Raises ``ValueError`` for relative URLs, media URLs with a query and oversize headers. So it
    does for destinations that are neither numbers nor ``sip:`` URIs.
    """
    return Answer(_dump(actions(instructions)), CONTENT_TYPE)


def actions(instructions: Sequence[Instruction]) -> list[Action]:
    """The NCCO as data. Raises ``ValueError``."""
    ncco: list[Action] = []
    for instruction in instructions:
        if isinstance(instruction, HangUp):
            break
        ncco += _actions(instruction)
        if isinstance(instruction, Brief) and briefing.ends(instruction.twiml):
            break
    return ncco


def acknowledge() -> Answer:
    """204 without a body. Several events take JSON in a body for the next NCCO."""
    return Answer(b"", CONTENT_TYPE, HTTPStatus.NO_CONTENT)


def refusal(error: Exception, *, transient: bool = False) -> Answer:
    """503 for what may pass: Vonage tries again once. 401 and 400 are final.

    Vonage's page: a callback may come unsigned by an error of theirs, and again after a 5xx.
    https://developer.vonage.com/en/getting-started/concepts/webhooks
    """
    status = HTTPStatus.BAD_REQUEST
    if transient or isinstance(error, MissingSignature):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    elif isinstance(error, Refused):
        status = HTTPStatus.UNAUTHORIZED
    return Answer(_dump({"message": status.phrase}), CONTENT_TYPE, status)


def details(details: Details) -> JsonDict:
    """``phoneCallProviderDetails``: arguments of Vonage's create-call, numbers without ``+``.

    https://developer.vonage.com/en/api/voice#createCall
    """
    made = {
        "to": _digits(details.to),
        "from": _digits(details.from_),
        "ncco": actions([details.connect]),
        "eventUrl": [_absolute(details.status_url)],
        "eventMethod": "POST",
        "advancedMachineDetection": detection(details.machine) if details.machine else None,
    }
    return {name: value for name, value in made.items() if value is not None}


def detection(machine: MachineDetection) -> dict[str, str]:
    """Machine detection beside the call, which goes on.

    The verdict is an event of the leg, and comes before any beep.
    https://developer.vonage.com/en/voice/voice-api/concepts/advanced-machine-detection
    """
    return {"behavior": "continue", "mode": "detect"}


def endpoint(
    destination: str, keys: str | None = None, headers: Mapping[str, str] | None = None
) -> Action:
    """A phone or SIP endpoint; ``keys`` are pressed once it answers. Raises ``ValueError``.

    ``headers`` are those of SIP. Vonage puts the ``X-`` in front of their names itself.
    https://developer.vonage.com/en/voice/voice-api/ncco-reference#sip-endpoint
    """
    number = EITHER.fullmatch(destination)
    if number:
        pressed = {"dtmfAnswer": _keys(keys)} if keys else {}
        return {"type": "phone", "number": number[1], **pressed}
    if not re.fullmatch(r"sips?:[\x21-\x7e]{1,500}", destination) or keys:
        raise ValueError("Vonage connects to E.164 numbers, and to sip: URIs without an extension")
    named = {
        name.removeprefix("X-"): talk.cleaned(value) for name, value in (headers or {}).items()
    }
    return {"type": "sip", "uri": destination, **({"headers": named} if named else {})}


def _actions(instruction: Instruction) -> list[Action]:
    match instruction:
        case Connect():
            return [*_record(instruction), _connect(instruction)]
        case Forward():
            return [_forward(instruction)]
        case Refer():
            raise ValueError("Vonage sends no SIP REFER: the destination has to be connected")
        case Return():
            return [_return(instruction)]
        case Say():
            return _say(instruction)
        case Hold():
            return _hold(instruction)
        case HangUp():
            return []
        case Park():
            return _park(instruction)
        case Join():
            return [_conversation(instruction.room, startOnEnter=True, endOnExit=True)]
        case Play():
            return [{"action": "stream", "streamUrl": [_absolute(instruction.url)]}]
        case Listen():
            return [_listen(instruction)]
        case Brief():
            return briefing.actions(instruction.twiml, _absolute(instruction.url))
        case Fetch():
            return [_notify(instruction.url, {"document": "next"})]


def _park(hold: Park) -> list[Action]:
    """A conversation that begins with its moderator, and the question what follows it.

    https://developer.vonage.com/en/voice/voice-api/ncco-reference#conversation
    """
    music = {"musicOnHoldUrl": [_absolute(hold.music_url)]} if hold.music_url else {}
    waits = _conversation(hold.room, startOnEnter=False, **music)
    return [waits, _notify(hold.outcome_url, {"document": "outcome"})]


def _listen(listen: Listen) -> Action:
    """Recognise speech, only to know that there was some. Vonage tells of silence too.

    https://developer.vonage.com/en/voice/voice-api/ncco-reference#input
    """
    return {
        "action": "input",
        "type": ["speech"],
        "speech": {
            "startTimeout": min(listen.seconds, briefing.MAX_START_SECONDS),
            "endOnSilence": 1,
        },
        "eventUrl": [_absolute(listen.url)],
        "eventMethod": "POST",
    }


def _conversation(room: str, **more: Any) -> Action:
    return {"action": "conversation", "name": room, **more}


def _notify(url: str, payload: JsonObject) -> Action:
    """Ask a URL of ours. What it answers takes the place of the rest."""
    return {
        "action": "notify",
        "payload": dict(payload),
        "eventUrl": [_absolute(url)],
        "eventMethod": "POST",
    }


def _record(connect: Connect) -> list[Action]:
    """The record action, which runs beside later actions to the end of the conversation.

    The phone's side is on the left.
    https://developer.vonage.com/en/voice/voice-api/ncco-reference#record
    """
    if connect.recording_url is None:
        return []
    return [
        {
            "action": "record",
            "format": "wav",
            "split": "conversation",
            "channels": 2,
            "eventUrl": [_absolute(connect.recording_url)],
            "eventMethod": "POST",
        }
    ]


def _connect(connect: Connect) -> Action:
    """The connect action, alone.

    Vonage does not document what runs after it when the socket is gone. It is synchronous: the
    leg's events can be answered with another NCCO when the socket fails or is lost.
    """
    headers = {"callId": connect.call_id}
    if len(_dump(headers)) > MAX_HEADERS:
        raise ValueError(f"Vonage takes {MAX_HEADERS} bytes of headers")
    return {
        "action": "connect",
        "from": _digits(connect.number) or LABEL,
        "eventType": "synchronous",
        "eventUrl": [_absolute(connect.stream_url)],
        "eventMethod": "POST",
        "endpoint": [
            {
                "type": "websocket",
                "uri": _media(connect.media_url),
                "content-type": AUDIO,
                "headers": headers,
                "authorization": {"type": "vonage"},
            }
        ],
    }


def _forward(forward: Forward) -> Action:
    if forward.timeout not in RING_SECONDS:
        raise ValueError(f"Vonage rings for 3 to 7200 seconds, not {forward.timeout}")
    caller = {"from": _digits(forward.caller_id)} if forward.caller_id else {}
    return {
        "action": "connect",
        **caller,
        "timeout": forward.timeout,
        "limit": min(forward.max_duration, MAX_FORWARD),
        "eventType": "synchronous",
        "eventUrl": [_absolute(forward.outcome_url)],
        "eventMethod": "POST",
        "endpoint": [endpoint(forward.destination, forward.extension, forward.sip_headers)],
    }


def _return(back: Return) -> Action:
    """Vonage's counterpart of a redirect: the notified URL may answer with the next NCCO."""
    return _notify(back.url, {name: talk.cleaned(value) for name, value in back.params.items()})


def _say(say: Say) -> list[Action]:
    """The languages: https://developer.vonage.com/en/voice/voice-api/concepts/text-to-speech"""
    spoken_in = {"language": say.language} if say.language else {}
    return [{"action": "talk", "text": part, **spoken_in} for part in talk.parts(say.text)]


def _hold(held: Hold) -> list[Action]:
    """Play the audio, then ask by an action whose answer may be the next NCCO.

    With ``bargeIn`` a key ends the audio. The next action must then be the input, so the text
    before the audio cannot have it.
    https://developer.vonage.com/en/voice/voice-api/ncco-reference#input
    """
    barge = {"bargeIn": True} if held.takes_key else {}
    said = _say(Say(held.text, held.language))
    music = {"action": "stream", "streamUrl": [_absolute(held.audio_url)], **barge}
    return [*said, music, ask(held.next_url, takes_key=held.takes_key)]


def ask(url: str, *, takes_key: bool = False) -> Action:
    """The action that asks this URL for the next NCCO, with the pressed key if there is one."""
    if not takes_key:
        return _notify(url, {"waits": "yes"})
    dtmf = {"maxDigits": 1, "timeOut": 1}
    asked = {"eventUrl": [_absolute(url)], "eventMethod": "POST"}
    return {"action": "input", "type": ["dtmf"], "dtmf": dtmf, **asked}


def _keys(extension: str) -> str:
    """The keys to press. A pause of half a second is ``p`` here and ``w`` elsewhere."""
    keys = extension.replace("w", "p")
    if not KEYS.fullmatch(keys):
        raise ValueError("An extension is made of 0-9 * # and the pause p")
    return keys


def _digits(party: str | None) -> str | None:
    number = EITHER.fullmatch(party or "")
    return number[1] if number else party


def _absolute(url: str) -> str:
    if _WHOLE_URL.fullmatch(url):
        return url  # nearly every URL, found without splitting it
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Vonage needs absolute http(s) URLs")
    return url


def _media(url: str) -> str:
    if _MEDIA_URL.fullmatch(url):
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("A media URL is an absolute ws(s) URL without a query")
    return url


def _dump(value: JsonObject | Sequence[Any]) -> bytes:
    return json_text.dumps(value).encode()
