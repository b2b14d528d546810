"""What the end of a caller's turn is decided by: what is known of a pause, and who is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer

from app.assistants.local.turns.eager_request import EagerRequests


@dataclass
class Pause:
    """What is known of the caller's turn."""

    text: str = ""
    """The final texts."""
    interim: str = ""
    """The text that may still change."""
    silent_at: float | None = None
    """When the pause was noticed."""
    finalized: bool = False
    """The transcriber has no more text of it."""
    by_voice: bool = False
    """The voice detector noticed the pause; else a text without a voice did."""
    smart_seconds: float | None = None
    """The wait that the smart plan decided on for ``smart_text``."""
    smart_text: str | None = None
    verdict: asyncio.Task[float] | None = None
    """The model's judgement of the sound: one for a pause, whatever texts come meanwhile."""

    @property
    def heard(self) -> str:
        return f"{self.text} {self.interim}".strip()


@dataclass(frozen=True)
class Helpers:
    """What the strategy asks, and what it tells."""

    last_said: Callable[[], str]
    """The assistant's last words."""
    hold: Callable[[float], None]
    """Called with the time before which the assistant must not speak."""
    ask: Callable[[str], Awaitable[float | None]] | None = None
    """Asks the client's server for the wait after this text, of ``Smart.SERVER``."""
    analyzer: BaseTurnAnalyzer | None = None
    """The model that judges the sound, of the other smart plans."""
    unfinished_seconds: float = 0.0
    """The wait after a sentence that sounds unfinished."""
    by_transcriber: Callable[[], bool] = lambda: False
    """Whether the transcriber at work decides itself when a turn is over."""
    eager: EagerRequests | None = None
    """Those to the model while the pause is waited out; None: there are none."""
