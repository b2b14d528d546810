"""Whether the legs of a number may wait: its ``queuePlan``, or the settings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.assistant.fields import count_of, object_of, text_of
from app.domain.calls.record import CallTx
from providers.base.carrier import Carrier
from providers.base.webhook import HookKind


class Mode(StrEnum):
    """``queuePlan.mode``, and the setting QUEUE."""

    OFF = "off"
    """The leg is refused."""
    WAIT = "wait"
    """The leg waits."""
    CALLBACK = "callback"
    """The leg waits, and its caller may press 1 to be called back."""


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """How a leg waits."""

    mode: Mode
    max_seconds: int
    audio_url: str | None
    """None: music of ours."""


def of_call(tx: CallTx) -> QueuePlan:
    """The plan of the call's number, completed by the settings."""
    settings = tx.context.settings
    own: dict[str, Any] = dict(object_of(tx.call.facts.phone_number, "queuePlan"))
    mode = Mode(text_of(own, "mode") or settings.queue)
    if not can_hold(tx.carrier):
        mode = Mode.OFF
    return QueuePlan(
        mode,
        count_of(own, "maxSeconds", 0) or settings.queue_seconds,
        text_of(own, "holdAudioUrl") or settings.hold_audio_url,
    )


def can_hold(carrier: Carrier) -> bool:
    """Whether the carrier has a URL for legs that wait."""
    return any(hook.kind is HookKind.WAIT for hook in carrier.hooks)
