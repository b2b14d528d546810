"""The assistant's JSON as the voice agent's config, parsed once. Pure.

Where Vapi has an old and a new name for a field, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.assistants.local.templates import fill
from app.domain.assistant.voicemail import heard_in_the_pipeline
from app.vendors.registry import DEFAULT_TRANSCRIBER


class FirstMessageMode(Enum):
    """``firstMessageMode``: who speaks first, and whether the words are fixed or the model's."""

    SPEAK = "assistant-speaks-first"
    WAIT = "assistant-waits-for-user"
    GENERATE = "assistant-speaks-first-with-model-generated-message"


# ``silenceTimeoutSeconds`` where the assistant has none.
SILENCE_SECONDS = 30.0
# ``startSpeakingPlan.waitSeconds`` where the assistant has none.
WAIT_SECONDS = 0.4
IDLE_SECONDS = 7.5
KEYPAD_SECONDS = 2.0
VOICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The config of one call. Names end in ``seconds`` where the unit is seconds."""

    model: Mapping[str, Any]
    voice: Mapping[str, Any]
    transcriber: Mapping[str, Any]
    first: FirstMessageMode = FirstMessageMode.SPEAK
    first_message: str = ""
    first_interruptible: bool = True
    silence_seconds: float = SILENCE_SECONDS
    end_phrases: tuple[str, ...] = ()
    """In lower case."""
    end_message: str = ""
    smart_turns: bool = False
    """A model judges whether the caller has finished; else ``wait_seconds`` of silence does."""
    wait_seconds: float = WAIT_SECONDS
    words_to_interrupt: int = 0
    """Spoken words that interrupt the assistant. 0: a voice of ``voice_seconds`` interrupts."""
    voice_seconds: float = VOICE_SECONDS
    idle_messages: tuple[str, ...] = ()
    idle_seconds: float = IDLE_SECONDS
    idle_count: int = 3
    keypad_seconds: float = KEYPAD_SECONDS
    """From the last key to the end of the caller's turn. ``#`` ends it at once."""
    keypad_end: str = "#"
    voicemail_message: str = ""
    detects_voicemail: bool = False
    messages: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """The model's messages, system ones included, with templates filled."""


EMBEDDED = {"provider": "embedded"}
NO_TRANSCRIBER = {"provider": "none"}


def read_config(assistant: Mapping[str, Any], values: Mapping[str, Any]) -> AgentConfig:
    """Read the config.

    ``values`` are the names that ``{{templates}}`` may use (``templates.values``).
    """

    def text(name: str) -> str:
        given = assistant.get(name)
        return fill(given, values) if isinstance(given, str) else ""

    model = _object(assistant, "model") or EMBEDDED
    start, stop = _object(assistant, "startSpeakingPlan"), _object(assistant, "stopSpeakingPlan")
    idle, keypad = _object(assistant, "messagePlan"), _object(assistant, "keypadInputPlan")
    messages = _messages(model, values)
    return AgentConfig(
        model=_filled(model, messages),
        voice=_object(assistant, "voice") or EMBEDDED,
        transcriber=_object(assistant, "transcriber") or _default_transcriber(model),
        first=_first(assistant, model),
        first_message=text("firstMessage"),
        first_interruptible=assistant.get("firstMessageInterruptionsEnabled") is not False,
        silence_seconds=_number(assistant, "silenceTimeoutSeconds", SILENCE_SECONDS),
        end_phrases=tuple(
            fill(phrase, values).lower().strip()
            for phrase in assistant.get("endCallPhrases") or ()
            if isinstance(phrase, str) and phrase.strip()
        ),
        end_message=text("endCallMessage"),
        smart_turns=_is_smart(start),
        wait_seconds=_number(
            start, "waitSeconds", _number(assistant, "responseDelaySeconds", WAIT_SECONDS)
        ),
        words_to_interrupt=int(
            _number(stop, "numWords", _number(assistant, "numWordsToInterruptAssistant", 0))
        ),
        voice_seconds=_number(stop, "voiceSeconds", VOICE_SECONDS),
        idle_messages=tuple(
            fill(message, values)
            for message in idle.get("idleMessages") or ()
            if isinstance(message, str)
        ),
        idle_seconds=_number(idle, "idleTimeoutSeconds", IDLE_SECONDS),
        idle_count=int(_number(idle, "idleMessageMaxSpokenCount", 3)),
        keypad_seconds=_number(
            keypad,
            "timeoutSeconds",
            0.3 if model == EMBEDDED or _is_menu(model) else KEYPAD_SECONDS,
        ),
        voicemail_message=text("voicemailMessage"),
        detects_voicemail=heard_in_the_pipeline(assistant),
        messages=messages,
    )


def _first(assistant: Mapping[str, Any], model: Mapping[str, Any]) -> FirstMessageMode:
    try:
        mode = FirstMessageMode(assistant.get("firstMessageMode") or FirstMessageMode.SPEAK)
    except ValueError:
        mode = FirstMessageMode.SPEAK
    if mode is FirstMessageMode.SPEAK and not assistant.get("firstMessage"):
        # a menu has a greeting
        return FirstMessageMode.GENERATE if _is_menu(model) else FirstMessageMode.WAIT
    return mode


def _messages(model: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    given = model.get("messages")
    found = [dict(each) for each in given if isinstance(each, Mapping)] if given else []
    prompt = model.get("systemPrompt")
    if isinstance(prompt, str) and prompt and not any(m.get("role") == "system" for m in found):
        found.insert(0, {"role": "system", "content": prompt})
    for each in found:
        if isinstance(each.get("content"), str):
            each["content"] = fill(each["content"], values)
    return tuple(found)


def _filled(model: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {**model, **({"messages": list(messages)} if messages else {})}


def _default_transcriber(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """None for a keypad menu, the default transcriber for a model."""
    return NO_TRANSCRIBER if _is_menu(model) else {"provider": DEFAULT_TRANSCRIBER}


def _is_menu(model: Mapping[str, Any]) -> bool:
    return model.get("provider") == "embedded"


def _is_smart(start: Mapping[str, Any]) -> bool:
    return bool(start.get("smartEndpointingEnabled")) or bool(start.get("smartEndpointingPlan"))


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = holder.get(name)
    return given if isinstance(given, Mapping) else {}


def _number(holder: Mapping[str, Any], name: str, default: float) -> float:
    given = holder.get(name)
    usable = isinstance(given, int | float) and not isinstance(given, bool) and given >= 0
    return float(given) if usable else default  # type: ignore[arg-type]
