"""Vapi's short names of voices, as the vendors spell them. Any other name is passed on as it is."""

from __future__ import annotations

from collections.abc import Mapping

AZURE: Mapping[str, str] = {
    "andrew": "en-US-AndrewNeural",
    "brian": "en-US-BrianNeural",
    "emma": "en-US-EmmaNeural",
}
"""https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts"""

ELEVEN_LABS: Mapping[str, str] = {
    "drew": "29vD33N1CtxCmqQRPOHJ",
    "joseph": "Zlb1dXrM653N07WRdFW3",
    "matilda": "XrExE9yKIg1WjnnlVkGX",
    "paul": "5Q0t7uMcjvnagumLfvZi",
    "ryan": "wViXBPUzp2ZZixB1xQuM",
    "sarah": "EXAVITQu4vr4xnSDxMaL",
}
"""Of Vapi's fifteen presets those that are ElevenLabs' own premade voices; the ids of the others
are not published, and their names are answered by ElevenLabs with "voice not found".
https://api.elevenlabs.io/v1/voices (category premade)"""

AURA_ONE = frozenset({"angus", "helios", "perseus", "stella"})
"""Deepgram's voices that only the first model has."""
AURA_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "alvaro",
            "aquila",
            "carina",
            "celeste",
            "diana",
            "estrella",
            "javier",
            "nestor",
            "selena",
            "sirio",
        ],
        "es",
    ),
    **dict.fromkeys(["aurelia", "elara", "fabian", "julius", "kara", "lara", "viktoria"], "de"),
}
"""Voices that do not speak English. https://developers.deepgram.com/docs/tts-models"""


def deepgram(voice_id: str, model: str | None) -> str:
    """``asteria`` is ``aura-2-asteria-en`` there. A name that begins with ``aura-`` is whole."""
    name = voice_id.lower()
    if name.startswith("aura-"):
        return name
    family = model or ("aura" if name in AURA_ONE else "aura-2")
    return f"{family}-{name}-{AURA_LANGUAGES.get(name, 'en')}"
