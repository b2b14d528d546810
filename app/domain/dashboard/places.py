"""Where a call goes, as a person reads it. Pure."""

from __future__ import annotations

from app.domain.assistant.fields import Json, text_of

NAMES = ("number", "sipUri", "assistantName")
"""Fields of a destination, one of which says where."""


def place(destination: Json) -> str:
    """What the destination names; empty if that is nothing."""
    return next(filter(None, (text_of(destination, name) for name in NAMES)), "")
