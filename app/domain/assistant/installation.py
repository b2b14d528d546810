"""What an installation does with an assistant: its fields, and the vendors that it can use.

``check`` is pure: the accounts and the settings are given. Nothing is asked over the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.assistant import (
    carrier_speech,
    tool_types,
    transfer_assistant,
    transfer_places,
    transfer_plan,
    upstream,
)
from app.domain.assistant.config import EMBEDDED, LOCAL, NO_TRANSCRIBER, AssistantConfig
from app.domain.assistant.field_check import Finding, check_fields
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.served_fields import Fate
from app.domain.assistant.vendor_fields import MODEL, TRANSCRIBER, VOICE
from app.domain.errors import Invalid
from app.settings import Settings
from app.vendors import buildable, registry, speech_voices
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from providers.registry import PROVIDERS

TRANSPORTS = frozenset(
    {*PROVIDERS, "telnyx", "daily", "vapi.sip", "vapi.websocket", "vapi.webchat"}
)
"""Vapi's own transports, which the phone number or the request decides here."""
EMBEDDED_NAME = str(EMBEDDED["provider"])
STAGES = (MODEL, TRANSCRIBER, VOICE)


@dataclass(frozen=True)
class Installation:
    """The settings, and the accounts that a call may use."""

    settings: Settings
    accounts: VendorAccounts = field(default_factory=dict)

    def fallbacks(self, stage: str, config: Json) -> list[Json]:
        """What is tried instead of this ``model``, ``voice`` or ``transcriber``."""
        plan = [registry.named(part) for _, part in registry.fallback_parts(stage, config)]
        last: Mapping[str, Json | None] = {
            MODEL: self.settings.fallback_model,
            TRANSCRIBER: self.settings.fallback_transcriber,
            VOICE: self.settings.fallback_voice,
        }
        own = last[stage]
        kept = config if stage == MODEL else {}  # a model keeps the assistant's other fields
        return [*plan, *([{**kept, **own}] if own else [])]


def operators(settings: Settings) -> VendorAccounts:
    """The accounts of the environment."""
    return {v.provider: VendorAccount(v.key, v.url, v.extra) for v in settings.vendors}


def check(assistant: AssistantConfig, installation: Installation) -> list[Finding]:
    """Every field of the assistant, and what a call of it would miss."""
    stages = {each.path: each for each in stage_findings(assistant, installation)}
    fields = [stages.pop(each.path, each) for each in check_fields(assistant.json)]
    return [*fields, *stages.values(), *_operators_findings(assistant, installation)]


def stage_findings(assistant: AssistantConfig, installation: Installation) -> Iterator[Finding]:
    """The stages and fallbacks that no call could build, and those that another vendor serves."""
    backend = assistant.transport.backend(installation.settings)
    if backend == upstream.BACKEND:
        account = installation.accounts.get(upstream.BACKEND, NO_ACCOUNT)
        own_url = installation.settings.public_url
        for path, why, fails in upstream.problems(account, own_url, assistant.json):
            yield Finding(path, Fate.REFUSED if fails else Fate.IGNORED, why)
    asked = assistant.transport.provider
    if asked and asked not in {*installation.settings.backends, *TRANSPORTS}:
        known = ", ".join(sorted(installation.settings.backends))
        why = f"{asked[:40]!r} is none of {known}: the setting's backend answers"
        yield Finding("transport.provider", Fate.IGNORED, why, wrong=True)
    if backend != LOCAL:
        return
    if assistant.transport.by_carrier:
        for path, why in carrier_speech.problems(assistant):
            yield Finding(path, Fate.REFUSED, why, never=True)
    if assistant.is_speech:
        yield from _speech_findings(assistant, installation)
        return
    for stage, config in _stages(assistant):
        ways = [config, *installation.fallbacks(stage, config)]
        problems = [buildable.problem(stage, way, installation.accounts) for way in ways]
        if None not in problems:
            yield _refused(stage, ways, problems[0] or "")
        elif stand_in := _stand_in(stage, ways[problems.index(None)], assistant, installation):
            yield Finding(f"{stage}.provider", Fate.MAPPED, stand_in)
        for (path, _), problem in zip(
            registry.fallback_parts(stage, config), problems[1:], strict=False
        ):
            if problem:  # a call leaves it out
                yield Finding(path, Fate.IGNORED, problem)


