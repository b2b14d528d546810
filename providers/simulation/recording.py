"""Recordings of a simulated carrier, and the check that the bridge serves them.

The caller is a low tone on the left channel. What the caller heard is a high one on the right.
"""

from __future__ import annotations

import io
import math
import struct
import time
import wave
from functools import cache

from providers.simulation.bridge import POLL_SECONDS
from providers.simulation.stage import Stage
from providers.simulation.timeline import SimulatorError

RATE = 8000
SECONDS = 0.5
# Hertz, left and right.
TONES = (400.0, 1000.0)
# Overrides of an assistant whose calls are recorded.
RECORDED = {"recordingEnabled": True}
CHANNELS = {"recordingUrl": 1, "stereoRecordingUrl": 2}
ENDED = ("ended", "manually-canceled")


@cache
def wav() -> bytes:
    """A WAV file of both tones."""
    frames = (
        [round(8000 * math.sin(2 * math.pi * tone * n / RATE)) for tone in TONES]
        for n in range(round(RATE * SECONDS))
    )
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(len(TONES))
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(b"".join(struct.pack("<2h", *frame) for frame in frames))
    return data.getvalue()


def end_when_recorded(stage: Stage) -> None:
    """The owner ends the call through the bridge's API once the caller talks and is recorded."""
    if not stage.recording.wait(stage.patience):
        raise SimulatorError("nobody had the call recorded")
    if not stage.talking.wait(stage.patience):
        raise SimulatorError("the media socket was never open")
    stage.bridge.await_outcome(stage.known_call(), ("in-progress", None))
    stage.bridge.end_call(stage.known_call())
    stage.join()


def check(stage: Stage) -> None:
    """Check that the call links to both recordings, and that the links work without a key."""
    stage.bridge.await_outcome(stage.known_call(), ENDED)
    deadline = time.monotonic() + stage.patience
    while not CHANNELS.keys() <= (call := stage.bridge.call(stage.known_call())).keys():
        if time.monotonic() > deadline:
            raise SimulatorError("the call has no recordingUrl")
        time.sleep(POLL_SECONDS)
    for name, channels in CHANNELS.items():
        answer = stage.wire.send("owner -> bridge", "GET", call[name], {}, b"", label=name)
        if answer.status != 200 or _channels(answer.body) != channels:
            stage.problem(f"{name} is no recording of {channels} channels")


def _channels(data: bytes) -> int:
    try:
        with wave.open(io.BytesIO(data)) as sound:
            return int(sound.getnchannels())
    except (wave.Error, EOFError):
        return 0
