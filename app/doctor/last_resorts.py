"""What speaks, hears and thinks where an assistant's own vendor cannot."""

from __future__ import annotations

from collections.abc import Iterator

from app.doctor.finding import Finding
from app.domain.assistant.installation import operators
from app.domain.context import Context
from app.vendors import registry, similar, stt, tts
from app.vendors.common import llm_spec
from app.vendors.common.errors import TRANSCRIBER, VOICE
from providers.common.json_types import JsonObject

LOCAL = (
    (TRANSCRIBER, registry.LOCAL_TRANSCRIBER, stt.problem),
    (VOICE, registry.LOCAL_VOICE, tts.problem),
)
"""What ``patchbay[local]`` brings."""


def voices(context: Context) -> Iterator[Finding]:
    """Who speaks in place of Vapi's own voices, with the accounts of the environment."""
    settings = context.settings
    accounts = operators(settings)
    others = tts.choose({"provider": "vapi"}, accounts, settings.fallback_voice)
    named = dict(settings.vapi_voices)
    speakers = [f"{name} is {_spoken(voice)}" for name, voice in named.items()]
    if similar.ANY not in named:
        speakers.append(f"{'any other' if named else 'each'} is one of {others['provider']}'s")
    yield Finding("ok", f"voices of provider vapi: {', '.join(speakers)}")


def fallbacks(context: Context) -> Iterator[Finding]:
    """The operator's last resorts that the accounts of the environment do not reach."""
    settings = context.settings
    accounts = operators(settings)
    for variable, problem_of, config in (
        ("FALLBACK_VOICE", tts.problem, settings.fallback_voice),
        ("FALLBACK_TRANSCRIBER", stt.problem, settings.fallback_transcriber),
        ("FALLBACK_MODEL", llm_spec.problem, settings.fallback_model),
    ):
        problem = problem_of(config, accounts) if config else None
        if config and problem and config["provider"] in registry.local_programs():
            yield Finding("error", f"{variable} does not work: {problem}")
        elif problem:
            yield Finding("note", f"{variable} works with a stored credential only: {problem}")


def local_speech(context: Context) -> Iterator[Finding]:
    """The programs that hear and speak on this machine. Nothing to say where none is wanted."""
    accounts = operators(context.settings)
    found = {name: problem_of({"provider": name}, accounts) for _, name, problem_of in LOCAL}
    if all(found.values()) and not found.keys() & accounts.keys():
        return
    for stage, name, _ in LOCAL:
        if problem := found[name]:
            yield Finding("note", f"no calls with {name}: {problem}")
        else:
            yield Finding("ok", f"{stage} {name}: installed, with a model")


def _spoken(voice: JsonObject) -> str:
    """``openai:alloy``"""
    return ":".join(voice.values())
