"""Gives the voice its text as ``voice.chunkPlan`` says: cut, written out, with replacements.

The transcript and the model keep the text as the model wrote it. https://docs.vapi.ai/assistants/voice-formatting-plan
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pipecat.processors.aggregators.llm_text_processor import LLMTextProcessor
from pipecat.utils.text.base_text_aggregator import Aggregation, TextType
from pipecat.utils.text.simple_text_aggregator import SimpleTextAggregator
from pipecat.utils.text.transforms import VoiceFormatter

from app.domain.assistant.speech_text import SpeechTextPlan

# The ends of sentences, beside a plan's own boundaries.
SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "।", "؟")
SIGNS = {  # formatters that replace single characters
    "asterisk": (re.compile(r"\*"), ""),
    "stripAsterisk": (re.compile(r"\*"), ""),
    "quote": (re.compile(r"[\"“”„«»]"), ""),
    "dash": (re.compile(r"\s[-–—]+\s"), ", "),
    "newline": (re.compile(r"(?<!\s)\s*\n\s*"), " "),  # it begins once in a run of spaces
    "colon": (re.compile(r":(\s|$)"), r",\1"),
}
ANGLES = re.compile(r"<[^<>]{0,200}>")
UNSPEAKABLE = re.compile(r"\d{40}|\S{400}")
"""No words of a person. pipecat's formatter would take time that grows with its square."""
Transform = Callable[[str, str], Awaitable[str]]


class ChunkAggregator(SimpleTextAggregator):
    """Cuts at any boundary once the chunk has the characters it needs."""

    def __init__(self, plan: SpeechTextPlan) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._least = plan.min_characters
        self._ends = (*SENTENCE_ENDS, *plan.boundaries)
        self._chunk = ""

    @property
    def text(self) -> Aggregation:
        return Aggregation(text=self._chunk.strip(" "), type=TextType.SENTENCE)

    async def aggregate(self, text: str) -> AsyncIterator[Aggregation]:
        for character in text:
            # A boundary within a number or a name has no space behind it. Of several spaces the
            # first decides, because a look for each of many would take minutes.
            first = character.isspace() and not self._chunk[-1:].isspace()
            if first and self._is_whole():
                yield self._cut()
            self._chunk += character

    async def flush(self) -> Aggregation | None:
        return self._cut() if self._chunk.strip() else None

    async def handle_interruption(self) -> None:
        self._chunk = ""

    async def reset(self) -> None:
        self._chunk = ""

    def _is_whole(self) -> bool:
        chunk = self._chunk.strip()
        return len(chunk) >= max(1, self._least) and chunk.endswith(self._ends)

    def _cut(self) -> Aggregation:
        chunk, self._chunk = self._chunk.strip(" "), ""
        return Aggregation(text=chunk, type=TextType.SENTENCE)


def chunker(plan: SpeechTextPlan) -> LLMTextProcessor | None:
    """The processor in front of the voice; None: the voice cuts into sentences by itself."""
    return LLMTextProcessor(text_aggregator=ChunkAggregator(plan)) if plan.cuts else None


def formatted(plan: SpeechTextPlan, language: str) -> Transform:
    """The voice's transform. Numbers, dates and units are written out in English only."""
    english = language.lower().startswith(("en", "multi")) or not language
    formatter = _formatter(plan) if plan.formatters and english else None
    signs = [SIGNS[name] for name in sorted(plan.formatters & SIGNS.keys())]

    async def transform(text: str, text_type: str) -> str:
        text = plan.replaced(text)
        if plan.formatters:
            text = ANGLES.sub("", text)
        for pattern, instead in signs:
            text = pattern.sub(instead, text)
        if formatter is None or UNSPEAKABLE.search(text):
            return text
        return await formatter(text, text_type)

    return transform


def equip(voice: Any, plan: SpeechTextPlan, language: str) -> None:
    """Register the plan's transform with a pipecat voice."""
    if plan.formats:
        voice.add_text_transformer(formatted(plan, language), "*")


def _formatter(plan: SpeechTextPlan) -> VoiceFormatter:
    """pipecat's, with the formatters that are asked for. It has none for times of day."""
    asked = plan.formatters
    return VoiceFormatter(
        strip_markdown="markdown" in asked,
        expand_phone_numbers="phoneNumber" in asked,
        normalize_acronyms="acronym" in asked,
        expand_currency="dollarAmount" in asked,
        expand_numbers="number" in asked,
        number_digit_cutoff=plan.cutoff,
        expand_percentages="percentage" in asked,
        expand_units=bool(asked & {"unit", "distance"}),
        email_to_speech="email" in asked,
        normalize_dates="date" in asked,
    )
