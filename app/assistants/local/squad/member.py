"""One assistant of a call, with all that runs it: its services, its pipeline, its tools."""

from __future__ import annotations

from dataclasses import dataclass

from app.assistants.local.config import AgentConfig
from app.assistants.local.hooks import HookRunner
from app.assistants.local.pipeline import AgentPipeline
from app.assistants.local.services import CallServices
from app.domain.services.media import StreamClaim
from providers.common.json_types import JsonDict, JsonObject


@dataclass(frozen=True, slots=True)
class Member:
    """An assistant that talks, or is about to."""

    claim: StreamClaim
    config: AgentConfig
    services: CallServices
    hooks: HookRunner
    engine: AgentPipeline
    values: JsonDict
    """Those of templates, which tools may add to."""
    prompts: list[JsonObject]
    """Its own system messages, as the conversation shows them."""


def system_messages(config: AgentConfig) -> list[JsonObject]:
    return [each for each in config.messages if each.get("role") == "system"]
