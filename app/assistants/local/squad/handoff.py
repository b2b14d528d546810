"""What a tool, a hook or live control asks for when the call is to have another assistant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.domain.legs.handoff import NoHandoff
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff."""

    destination: JsonObject
    """Vapi's, of an assistant or a squad."""
    words: str = ""
    """Spoken before it; empty: it is silent."""
    tool: str = ""
    """The name of the tool that the model called, if it was one."""
    tool_call: str = ""
    """The model's id of that call."""
    result: str = ""
    """The result of that call, for the conversation."""


# Raises ``NoHandoff``.
HandOver = Callable[[Handoff], Awaitable[None]]


async def no_handoff(asked: Handoff) -> None:
    """The handoff of an assistant that is alone."""
    raise NoHandoff("this assistant cannot hand the call over")
