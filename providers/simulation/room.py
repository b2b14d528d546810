"""A simulated room where a caller waits for an operator: who hears what, as sound.

Each source has a tone of its own. So what a leg has heard can be told by its energy at that tone.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from enum import Enum

SAMPLE_RATE = 8000
TICK_SECONDS = 0.02
TALK_SECONDS = 0.4
"""How long caller and operator talk before the operator leaves, in the call's time."""
BLOCK = 160
AUDIBLE = 0.1
"""Of the loudest possible energy: from here on a tone counts as heard."""


class Source(Enum):
    """What may be heard. The value is its tone in Hz: whole waves fit into 20 ms."""

    MUSIC = 300
    BRIEFING = 500
    SIGNAL = 650
    CALLER = 800
    OPERATOR = 1000


class Ear:
    """The sound that one leg has heard."""

    def __init__(self) -> None:
        self._blocks: list[tuple[float, ...]] = []
        # Whether a voice was audible on its media socket.
        self.has_heard_voice = False
        # What came on its media sockets and was not interrupted: 16-bit PCM of this rate, in Hz.
        self.speech = bytearray()
        self.rate = SAMPLE_RATE

    def hear(self, *sources: Source, seconds: float = TICK_SECONDS) -> None:
        """Hear these sources at once."""
        for _ in range(max(1, round(seconds / TICK_SECONDS))):
            self._blocks.append(
                tuple(sum(_sample(each, n) for each in sources) for n in range(BLOCK))
            )

    def listened(self, speech: bytes, rate: int, *, loud: bool) -> None:
        """Take what came on a media socket. ``loud``: a voice was audible."""
        self.speech += speech
        self.rate = rate
        self.has_heard_voice |= loud

    def has_heard(self, source: Source) -> bool:
        """Whether any 20 ms have enough energy at this tone."""
        return any(_energy(block, source) > AUDIBLE for block in self._blocks)

    @property
    def heard(self) -> set[str]:
        """The names of all that was audible; ``voice``: an assistant's, on a media socket."""
        voice = {"voice"} if self.has_heard_voice else set()
        return voice | {each.name.lower() for each in Source if self.has_heard(each)}


class Room:
    """One room. The first leg of a caller waits; it begins with the operator's."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.over = threading.Event()
        # Where the carrier reports what happens in it, as the first leg's document says.
        self.report_url = ""

    def wait(self, ear: Ear, gone: Callable[[], bool], speed: float) -> None:
        """The caller's stay: music until the operator comes, then talk until the room is over."""
        while not (gone() or self.over.is_set()):
            if self.begun.wait(TICK_SECONDS * speed):
                ear.hear(Source.OPERATOR)
                self.over.wait(TICK_SECONDS * speed)
            else:
                ear.hear(Source.MUSIC)

    def talk(self, ear: Ear, gone: Callable[[], bool], speed: float) -> None:
        """The operator's stay, which ends the room."""
        self.begun.set()
        for _ in range(round(TALK_SECONDS / TICK_SECONDS)):
            if gone() or self.over.wait(TICK_SECONDS * speed):
                break
            ear.hear(Source.CALLER)
        self.over.set()


def _sample(source: Source, number: int) -> float:
    return math.sin(2 * math.pi * source.value * number / SAMPLE_RATE)


def _energy(block: tuple[float, ...], source: Source) -> float:
    """Goertzel's energy at a tone: 1 for the tone alone."""
    turn = 2 * math.cos(2 * math.pi * source.value / SAMPLE_RATE)
    before = last = 0.0
    for sample in block:
        before, last = last, sample + turn * last - before
    power = before * before + last * last - turn * before * last
    return power / (len(block) / 2) ** 2
