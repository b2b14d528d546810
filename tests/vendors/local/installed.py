"""Whether the real programs and their weights are on this machine."""

from __future__ import annotations

from app.vendors import registry, stt, tts


def lack() -> str | None:
    """What is missing, and the command that brings it; None: nothing."""
    hears = stt.problem({"provider": registry.LOCAL_TRANSCRIBER}, {})
    return hears or tts.problem({"provider": registry.LOCAL_VOICE}, {})
