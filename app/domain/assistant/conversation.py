"""An assistant's conversation: who speaks first, when it answers, what ends the call. Pure.

Where Vapi has an old and a new name for one field, both are read and the new one wins.
https://docs.vapi.ai/api-reference/assistants/create
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from app.domain.assistant import endpointing, interruptions
from app.domain.assistant.endpointing import StartSpeakingPlan
from app.domain.assistant.fields import (
    Json,
    count_of,
    number_of,
    number_within,
    object_of,
    text_of,
    texts_of,
)
from app.domain.assistant.interruptions import StopSpeakingPlan


class FirstMessageMode(Enum):
    """``firstMessageMode``: who speaks first, and whether the model writes the first message."""

    SPEAK = "assistant-speaks-first"
    WAIT = "assistant-waits-for-user"
    GENERATE = "assistant-speaks-first-with-model-generated-message"


SILENCE_SECONDS = 30.0
"""Default of ``silenceTimeoutSeconds``."""
IDLE_SECONDS = 7.5
IDLE_COUNT = 3
KEYPAD_SECONDS = 2.0
MENU_KEYPAD_SECONDS = 0.3
"""Default of a keypad menu, whose choices are single keys."""
MIN_KEYPAD_SECONDS = 0.05
"""A wait of 0 ends the turn with each key, after this pause."""
KEYPAD_LIMITS = (0.0, 10.0)
"""Of ``keypadInputPlan.timeoutSeconds``."""
DELIMITERS = ("#", "*", "")
ASSISTANT_NAME, USER_NAME = "AI", "User"
"""Defaults of ``artifactPlan.transcriptPlan``."""
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class ConversationPlan:
    """The plans of a conversation. Texts hold unfilled templates; names tell which are seconds."""

    first: FirstMessageMode
    first_message: str
    first_interruptible: bool
    silence_seconds: float
    end_phrases: tuple[str, ...]
    end_message: str
    start: StartSpeakingPlan
    stop: StopSpeakingPlan
    idle_messages: tuple[str, ...]
    idle_seconds: float
    idle_count: int
    keypad_seconds: float
    """Seconds from the last key to the end of the turn; the key ``keypad_end`` ends it at once."""
    keypad_end: str = "#"
    """Empty: no key does."""
    keypad_enabled: bool = True
    has_transcript: bool = True
    """Whether the call keeps its transcript."""
    assistant_name: str = ASSISTANT_NAME
    user_name: str = USER_NAME
    """How the transcript names both."""


def parse(assistant: Json, *, is_menu: bool) -> ConversationPlan:
    """``is_menu``: the model is the embedded keypad menu, which has defaults of its own."""
    idle, keypad = object_of(assistant, "messagePlan"), object_of(assistant, "keypadInputPlan")
    transcript = _transcript_plan(assistant)
    keys = MENU_KEYPAD_SECONDS if is_menu else KEYPAD_SECONDS
    return ConversationPlan(
        first=_first(assistant, is_menu=is_menu),
        first_message=text_of(assistant, "firstMessage"),
        first_interruptible=assistant.get("firstMessageInterruptionsEnabled") is not False,
        silence_seconds=number_of(assistant, "silenceTimeoutSeconds", SILENCE_SECONDS),
        end_phrases=tuple(each for each in texts_of(assistant, "endCallPhrases") if each.strip()),
        end_message=text_of(assistant, "endCallMessage"),
        start=endpointing.parse(assistant),
        stop=interruptions.parse(assistant),
        idle_messages=tuple(texts_of(idle, "idleMessages")),
        idle_seconds=number_of(idle, "idleTimeoutSeconds", IDLE_SECONDS),
        idle_count=count_of(idle, "idleMessageMaxSpokenCount", IDLE_COUNT),
        keypad_seconds=max(
            number_within(keypad, "timeoutSeconds", keys, KEYPAD_LIMITS), MIN_KEYPAD_SECONDS
        ),
        keypad_end=_delimiter(keypad),
        keypad_enabled=is_menu or keypad.get("enabled") is not False,
        has_transcript=transcript.get("enabled") is not False,
        assistant_name=text_of(transcript, "assistantName")[:MAX_NAME] or ASSISTANT_NAME,
        user_name=text_of(transcript, "userName")[:MAX_NAME] or USER_NAME,
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


def _delimiter(keypad: Json) -> str:
    """The key that ends the turn. A list, as some clients send it, gives its first."""
    given = keypad.get("delimiters")
    if isinstance(given, list):
        given = given[0] if given else ""
    return given if isinstance(given, str) and given in DELIMITERS else "#"


def _transcript_plan(assistant: Json) -> Json:
    newer = object_of(object_of(assistant, "artifactPlan"), "transcriptPlan")
    return newer or object_of(assistant, "transcriptPlan")
