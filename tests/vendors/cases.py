"""The voices under test, each with its stand-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.services.tts_service import TTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom
from app.vendors.registry import VENDORS
from app.vendors.tts import make_voice
from tests.fakes.vendors.azure_speech import AzureSpeech
from tests.fakes.vendors.cartesia import Cartesia
from tests.fakes.vendors.custom_voice import CustomVoice
from tests.fakes.vendors.deepgram_speak import DeepgramSpeak
from tests.fakes.vendors.eleven_labs import ElevenLabs
from tests.fakes.vendors.google_speech import GoogleSpeech
from tests.fakes.vendors.hume import Hume
from tests.fakes.vendors.inworld import Inworld
from tests.fakes.vendors.minimax import MiniMax
from tests.fakes.vendors.neuphonic import Neuphonic
from tests.fakes.vendors.openai_speech import OpenAISpeech
from tests.fakes.vendors.polly import Polly
from tests.fakes.vendors.rime import Rime
from tests.fakes.vendors.smallest_ai import SmallestAI
from tests.fakes.vendors.standin import StandIn
from tests.fakes.vendors.xai_speech import XaiSpeech

DISCONTINUED = {name for name, vendor in VENDORS.items() if vendor.discontinued}
HELLO, BYE = "Hello, my dear.", "And good bye."
QUIET = 0.15
"""Seconds without sound until a sentence counts as over, where silence is what is tested."""


def anywhere(url: str) -> list[str]:
    """The rule for custom voices, where it is not what is tested."""
    return ["127.0.0.1"]


@dataclass(frozen=True)
class Voice:
    """One vendor under test."""

    provider: str
    standin: Callable[..., StandIn]
    path: str = ""
    """Part of its address that the setting holds."""
    config: dict[str, Any] = field(default_factory=dict)

    def made(self, standin: StandIn, rate: int, **more: Any) -> TTSService:
        config = {"provider": self.provider, "voiceId": "luna", **self.config, **more}
        if self.provider == "custom-voice":
            config["server"] = {"url": f"{standin.url}/say", **config.get("server", {})}
        access = VendorAccount("the-key", standin.url + self.path)
        return make_voice(config, {self.provider: access}, rate, custom=Custom(anywhere))


VOICES = [
    Voice("openai", OpenAISpeech, "/v1"),
    *(Voice(provider, OpenAISpeech, "/v1") for provider in sorted(DISCONTINUED)),
    Voice("azure", AzureSpeech),
    Voice("microsoft", AzureSpeech),
    Voice("minimax", MiniMax, "/v1"),
    Voice("inworld", Inworld),
    Voice("hume", Hume),
    Voice("google", GoogleSpeech),
    Voice("aws", Polly),
    Voice("smallest-ai", SmallestAI, "/api/v1"),
    Voice("neuphonic", Neuphonic),
    Voice("xai", XaiSpeech, "/v1"),
    Voice("custom-voice", CustomVoice),
    Voice("deepgram", DeepgramSpeak),
    Voice("11labs", ElevenLabs),
    Voice("cartesia", Cartesia),
    Voice("rime-ai", Rime),
]
BY_PROVIDER = {voice.provider: voice for voice in VOICES}
SOCKETS = ("deepgram", "11labs", "cartesia", "rime-ai")
each = pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.provider)
each_way = pytest.mark.parametrize(
    "voice", [v for v in VOICES if v.provider not in DISCONTINUED], ids=lambda voice: voice.provider
)
"""Without those that are asked as OpenAI is."""
WITHIN_JSON = ("minimax", "inworld", "hume", "google", "neuphonic")
"""Whose sound comes within JSON."""
each_json = pytest.mark.parametrize("provider", WITHIN_JSON)
each_socket = pytest.mark.parametrize("provider", SOCKETS)
each_http = pytest.mark.parametrize("provider", ["openai", "azure", "custom-voice", "minimax"])
