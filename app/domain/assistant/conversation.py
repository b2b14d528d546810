"""An assistant's conversation: who speaks first, when it answers, what ends the call. Pure.

Where Vapi has an old and a new name for one field, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.domain.assistant.fields import (
    Json,
    count_of,
    number_of,
    object_of,
    text_of,
    texts_of,
)


class FirstMessageMode(Enum):
    """``firstMessageMode``: who speaks first, and whether the model writes the first message."""

    SPEAK = "assistant-speaks-first"
    WAIT = "assistant-waits-for-user"
    GENERATE = "assistant-speaks-first-with-model-generated-message"


SILENCE_SECONDS = 30.0
"""Default of ``silenceTimeoutSeconds``."""
WAIT_SECONDS = 0.4
"""Default of ``startSpeakingPlan.waitSeconds``."""
IDLE_SECONDS = 7.5
IDLE_COUNT = 3
KEYPAD_SECONDS = 2.0
MENU_KEYPAD_SECONDS = 0.3
"""Default of a keypad menu, whose choices are single keys."""
VOICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ConversationPlan:
    """The plans of a conversation. Texts hold unfilled templates; names tell which are seconds."""

    first: FirstMessageMode
    first_message: str
    first_interruptible: bool
    silence_seconds: float
    end_phrases: tuple[str, ...]
    end_message: str
    smart_turns: bool
    """A model detects the end of the caller's turn; else ``wait_seconds`` of silence does."""
    wait_seconds: float
    words_to_interrupt: int
    """Number of words that interrupt the assistant; 0: any voice of ``voice_seconds`` does."""
    voice_seconds: float
    idle_messages: tuple[str, ...]
    idle_seconds: float
    idle_count: int
    keypad_seconds: float
    """Seconds from the last key to the end of the turn; the key ``keypad_end`` ends it at once."""
    keypad_end: str = "#"


def parse(assistant: Json, *, is_menu: bool) -> ConversationPlan:
    """``is_menu``: the model is the embedded keypad menu, which has defaults of its own."""
    start, stop = (
        object_of(assistant, "startSpeakingPlan"),
        object_of(assistant, "stopSpeakingPlan"),
    )
    idle, keypad = object_of(assistant, "messagePlan"), object_of(assistant, "keypadInputPlan")
    older_wait = number_of(assistant, "responseDelaySeconds", WAIT_SECONDS)
    older_words = count_of(assistant, "numWordsToInterruptAssistant", 0)
    keys = MENU_KEYPAD_SECONDS if is_menu else KEYPAD_SECONDS
    return ConversationPlan(
        first=_first(assistant, is_menu=is_menu),
        first_message=text_of(assistant, "firstMessage"),
        first_interruptible=assistant.get("firstMessageInterruptionsEnabled") is not False,
        silence_seconds=number_of(assistant, "silenceTimeoutSeconds", SILENCE_SECONDS),
        end_phrases=tuple(each for each in texts_of(assistant, "endCallPhrases") if each.strip()),
        end_message=text_of(assistant, "endCallMessage"),
        smart_turns=_is_smart(start),
        wait_seconds=number_of(start, "waitSeconds", older_wait),
        words_to_interrupt=count_of(stop, "numWords", older_words),
        voice_seconds=number_of(stop, "voiceSeconds", VOICE_SECONDS),
        idle_messages=tuple(texts_of(idle, "idleMessages")),
        idle_seconds=number_of(idle, "idleTimeoutSeconds", IDLE_SECONDS),
        idle_count=count_of(idle, "idleMessageMaxSpokenCount", IDLE_COUNT),
        keypad_seconds=number_of(keypad, "timeoutSeconds", keys),
    )


def _first(assistant: Json, *, is_menu: bool) -> FirstMessageMode:
    try:
        mode = FirstMessageMode(assistant.get("firstMessageMode") or FirstMessageMode.SPEAK)
    except ValueError:
        mode = FirstMessageMode.SPEAK
    if mode is FirstMessageMode.SPEAK and not assistant.get("firstMessage"):
        # A menu has a greeting of its own.
        return FirstMessageMode.GENERATE if is_menu else FirstMessageMode.WAIT
    return mode


def _is_smart(start: Json) -> bool:
    return bool(start.get("smartEndpointingEnabled")) or bool(start.get("smartEndpointingPlan"))