def _operators_findings(
    assistant: AssistantConfig, installation: Installation
) -> Iterator[Finding]:
    """The same for the assistants that talk with the operators of transfers, and their tools."""
    for place in transfer_places.places(assistant.json):
        given = transfer_plan.read(place.destination).assistant
        if not given:
            continue
        path = f"{place.path}{transfer_places.PLAN}.transferAssistant"
        whole = transfer_assistant.effective(assistant, given)
        if wrong := transfer_assistant.menu_problem(whole):
            yield Finding(path, Fate.REFUSED, wrong)
        own = {stage for stage in STAGES if text_of(object_of(given, stage), "provider")}
        for each in stage_findings(whole, installation):
            if each.path.partition(".")[0] in own:  # what it inherits is told already
                yield each._replace(path=f"{path}.{each.path}")
        for number, tool in enumerate(objects_of(object_of(given, "model"), "tools")):
            if why := tool_types.operators_problem(text_of(tool, "type")):
                yield Finding(f"{path}.model.tools.{number}.type", Fate.IGNORED, why)


def _speech_findings(assistant: AssistantConfig, installation: Installation) -> Iterator[Finding]:
    """The same for a model that hears and speaks by itself. No other takes its place."""
    problem = buildable.problem(MODEL, assistant.model, installation.accounts)
    if problem:
        yield Finding(MODEL, Fate.REFUSED, problem)
    if wrong := speech_voices.voice_problem(assistant.model, assistant.voice):
        field, why = wrong
        yield Finding(f"{VOICE}.{field}", Fate.REFUSED, why, never=True)


def _refused(stage: str, ways: list[Json], problem: str) -> Finding:
    given = bool(text_of(ways[0], "provider"))  # overrides may bring a missing one
    if given and not any(_names_a_vendor(stage, way) for way in ways):
        return Finding(f"{stage}.provider", Fate.REFUSED, _no_vendor(stage, ways[0]), never=True)
    return Finding(stage, Fate.REFUSED, problem)


def _stand_in(
    stage: str, way: Json, assistant: AssistantConfig, installation: Installation
) -> str | None:
    """Which vendor serves a stage whose own is another; None: its own does."""
    found = text_of(way, "provider")
    if stage == VOICE:
        found = buildable.speaker(way, installation.accounts, installation.settings.vapi_voices)
    given = assistant.json.get(stage)
    asked = text_of(given, "provider") if isinstance(given, Mapping) else ""
    return f"`{found}` serves it" if asked and asked != found else None


def _stages(assistant: AssistantConfig) -> Iterator[tuple[str, Json]]:
    if not assistant.is_menu:
        yield MODEL, assistant.model
    if assistant.transport.by_carrier:
        return
    if assistant.transcriber != NO_TRANSCRIBER:
        yield TRANSCRIBER, assistant.transcriber
    yield VOICE, assistant.voice


def _names_a_vendor(stage: str, config: Json) -> bool:
    return text_of(config, "provider") in _vendors(stage)


def _vendors(stage: str) -> list[str]:
    """The providers that the field may name."""
    known = [name for name, vendor in registry.VENDORS.items() if vendor.part(stage)]
    return [*known, EMBEDDED_NAME] if stage == MODEL else known


def _no_vendor(stage: str, config: Json) -> str:
    given = text_of(config, "provider")[:40]
    return f"must be one of the following values: {', '.join(_vendors(stage))}; it is {given!r}"


def refuse(assistant: AssistantConfig, settings: Settings, path: str = "") -> None:
    """Raises ``Invalid`` for what no account and no setting can make work.

    ``path``: of the assistant within a client's body, with a point.
    """
    if wrong := [f"{path}{sentence}" for sentence in _never(assistant, settings)]:
        raise Invalid(wrong)


def never_works(assistant: AssistantConfig, settings: Settings) -> str | None:
    """The first sentence of ``refuse``; None: it may work."""
    return next(_never(assistant, settings), None)


def _never(assistant: AssistantConfig, settings: Settings) -> Iterator[str]:
    own = Installation(settings)
    found = [*stage_findings(assistant, own), *_operators_findings(assistant, own)]
    return (f"{each.path} {each.why}" for each in found if each.never)
