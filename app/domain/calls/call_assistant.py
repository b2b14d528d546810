"""The assistant of a call, as the call stores it."""

from __future__ import annotations

from app.domain.assistant.config import AssistantConfig
from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.overlay import merge


def with_secrets(context: Context, call: Call) -> AssistantConfig:
    """It, with its secrets. Raises ``WrongKey``."""
    hidden = context.vault.open(call.secret).get("assistant", {})
    return AssistantConfig(merge(call.facts.assistant.json, hidden))
