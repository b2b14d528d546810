"""The voice of a ``model`` that hears and speaks by itself: it has its own ones. Data only."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors import registry
from app.vendors.common.field import problems
from app.vendors.common.vendor import Config, SpeechPart


def voice_of(model: Config, given: Config) -> Config:
    """The ``voice`` of a model that speaks. ``given``: the assistant's own, or an empty one."""
    part = registry.speech_part(model)
    if part is None or given.get("voiceId"):
        return given
    provider = registry.name_of(model.get("provider"))
    named = _in_model(part, model) or part.voices[0]
    return {"provider": provider, **given, "voiceId": named}


def voice_problem(model: Config, voice: Config) -> tuple[str, str] | None:
    """The field of this voice that a model that speaks cannot have, and why; None: there is none."""
    part = registry.speech_part(model)
    if part is None:
        return None
    own = registry.name_of(model.get("provider"))
    if registry.name_of(voice.get("provider")) != own:
        return "provider", f"must be {own}: {model.get('model')} speaks with its own voices"
    for name, wrong in problems(voice, part.fields):
        return name, wrong
    if voice.get("voiceId") not in part.voices:
        return "voiceId", f"must be one of {', '.join(part.voices)}: {model.get('model')} has these"
    return None


def _in_model(part: SpeechPart, model: Config) -> str | None:
    """The name of the voice that the ``model`` has inside; None: it has none."""
    found: object = model
    for name in (*part.voice_in_model, "voiceName") if part.voice_in_model else ():
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None
