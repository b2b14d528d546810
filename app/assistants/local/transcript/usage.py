"""What a conversation used of its vendors, as cost items without a price.

``app/domain/costs/vendor_prices.py`` adds the price. https://docs.vapi.ai/api-reference/calls/get
(costs)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import LLMUsageMetricsData, TTSUsageMetricsData

from app.assistants.local.services import Stage
from providers.common.json_types import JsonDict, JsonObject

# Fields of the assistant's ``model``, ``voice`` and ``transcriber`` that an item repeats.
NAMES = ("provider", "model", "voiceId", "language")


@dataclass
class Tokens:
    """The tokens of one model."""

    prompt: int = 0
    completion: int = 0


@dataclass
class Usage:
    """Usage that vendors charge for."""

    models: dict[str, Tokens] = field(default_factory=dict)
    """By the model's name."""
    characters: int = 0
    worked: set[Stage] = field(default_factory=set)
    """The services that have connected, or given anything."""
    failed: set[Stage] = field(default_factory=set)
    """The services that have reported an error. One that never worked costs nothing."""

    def count(self, frame: MetricsFrame) -> None:
        """Add pipecat's measurements."""
        for data in frame.data:
            if isinstance(data, LLMUsageMetricsData):
                tokens = self.models.setdefault(data.model or "", Tokens())
                tokens.prompt += data.value.prompt_tokens
                tokens.completion += data.value.completion_tokens
            elif isinstance(data, TTSUsageMetricsData):
                self.characters += data.value

    def items(
        self, model: JsonObject, voice: JsonObject, transcriber: JsonObject | None, seconds: float
    ) -> Iterator[JsonDict]:
        """Yield an item for each model, the voice, the transcriber, and the minutes of the call.

        ``seconds``: how long the media socket was open, which is what streaming transcribers charge
        for.
        """
        minutes = round(seconds / 60, 4)
        for name, tokens in self.models.items():
            used = {"promptTokens": tokens.prompt, "completionTokens": tokens.completion}
            named = {**_named(model), **({"model": name} if name else {})}
            yield {"type": "model", "model": named, **used}
        if self.characters and self._reached(Stage.VOICE):
            yield {"type": "voice", "voice": _named(voice), "characters": self.characters}
        if transcriber is not None and self._reached(Stage.TRANSCRIBER):
            yield {"type": "transcriber", "transcriber": _named(transcriber), "minutes": minutes}
        yield {"type": "vapi", "subType": "normal", "minutes": minutes}

    def _reached(self, stage: Stage) -> bool:
        return stage in self.worked or stage not in self.failed


def _named(part: JsonObject) -> JsonDict:
    return {name: part[name] for name in NAMES if part.get(name)}
