"""What speaks, hears and thinks where an assistant's own vendor cannot."""

from __future__ import annotations

from collections.abc import Iterator

from app.doctor.finding import Finding
from app.domain.context import Context
from app.vendors import similar, stt, tts
from app.vendors.common import llm_spec
from app.vendors.common.account import VendorAccount
from providers.common.json_types import JsonObject


def voices(context: Context) -> Iterator[Finding]:
    """Who speaks in place of Vapi's own voices, with the accounts of the environment."""
    settings = context.settings
    accounts = {v.provider: VendorAccount(v.key, v.url, v.extra) for v in settings.vendors}
    others = tts.choose({"provider": "vapi"}, accounts, settings.fallback_voice)
    named = dict(settings.vapi_voices)
    speakers = [f"{name} is {_spoken(voice)}" for name, voice in named.items()]
    if similar.ANY not in named:
        speakers.append(f"{'any other' if named else 'each'} is one of {others['provider']}'s")
    yield Finding("ok", f"voices of provider vapi: {', '.join(speakers)}")


def fallbacks(context: Context) -> Iterator[Finding]:
    """The operator's last resorts that the accounts of the environment do not reach."""
    settings = context.settings
    accounts = {v.provider: VendorAccount(v.key, v.url, v.extra) for v in settings.vendors}
    for variable, problem_of, config in (
        ("FALLBACK_VOICE", tts.problem, settings.fallback_voice),
        ("FALLBACK_TRANSCRIBER", stt.problem, settings.fallback_transcriber),
        ("FALLBACK_MODEL", llm_spec.problem, settings.fallback_model),
    ):
        if config and (problem := problem_of(config, accounts)):
            yield Finding("note", f"{variable} works with a stored credential only: {problem}")


def _spoken(voice: JsonObject) -> str:
    """``openai:alloy``"""
    return ":".join(voice.values())
