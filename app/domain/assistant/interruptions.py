"""``stopSpeakingPlan``: what of the caller stops the speaking assistant. Pure.

https://docs.vapi.ai/customization/speech-configuration
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.domain.assistant.fields import Json, count_of, number_within, object_of, texts_of

VOICE_SECONDS = 0.2
BACKOFF_SECONDS = 1.0
"""Default of ``backoffSeconds``."""
BACKOFF_LIMITS = (0.0, 10.0)
VOICE_LIMITS = (0.0, 0.5)
WORDS_LIMITS = (0, 10)
MAX_PHRASES = 200
ACKNOWLEDGEMENTS = (
    *("i understand", "i see", "i got it", "i hear you", "im listening", "im with you", "right"),
    *("okay", "ok", "sure", "alright", "got it", "understood", "yeah", "yes", "uh-huh", "mm-hmm"),
    *("gotcha", "mhmm", "ah", "yeah okay", "yeah sure"),
)
"""Vapi's default phrases that never interrupt."""
INTERRUPTIONS = (
    *("stop", "shut", "up", "enough", "quiet", "silence", "but", "dont", "not", "no", "hold"),
    *("wait", "cut", "pause", "nope", "nah", "nevermind", "never", "bad", "actually"),
)
"""Vapi's default phrases that always interrupt."""
APOSTROPHES = re.compile(r"['’]")
OTHERS = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class StopSpeakingPlan:
    """What interrupts. Phrases are lists of words."""

    words: int = 0
    """This many words interrupt; 0: a voice of ``voice_seconds`` does."""
    voice_seconds: float = VOICE_SECONDS
    backoff_seconds: float = BACKOFF_SECONDS
    """Seconds from an interruption until the assistant speaks again, at least."""
    acknowledgements: tuple[tuple[str, ...], ...] = ()
    interruptions: tuple[tuple[str, ...], ...] = ()

    @property
    def by_voice(self) -> bool:
        """Whether a voice interrupts before its words are known."""
        return self.words == 0

    def interrupts(self, text: str) -> bool:
        """Whether these words of the caller interrupt."""
        said = words_of(text)
        if any(_contains(said, phrase) for phrase in self.interruptions):
            return True
        return len(said) >= max(1, self.words) and not self._acknowledges(said)

    def _acknowledges(self, said: tuple[str, ...]) -> bool:
        """Whether the words are nothing but such phrases: ``yeah, okay, I see``."""
        reached = {0}
        for at in range(len(said)):
            if at in reached:
                reached |= {at + len(p) for p in self.acknowledgements if said[at:][: len(p)] == p}
        return len(said) in reached


def parse(assistant: Json) -> StopSpeakingPlan:
    given = object_of(assistant, "stopSpeakingPlan")
    older = count_of(assistant, "numWordsToInterruptAssistant", 0)
    return StopSpeakingPlan(
        int(number_within(given, "numWords", older, WORDS_LIMITS)),
        number_within(given, "voiceSeconds", VOICE_SECONDS, VOICE_LIMITS),
        number_within(given, "backoffSeconds", BACKOFF_SECONDS, BACKOFF_LIMITS),
        _phrases(given, "acknowledgementPhrases", ACKNOWLEDGEMENTS),
        _phrases(given, "interruptionPhrases", INTERRUPTIONS),
    )


def words_of(text: str) -> tuple[str, ...]:
    """The words, in lower case, without punctuation: ``Don't`` is ``dont``."""
    return tuple(OTHERS.sub(" ", APOSTROPHES.sub("", text.lower())).split())


def _phrases(given: Json, name: str, default: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    listed = texts_of(given, name) if isinstance(given.get(name), list) else default
    return tuple(words for each in listed[:MAX_PHRASES] if (words := words_of(each)))


def _contains(said: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(said[at : at + len(phrase)] == phrase for at in range(len(said)))
