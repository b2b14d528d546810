"""What a conversation used of its vendors, as cost items without a price.

``app/domain/costs/vendor_prices.py`` adds the price. https://docs.vapi.ai/api-reference/calls/get
(costs)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipecat.frames.frames import MetricsFrame
from pipecat.metrics.metrics import LLMUsageMetricsData, TTFBMetricsData, TTSUsageMetricsData

from app.assistants.local.services import Stage
from app.telemetry import tracing
from providers.common.json_types import JsonDict, JsonObject

# Fields of the assistant's ``model``, ``voice`` and ``transcriber`` that an item repeats.
NAMES = ("provider", "model", "voiceId", "language")


NONE: Mapping[str, JsonObject] = {}


@dataclass
class Tokens:
    """The tokens of one model."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    prompt_audio: int = 0
    """Of ``prompt``, those that were sound; of them ``cached_audio`` from a cache."""
    completion_audio: int = 0
    cached_audio: int = 0

    @property
    def audio(self) -> JsonDict:
        """The counts of a model that hears and speaks; none of another."""
        if not self.prompt_audio and not self.completion_audio:
            return {}
        return {
            "promptAudioTokens": self.prompt_audio,
            "completionAudioTokens": self.completion_audio,
            "cachedPromptTokens": self.cached,
            "cachedPromptAudioTokens": self.cached_audio,
        }


@dataclass
class Usage:
    """Usage that vendors charge for."""

    models: dict[tuple[str, str], Tokens] = field(default_factory=dict)
    """By the name of pipecat's service, and the model's."""
    characters: int = 0
    worked: set[object] = field(default_factory=set)
    """The services and stages that have connected, or given anything."""
    failed: set[object] = field(default_factory=set)
    """Those that have reported an error. One that never worked costs nothing."""

    def count(self, frame: MetricsFrame) -> None:
        """Add pipecat's measurements."""
        for data in frame.data:
            if isinstance(data, LLMUsageMetricsData):
                tokens = self.models.setdefault((data.processor, data.model or ""), Tokens())
                tokens.prompt += data.value.prompt_tokens
                tokens.completion += data.value.completion_tokens
                tokens.cached += data.value.cache_read_input_tokens or 0
                tokens.prompt_audio += data.value.input_audio_tokens or 0
                tokens.completion_audio += data.value.output_audio_tokens or 0
                tokens.cached_audio += data.value.cache_read_input_audio_tokens or 0
            elif isinstance(data, TTSUsageMetricsData):
                self.characters += data.value
            elif isinstance(data, TTFBMetricsData) and data.value:
                service = data.processor.partition("#")[0]
                about = {"patchbay.service": service, "patchbay.model": data.model or ""}
                tracing.span("vendor request", data.value, about)

    def items(
        self,
        model: JsonObject,
        voice: JsonObject,
        transcribers: Sequence[tuple[JsonObject, float]],
        seconds: float,
        others: Mapping[str, JsonObject] = NONE,
    ) -> Iterator[JsonDict]:
        """Yield an item for each model, the voice, each transcriber, and the minutes of the call.

        ``transcribers``: each with the seconds that its socket was open, which is what it charges
        for. ``others``: the ``model`` of each of pipecat's services, where it is another.
        """
        minutes = round(seconds / 60, 4)
        for (service, name), tokens in self.models.items():
            used = {"promptTokens": tokens.prompt, "completionTokens": tokens.completion}
            used |= tokens.audio
            named = {**_named(others.get(service, model)), **({"model": name} if name else {})}
            yield {"type": "model", "model": named, **used}
        if self.characters and self.reached(Stage.VOICE):
            yield {"type": "voice", "voice": _named(voice), "characters": self.characters}
        for heard, open_seconds in transcribers:
            yield transcriber_item(heard, open_seconds)
        yield {"type": "vapi", "subType": "normal", "minutes": minutes}

    def reached(self, service: object) -> bool:
        """Whether the vendor of a service, or of a stage, was ever connected."""
        return service in self.worked or service not in self.failed


def transcriber_item(config: JsonObject, seconds: float) -> JsonDict:
    """The item of a transcriber whose socket was open for so long."""
    minutes = round(seconds / 60, 4)
    return {"type": "transcriber", "transcriber": _named(config), "minutes": minutes}


def _named(part: JsonObject) -> JsonDict:
    return {name: part[name] for name in NAMES if part.get(name)}
