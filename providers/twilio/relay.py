"""ConversationRelay: Twilio hears and speaks, and JSON text goes over the socket.

``attributes`` writes an assistant's wishes as those of the TwiML noun. The serializer knows no call
and closes no socket, as that of Media Streams.
https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
https://www.twilio.com/docs/voice/twiml/connect/conversationrelay
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import escape
from itertools import accumulate

from providers.base.carrier import CarrierSpeech
from providers.base.instructions import SpeechWanted
from providers.base.media import (
    CallerSpeaks,
    Complaint,
    Digit,
    Frame,
    Heard,
    NoAudio,
    Spoken,
    SpokenOver,
    StreamStart,
    UnknownFrame,
    VoiceSpeaks,
)
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import BadRequest
from providers.twilio.config import ACCOUNT_SID, CALL_SID
from providers.twilio.media import SAMPLE_RATE, json_object

SESSION_SID = re.compile(r"VX[0-9a-f]{32}")
_DIGIT = re.compile(r"[0-9*#A-D]")
# Characters of the hints that we make of a transcriber's keywords, as the document has them.
MAX_HINTS = 500
# Characters of a complaint that are kept.
MAX_COMPLAINT = 200

# Vapi's providers -> Twilio's names of them.
VOICES: Mapping[str, str] = {"11labs": "ElevenLabs", "google": "Google", "aws": "Amazon"}
TRANSCRIBERS: Mapping[str, str] = {"deepgram": "Deepgram", "google": "Google"}
# Vapi's names of models -> Twilio's. Google's models have other names there.
# https://www.twilio.com/docs/voice/conversationrelay/voice-configuration
VOICE_MODELS: Mapping[str, str] = {
    f"eleven_{name}": name for name in ("flash_v2_5", "flash_v2", "turbo_v2_5", "turbo_v2")
}
SPEECH_MODELS: Mapping[str, str] = {"nova-2": "nova-2-general", "nova-3": "nova-3-general"}
# The region that Twilio wants, for languages without one. ``multi`` and others go as they are.
REGIONS: Mapping[str, str] = {
    "da": "da-DK",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "hi": "hi-IN",
    "it": "it-IT",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "nl": "nl-NL",
    "no": "no-NO",
    "pl": "pl-PL",
    "pt": "pt-BR",
    "ru": "ru-RU",
    "sv": "sv-SE",
    "tr": "tr-TR",
    "uk": "uk-UA",
}

# Attributes that an assistant's ``transport`` may have, beside what its voice and transcriber say.
OPTIONS = frozenset(
    {
        "language",
        "ttsLanguage",
        "transcriptionLanguage",
        "ttsProvider",
        "voice",
        "transcriptionProvider",
        "speechModel",
        "hints",
        "partialPrompts",
        "interruptible",
        "interruptSensitivity",
        "ignoreBackchannel",
        "speechTimeout",
        "profanityFilter",
        "backgroundNoiseReduction",
        "elevenlabsTextNormalization",
        "deepgramSmartFormat",
        "intelligenceService",
        "debug",
    }
)
# What we need to know of the voice: which words it has said, and that the caller speaks.
EVENTS = "speaker-events tokens-played"


def attributes(wanted: SpeechWanted) -> dict[str, str]:
    """The noun's attributes but ``url``. What is not given is left to Twilio's defaults."""
    voice, transcriber = wanted.voice, wanted.transcriber
    heard = _language(transcriber)
    given = {
        "ttsProvider": VOICES.get(_text(voice, "provider"), ""),
        "voice": _voice(voice),
        "ttsLanguage": _language(voice) or heard,
        "transcriptionProvider": TRANSCRIBERS.get(_text(transcriber, "provider"), ""),
        "speechModel": _speech_model(transcriber),
        "transcriptionLanguage": heard,
        "hints": _hints(transcriber),
        "dtmfDetection": "true" if wanted.keys else "",
        "events": EVENTS,
    }
    return {name: value for name, value in {**given, **wanted.options}.items() if value}


class RelaySerializer(NoAudio):
    """The serializer of one session."""

    sample_rate = SAMPLE_RATE

    def __init__(self) -> None:
        self._begun = False

    def decode(self, message: str | bytes) -> Frame:
        """Decode one message of Twilio's.

        Raises ``BadRequest`` for what Twilio cannot have sent, as that of Media Streams does.
        """
        body = json_object(message)
        word = body.get("type")
        if not isinstance(word, str):
            raise BadRequest("a message of ConversationRelay without a type")
        if word not in _READERS:
            return UnknownFrame(word[:40])
        if (word == "setup") is self._begun:
            raise BadRequest(f"{word} before setup, or a second one")
        return _READERS[word](self, body)

    def text(self, token: str, *, last: bool, interruptible: bool) -> list[str | bytes]:
        """Give the voice a piece of a text.

        A newer text takes the place of an older one that is not said yet. We send one at a time.
        """
        return [
            _message("text", token=token, last=last, interruptible=interruptible, preemptible=True)
        ]

    def press(self, keys: str) -> list[str | bytes]:
        return [_message("sendDigits", digits=keys)]

    def goodbye(self) -> list[str | bytes]:
        return [_message("end")]

    # -- a reader for each message

    def _setup(self, body: JsonDict) -> Frame:
        session, call, account = (body.get(n) for n in ("sessionId", "callSid", "accountSid"))
        shapes = ((SESSION_SID, session), (CALL_SID, call), (ACCOUNT_SID, account))
        if not all(isinstance(each, str) and shape.fullmatch(each) for shape, each in shapes):
            raise BadRequest("setup names no session, no call or no account")
        parameters = body.get("customParameters") or {}
        if not isinstance(parameters, dict):
            raise BadRequest("customParameters is no object")
        self._begun = True
        return StreamStart(str(session), str(call), str(account), SAMPLE_RATE, parameters)

    def _prompt(self, body: JsonDict) -> Frame:
        said = body.get("voicePrompt")
        if not isinstance(said, str):
            raise BadRequest("a prompt without voicePrompt")
        return Heard(said, body.get("last") is not False, _text(body, "lang"))

    def _interrupt(self, body: JsonDict) -> Frame:
        return SpokenOver(_text(body, "utteranceUntilInterrupt"))

    def _dtmf(self, body: JsonDict) -> Frame:
        digit = _text(body, "digit")
        if not _DIGIT.fullmatch(digit):
            raise BadRequest("dtmf without a digit")
        return Digit(digit)

    def _error(self, body: JsonDict) -> Frame:
        return Complaint(_text(body, "description")[:MAX_COMPLAINT])

    def _info(self, body: JsonDict) -> Frame:
        """What ``events`` asked for. The end of a sound of the caller is of no use."""
        name, value = _text(body, "name"), body.get("value")
        if name == "tokensPlayed" and isinstance(value, str):
            return Spoken(value)
        if name == "clientSpeaking" and value == "on":
            return CallerSpeaks()
        if name == "agentSpeaking" and value in ("on", "off"):
            return VoiceSpeaks(value == "on")
        return UnknownFrame(f"info {name}"[:40])


_READERS: dict[str, Callable[[RelaySerializer, JsonDict], Frame]] = {
    "setup": RelaySerializer._setup,
    "prompt": RelaySerializer._prompt,
    "interrupt": RelaySerializer._interrupt,
    "dtmf": RelaySerializer._dtmf,
    "error": RelaySerializer._error,
    "info": RelaySerializer._info,
}


def _voice(voice: JsonObject) -> str:
    """ElevenLabs' model is a part of the voice's name."""
    model = VOICE_MODELS.get(_text(voice, "model"))
    return "-".join(filter(None, (_text(voice, "voiceId"), model)))


def _speech_model(transcriber: JsonObject) -> str:
    name = _text(transcriber, "model")
    return SPEECH_MODELS.get(name, name) if transcriber.get("provider") == "deepgram" else ""


def _language(part: JsonObject) -> str:
    code = _text(part, "language")
    return REGIONS.get(code, code)


def _hints(transcriber: JsonObject) -> str:
    """Deepgram's keywords, without the weight that may follow: ``Patchbay:2``."""
    given = transcriber.get("keywords")
    texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    words = [each.partition(":")[0].replace(",", " ").strip() for each in texts]
    room = accumulate(len(escape(word)) + 1 for word in words)
    return ",".join(
        word for word, used in zip(words, room, strict=True) if word and used <= MAX_HINTS
    )


def _message(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields})


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


SPEECH = CarrierSpeech(RelaySerializer, frozenset(VOICES), frozenset(TRANSCRIBERS), OPTIONS)
