"""Measures each turn's wait: what pipecat reports in between, and what is audible at both ends."""

from __future__ import annotations

from collections.abc import Callable

from app.assistants.local.latency.parts import Moments, TurnLatency, split
from app.media.sounds import Sounds
from app.media.stream import now


class TurnTimer:
    """One call's turns. ``told`` gets each wait once its answer is audible.

    A turn counts if the caller spoke while the assistant was silent, and did not go on before the
    answer.
    """

    def __init__(self, sounds: Sounds, told: Callable[[TurnLatency], None]) -> None:
        self._sounds = sounds
        self._told = told
        self._assistant_speaks = False
        self._understood: float | None = None
        # A turn that the model was not asked about yet; and the one that waits for its answer.
        self._silent: Moments | None = None
        self._asked: Moments | None = None
        sounds.listen(self._audible)

    def caller_starts(self) -> None:
        """Voice activity detection hears the caller."""
        self._silent = self._understood = None

    def caller_stops(self) -> None:
        """It no longer does. A word into the assistant's own needs no answer."""
        if not self._assistant_speaks:
            self._silent = Moments(now())

    def understood(self) -> None:
        """Note a final text of the transcriber."""
        self._understood = now()

    def asked(self) -> None:
        """The model is asked, about the caller's last words unless it was asked before."""
        if self._silent is not None:
            self._asked, self._silent = self._silent, None
            self._asked.understood, self._asked.asked = self._understood, now()

    def withdrawn(self) -> None:
        """The model was asked too early: it will be asked again about the same words."""
        if self._asked is not None and self._asked.worded is None:
            self._silent, self._asked = self._asked, None

    def worded(self) -> None:
        """Note the model's first word, or a text to speak."""
        if self._asked is not None and self._asked.worded is None:
            self._asked.worded = now()

    def voiced(self) -> None:
        """Note the first audio of the voice."""
        if self._asked is not None and self._asked.voiced is None:
            self._asked.voiced = now()

    def assistant_speaks(self, speaking: bool) -> None:
        self._assistant_speaks = speaking

    def interrupted(self) -> None:
        """Drop the answer: the next one answers something else."""
        self._asked = None

    def _audible(self, first: float) -> None:
        turn = self._asked
        if turn is None or first < turn.asked:
            return
        self._asked = None
        last = self._sounds.caller_ended(first)
        if last is not None:
            self._told(split(turn, last, first, self._sounds.block_began))
