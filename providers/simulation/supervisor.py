"""A supervisor at a live call: whispers, takes it over, speaks to the caller, gives it back.

It runs in real time at any speed of the run: voices are real sound.
"""

from __future__ import annotations

import json
import math
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from providers.common.audio import SAMPLE_WIDTH, level
from providers.simulation.assistants import SPEAKING
from providers.simulation.media_socket import FRAME_SECONDS, LOUD, MediaSocket, tone
from providers.simulation.speech import QUIET_SECONDS
from providers.simulation.stage import Stage
from providers.simulation.timeline import SimulatorError

# Hz: whole waves fit into 20 ms at both rates.
VOICE = 1000
RATE = 16_000
SPEAK_SECONDS = 0.6
# How long a caller's key may stay without an answer until the assistant counts as silent.
SILENT_SECONDS = 1.0
POLL_SECONDS = 0.02
# The share of the energy that a pure tone has at least, after the carrier's codec.
PURE = 0.8
# Pieces of 20 ms that may hold only a part of the tone, as the first and the last do.
CUT = 3
WHISPER = "The caller is a regular guest."
# The assistant speaks when it is called, and at each key 1.
SUPERVISED = {
    **SPEAKING,
    "name": "Simulated supervised menu",
    "firstMessage": "Press one for the weather.",
    "model": {"provider": "embedded", "menu": {"1": {"say": "It is sunny."}}},
}


class Supervisor:
    """One supervisor's websocket. Methods raise ``SimulatorError`` for what does not come."""

    def __init__(self, stage: Stage, socket: ClientConnection) -> None:
        self._stage, self._socket = stage, socket
        if self._next("start").get("takenOver") is not False:
            raise SimulatorError("the supervisor has the call at once")

    def take_over(self) -> None:
        self._ask("take-over", taken=True)

    def give_back(self) -> None:
        self._ask("give-back", taken=False)

    def speak(self) -> None:
        """A tone, in its own time."""
        self._stage.timeline.add("supervisor", f"speaks for {SPEAK_SECONDS:g} s")
        for number in range(round(SPEAK_SECONDS / FRAME_SECONDS)):
            self._socket.send(tone(number, RATE, VOICE))
            time.sleep(FRAME_SECONDS)

    def _ask(self, kind: str, *, taken: bool) -> None:
        self._stage.timeline.add("supervisor", kind)
        self._socket.send(json.dumps({"type": kind}))
        while self._next("supervisor-update").get("takenOver") is not taken:
            pass

    def _next(self, kind: str) -> dict[str, Any]:
        """The next message of this type."""
        try:
            while True:
                message = self._socket.recv(timeout=self._stage.config.timeout)
                found = json.loads(message) if isinstance(message, str) else {}
                if found.get("type") == kind:
                    return dict(found)
        except (TimeoutError, ConnectionClosed, ValueError) as error:
            raise SimulatorError(f"the supervisor was sent no {kind}: {error!r}") from error


@contextmanager
def supervising(stage: Stage) -> Iterator[Supervisor]:
    """A supervisor who speaks on the run's call. Raises ``SimulatorError``."""
    url = stage.bridge.supervise(stage.known_call())
    try:
        with connect(url, proxy=None, open_timeout=5) as socket:
            yield Supervisor(stage, socket)
    except (OSError, InvalidHandshake) as error:
        raise SimulatorError(f"the supervisor's websocket: {error}") from error


def hears_words(stage: Stage, socket: MediaSocket) -> None:
    """Wait until the assistant has spoken, and is quiet. Raises ``SimulatorError``."""
    if not _await(stage, lambda: level(socket.ear.drain()) > LOUD):
        raise SimulatorError("the caller heard no word of the assistant")
    quiet = time.monotonic()
    while time.monotonic() - quiet < QUIET_SECONDS:
        if level(socket.ear.drain()) > LOUD:
            quiet = time.monotonic()
        time.sleep(POLL_SECONDS)


def hears_voice(stage: Stage, socket: MediaSocket) -> None:
    """Check that what has come to the caller is the supervisor's tone."""
    heard = bytearray()

    def enough() -> bool:
        heard.extend(socket.ear.drain())
        seconds = len(heard) / SAMPLE_WIDTH / socket.sample_rate
        return seconds >= SPEAK_SECONDS / 2

    _await(stage, enough)
    voice, other = sounds(bytes(heard), socket.sample_rate)
    if not voice or other > CUT:
        stage.problem(f"{voice} sounds were the supervisor's, {other} were not")
    stage.timeline.add("caller", f"hears the supervisor for {voice * FRAME_SECONDS:.1f} s")


def hears_nothing(stage: Stage, socket: MediaSocket) -> None:
    """Check that the assistant does not answer. The supervisor's last sound may be on its way."""
    time.sleep(SILENT_SECONDS)
    _, other = sounds(socket.ear.drain(), socket.sample_rate)
    if other > CUT:
        stage.problem("the assistant spoke while the supervisor had the call")


def sounds(pcm: bytes, rate: int) -> tuple[int, int]:
    """How many pieces of 20 ms are the tone ``VOICE``, and how many are another sound."""
    size = round(rate * FRAME_SECONDS) * SAMPLE_WIDTH
    pieces = (pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size))
    pure = [_share(each, rate) > PURE for each in pieces if level(each) > LOUD]
    return pure.count(True), pure.count(False)


def _await(stage: Stage, done: Callable[[], bool]) -> bool:
    until = time.monotonic() + stage.config.timeout
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _share(pcm: bytes, rate: int) -> float:
    """The part of the energy that is at the tone: 1 for the tone alone."""
    samples = struct.unpack(f"<{len(pcm) // SAMPLE_WIDTH}h", pcm)
    turn = 2 * math.pi * VOICE / rate
    cosine = sum(each * math.cos(turn * n) for n, each in enumerate(samples))
    sine = sum(each * math.sin(turn * n) for n, each in enumerate(samples))
    whole: int = sum(each * each for each in samples) or 1
    at_tone: float = 2 * (cosine * cosine + sine * sine) / len(samples)
    return at_tone / whole
