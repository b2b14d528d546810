"""Assistants that a carrier hears and speaks for: ``transport.conversationType``. Pure.

Vapi has the field with ``voice`` and ``chat``. Ours is one more value, with the name of the carrier as
``provider``. The model is the assistant's own; voice and transcriber tell the carrier what to use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from app.domain.assistant.config import BY_CARRIER, AssistantConfig
from app.domain.assistant.fields import Json, object_of, text_of
from app.domain.assistant.served_fields import SERVED, Row, ignored
from providers import registry
from providers.base.carrier import Carrier
from providers.base.instructions import SpeechWanted
from providers.common.json_types import JsonDict, JsonObject

MAX_TEXT = 500
"""Characters of the carrier's own options, of the voice, and of the transcriber: each has so many.

They count with their escapes, because the carrier's document has little room."""
OPTION = str | int | float
"""What an option may be; ``bool`` is an ``int``."""
OF_VOICE = ("provider", "voiceId", "language", "model")
OF_TRANSCRIBER = ("provider", "model", "language", "keywords")
NOT_ITS_OWN = ignored("the carrier has no account there: its default speaks and hears")
NO_SETTING = ignored("the carrier's own speech has no such setting")
ITS_TURNS = ignored("the carrier decides when the caller has finished")
ITS_PAUSES = ignored("the carrier decides what interrupts: see `interruptible` of `transport`")
NO_AUDIO = ignored("no audio passes through this program")

ROWS: Mapping[str, Row] = {
    "backgroundDenoisingEnabled": NO_AUDIO,
    "backgroundSound": NO_AUDIO,
    "backgroundSpeechDenoisingPlan": NO_AUDIO,
    "monitorPlan.listenEnabled": NO_AUDIO,
    "responseDelaySeconds": ITS_TURNS,
    "startSpeakingPlan": ITS_TURNS,
    "stopSpeakingPlan": ITS_PAUSES,
}


def wanted(assistant: AssistantConfig, carrier: Carrier) -> SpeechWanted | None:
    """What the carrier's document says of the speech; None: the media socket carries audio."""
    speech = carrier.speech
    if not assistant.transport.by_carrier or speech is None:
        return None
    hears = assistant.transcriber if assistant.json.get("transcriber") else {}
    return SpeechWanted(
        _part(assistant.voice, speech.voices, OF_VOICE),
        _part(hears, speech.transcribers, OF_TRANSCRIBER),
        assistant.conversation.keypad_enabled,
        _options(assistant, carrier),
    )


def mismatch(assistant: AssistantConfig, carrier: Carrier) -> str | None:
    """Why this assistant cannot answer a call of this carrier, as a sentence; None if it can."""
    chosen = assistant.transport
    if not chosen.by_carrier or (chosen.provider == carrier.name and carrier.speech):
        return None
    return (
        f"the assistant's transport is {chosen.provider}'s {BY_CARRIER}, and the call is one of "
        f"{carrier.name}"
    )


def problems(assistant: AssistantConfig) -> Iterator[tuple[str, str]]:
    """The fields of an assistant with such a transport that no call could have, each with why."""
    able = [name for name, carrier in registry.PROVIDERS.items() if carrier.speech]
    given = assistant.transport.provider
    if given not in able:
        names = ", ".join(able)
        why = f"must be one of the following values: {names}, with {BY_CARRIER}; it is {given!r}"
        yield "transport.provider", why
    carrier = registry.PROVIDERS.get(given)
    for name, value in _own(assistant, carrier).items():
        if not isinstance(value, OPTION):
            yield f"transport.{name}", "must be a text, a number, true or false"
    parts: dict[str, JsonObject] = {
        "transport": _options(assistant, carrier),
        "voice": {name: assistant.voice.get(name) for name in OF_VOICE},
        "transcriber": {name: assistant.transcriber.get(name) for name in OF_TRANSCRIBER},
    }
    for path, values in parts.items():
        if sum(len(escape(each)) for each in values.values() if isinstance(each, str)) > MAX_TEXT:
            told = "characters for the carrier, with `&` as five"
            yield path, f"must have at most {MAX_TEXT} {told}"
    if assistant.is_speech:
        yield "model", f"must read and write, with {BY_CARRIER}: the carrier hears and speaks"


def row_of(assistant: Json, path: str) -> Row | None:
    """The row of a field of such an assistant, without the numbers of lists; None: as usual."""
    carrier = registry.PROVIDERS.get(text_of(object_of(assistant, "transport"), "provider"))
    speech = carrier.speech if carrier else None
    stage, _, name = path.partition(".")
    if speech is None:
        return None
    if stage == "transport" and name in speech.options:
        return SERVED
    if stage in ("voice", "transcriber"):
        ours, fields = (
            (speech.voices, OF_VOICE) if stage == "voice" else (speech.transcribers, OF_TRANSCRIBER)
        )
        if text_of(object_of(assistant, stage), "provider") not in ours:
            return NOT_ITS_OWN
        return SERVED if name in fields else NO_SETTING
    return next((row for field, row in ROWS.items() if f"{path}.".startswith(f"{field}.")), None)


def _own(assistant: AssistantConfig, carrier: Carrier | None) -> JsonDict:
    """The carrier's own options that the assistant's transport has, as they are there."""
    own, speech = object_of(assistant.json, "transport"), carrier.speech if carrier else None
    known = sorted(speech.options) if speech else ()
    return {name: own[name] for name in known if own.get(name) is not None}


def _options(assistant: AssistantConfig, carrier: Carrier | None) -> dict[str, str]:
    """The same, as the document has them."""
    own = _own(assistant, carrier)
    return {name: _written(each) for name, each in own.items() if isinstance(each, OPTION)}


def _part(part: Json, providers: frozenset[str], names: tuple[str, ...]) -> Json:
    known = part.get("provider") in providers
    return {name: part[name] for name in names if part.get(name)} if known else {}


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
